#!/usr/bin/env python3
"""Makes this folder's fixture: features and pictures, and what SciPy, NumPy and scikit-image say of them.

    pip install numpy scipy scikit-image safetensors && ./make.py
"""
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from scipy.linalg import sqrtm
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

place = Path(__file__).parent
draw = np.random.default_rng(4)
mix = draw.normal(size=(12, 12)) / 3
real = (np.maximum(draw.normal(size=(180, 12)) @ mix + 0.3, 0)).astype(np.float32)
made = (np.maximum(draw.normal(size=(150, 12)) @ (mix * 0.8) + 0.5, 0)).astype(np.float32)
logits = (draw.normal(size=(150, 5)) * 2).astype(np.float32)
x = draw.uniform(size=(4, 24, 20, 3)).astype(np.float32)
x = ((x + np.roll(x, 1, 1) + np.roll(x, 1, 2)) / 3).astype(np.float32)
y = np.clip(x + draw.normal(size=x.shape) * np.array([0.01, 0.05, 0.1, 0.3]).reshape(4, 1, 1, 1), 0, 1)
y = y.astype(np.float32)
save_file({"real": real, "made": made, "logits": logits, "x": x, "y": y}, place / "metrics.safetensors")
a, b, l, x, y = (t.astype(np.float64) for t in (real, made, logits, x, y))


def frechet(a, b):
    """|μa - μb|² + tr(Σa + Σb - 2 (Σa Σb)^½), Σ with the divisor N - 1."""
    s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s + t - 2 * sqrtm(s @ t).real))


def kernel(a, b, block):
    """The mean over blocks of the unbiased MMD² under (x·y / D + 1)³, and its standard error."""
    def values():
        for start in range(0, min(len(a), len(b)) - block + 1, block):
            u, v = a[start:start + block], b[start:start + block]
            k = lambda p, q: (p @ q.T / a.shape[1] + 1) ** 3
            own = lambda p: (k(p, p).sum() - np.trace(k(p, p))) / (block * (block - 1))
            yield own(u) + own(v) - 2 * k(u, v).mean()
    found = np.array(list(values()))
    return float(found.mean()), float(found.std(ddof=1) / np.sqrt(len(found)))


def share(points, base, k=3):
    """The share of points within the distance of some base point to its k-th neighbour."""
    far = lambda p, q: np.linalg.norm(p[:, None] - q[None], axis=2)
    reach = np.sort(far(base, base), axis=1)[:, k]
    return float((far(base, points) <= reach[:, None]).any(0).mean())


p = np.exp(l - l.max(1, keepdims=True))
p /= p.sum(1, keepdims=True)
mean, error = kernel(a, b, 50)
figures = {
    "frechet": frechet(a, b), "kernel": mean, "kernelError": error,
    "precision": share(b, a), "recall": share(a, b),
    "inception": float(np.exp((p * (np.log(p) - np.log(p.mean(0)))).sum(1).mean())),
    "psnr": [peak_signal_noise_ratio(u, v, data_range=1) for u, v in zip(x, y)],
    "ssim": [float(structural_similarity(
        u, v, data_range=1, channel_axis=2, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False)) for u, v in zip(x, y)],
}
(place / "expected.json").write_text(json.dumps(figures, indent=1) + "\n")
