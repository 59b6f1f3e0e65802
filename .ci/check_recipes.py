#!/usr/bin/env python3
"""Runs every recipe from its command line to its samples: train, sample, evaluate, quantize to int8 and q4; on the sets
that recipes make themselves, and on given ones.

    .ci/check_recipes.py [--mnist FOLDER] [NAME …]      # names of rows, such as gpt or vae-stages
"""
import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

APUS = Path(".build/release/apus")
GPT = "layers=2,channels=64,context=32,sampleLength=60,measured=20"
SMALL = "examples=400"
GAME = "channels=8,measured=60,"
UNET = "channels=16,samplerSteps=5,"


def rows(data):
    """Name, recipe, settings, and what is given to it."""
    text, lines, points, pictures, mnist = (data / n for n in ("text.txt", "lines.jsonl", "points.txt", "pictures", "mnist"))
    yield "gpt", "gpt", f"{GPT},stories=300", None
    yield "gpt-llama", "gpt", f"{GPT},stories=300,style=llama,keyHeads=2", None
    yield "gpt-bpe", "gpt", f"{GPT},tokens=bpe,vocabulary=300", text
    yield "gpt-tokenizer", "gpt", f"{GPT},tokenizer={data / 'tokenizer'}", lines
    for name, settings in [("autoencoder", ""), ("autoencoder-noise", ",noise=0.3"), ("autoencoder-stages", ",stages=[8,16]"),
                           ("vae", ""), ("vae-stages", ",stages=[8,16],beta=2"), ("vqvae", ",hidden=16"),
                           ("glow", ",scales=2,steps=2,hidden=16"), ("dcgan", "," + GAME), ("wgan-gp", "," + GAME),
                           ("ddpm", "," + UNET), ("classifier", "")]:
        recipe = name if name == "wgan-gp" else name.split("-")[0]
        small = (SMALL + settings).rstrip(",")
        yield name, recipe, small, None
        yield f"{name}-mnist", recipe, small, mnist
        changes = "pictures.side=32,pictures.augmentation.mirrors=true,pictures.augmentation.shift=2"
        yield f"{name}-pictures", recipe, f"{small},{changes},pictures.augmentation.smallestCut=0.8", pictures
    yield "vae-stream", "vae", f"{SMALL},pictures.streams=true,pictures.side=32", pictures
    yield "ddpm-stream", "ddpm", f"{SMALL},{UNET}pictures.streams=true", pictures
    for prediction in ["epsilon", "sample", "v_prediction"]:
        for schedule in ["linear", "squaredcos_cap_v2"]:
            yield f"ddpm-{prediction}-{schedule}", "ddpm", f"{SMALL},{UNET}prediction={prediction},schedule={schedule}", None
    yield "ddpm-unconditional", "ddpm", f"{SMALL},{UNET}conditional=false", None
    for recipe in ["realnvp", "gan"]:
        yield recipe, recipe, "hidden=[32]" if recipe == "gan" else "hidden=16,couplings=4", None
        yield f"{recipe}-points", recipe, "hidden=[32]" if recipe == "gan" else "hidden=16,couplings=4", points


def make_data(data, mnist):
    import math
    import random
    random.seed(1)
    words = "the cat sat on a mat and saw how dogs run over hills to far away seas".split()
    sentences = [" ".join(random.choices(words, k=9)).capitalize() + "." for _ in range(900)]
    (data / "text.txt").write_text("\n".join(sentences))
    (data / "lines.jsonl").write_text("".join(f'{{"text": "{s}"}}\n' for s in sentences) + "{broken\n")
    (data / "points.txt").write_text("x y\n" + "".join(
        f"{math.cos(i) + random.gauss(0, 0.1):.4f}, {math.sin(i) + random.gauss(0, 0.1):.4f}\n" for i in range(900)))
    run([APUS, "tokenizer", "train", data / "text.txt", "--vocab", "300", "--out", data / "tokenizer"])
    from PIL import Image, ImageDraw
    for i in range(120):
        kind = ["disc", "box"][i % 2]
        picture = Image.new("RGB", (random.randint(34, 60), random.randint(34, 60)))
        color = tuple(random.choices(range(60, 256), k=3))
        draw = ImageDraw.Draw(picture)
        (draw.ellipse if kind == "disc" else draw.rectangle)([6, 6, 28, 28], fill=color)
        place = data / "pictures" / kind
        place.mkdir(parents=True, exist_ok=True)
        picture.save(place / f"{i}.{'png' if i % 3 else 'jpg'}")
    (data / "pictures/disc/broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    if mnist:
        (data / "mnist").symlink_to(Path(mnist).resolve())


def run(line, fails=False):
    done = subprocess.run(list(map(str, line)), capture_output=True, text=True)
    if (done.returncode != 0) != fails:
        raise AssertionError(f"{' '.join(map(str, line))}: exit {done.returncode}: {done.stderr[-600:]}")
    return done.stdout + done.stderr


SAMPLERS = ["ddpm", "ddim", "pndm", "dpm++", "euler", "euler-ancestral", "heun", "unipc", "lcm"]


def check(name, recipe, settings, data, place):
    if data is not None and not data.exists():
        return "left out: no data"
    out = place / name
    start = time.time()
    given = ["--data", data] if data else []
    run([APUS, "train", recipe, "--out", out, "--steps", 6, "--batch", 8, "--set", settings, *given])
    run([APUS, "sample", out, "--count", 8, "--out", out / "made"])
    figures = run([APUS, "evaluate", out])
    assert figures.split() and "nan" not in figures, figures
    for kind in ["int8", "q4"]:
        assert "weights" in run([APUS, "quantize", out, "--type", kind])
    if name == "ddpm":
        for sampler in SAMPLERS:
            run([APUS, "sample", out, "--count", 5, "--out", out / sampler, "--set", f"sampler={sampler},label=1,guidance=3"])
    return f"{time.time() - start:.1f} s: " + " ".join(figures.split())


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("names", nargs="*")
    options.add_argument("--mnist")
    chosen = options.parse_args()
    place = Path(tempfile.mkdtemp())
    failed = 0
    try:
        make_data(place, chosen.mnist)
        for row in rows(place):
            if chosen.names and row[0] not in chosen.names:
                continue
            try:
                print(f"{row[0]:28} {check(*row, place)}", flush=True)
            except AssertionError as error:
                failed += 1
                print(f"{row[0]:28} FAILED {error}", flush=True)
        broken = run([APUS, "train", "vae", "--data", place / "pictures", "--strict", "--out", place / "strict"], fails=True)
        assert "broken.png" in broken and broken.count("\n") == 1, broken
    finally:
        shutil.rmtree(place)
    sys.exit(failed > 0)
