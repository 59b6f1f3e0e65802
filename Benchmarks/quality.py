"""How good quantised models are: Apus beside llama.cpp (packages llama-cpp-python and gguf).

    python3 Benchmarks/quality.py FILE.gguf TEXT [--windows 32] [--types Q4_0,Q4_K_M] [--folder DIR]
                                  [--imatrix FILE] [--rounding [--measured FILE]] [--no-perplexity]

FILE.gguf holds plain numbers (F16, F32). For each type both engines make a file of it, unless the folder has it already; what
was measured stays in measured.json there, so that an interrupted run goes on where it was.
Their tensors must have the same types. Three perplexities are shown: llama.cpp's file in Apus and in llama.cpp, and the file
of `apus quantize` in llama.cpp. Both engines cut the text into the same windows of 512 tokens and foretell the second half of
each but its first token; Apus must count as many. With --imatrix (of apus imatrix) both quantise by it. --rounding shows by
type the errors of our rounding over those of theirs: of the weights, or, with --measured FILE, of what matrices make of inputs
as large as that importance matrix says.
"""
import argparse
import ctypes
import json
import os
import subprocess

import gguf
import llama_cpp as L
import numpy as np

WINDOW = 512
TYPES = ("F16 Q8_0 Q6_K Q5_K_M Q5_K_S Q5_1 Q5_0 Q4_K_M Q4_K_S Q4_1 Q4_0 IQ4_NL IQ4_XS "
         "Q3_K_L Q3_K_M Q3_K_S Q2_K")
quiet = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda *_: None)
L.llama_log_set(quiet, None)


def importances(path):
    """The mean squares of the columns' inputs, by tensor."""
    found = {t.name: t.data for t in gguf.GGUFReader(path).tensors} if path else {}
    return {n[:-8]: (x / found[n[:-8] + ".counts"].reshape(-1, 1)).astype(np.float32)
            for n, x in found.items() if n.endswith(".in_sum2")}


def quantize(source, target, name, threads, importance):
    """llama.cpp's file."""
    p = L.llama_model_quantize_default_params()
    if importance:
        entries = (L.llama_model_imatrix_data * (len(importance) + 1))()
        for entry, (tensor, x) in zip(entries, importance.items()):
            entry.name, entry.size = tensor.encode(), x.size
            entry.data = x.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        p.imatrix = entries
    p.ftype, p.nthread = getattr(L, "LLAMA_FTYPE_MOSTLY_" + name), threads
    assert L.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(p)) == 0, name


class Llama:
    """A model in llama.cpp."""

    def __init__(self, path, threads):
        self.model = L.llama_model_load_from_file(path.encode(), L.llama_model_default_params())
        p = L.llama_context_default_params()
        p.n_ctx, p.n_batch, p.n_ubatch, p.n_threads, p.n_threads_batch = (
            WINDOW, WINDOW, WINDOW, threads, threads)
        self.context = L.llama_init_from_model(self.model, p)
        self.vocabulary = L.llama_model_get_vocab(self.model)
        self.width = L.llama_vocab_n_tokens(self.vocabulary)

    def tokens(self, text):
        out = (ctypes.c_int32 * (len(text) + 8))()
        n = L.llama_tokenize(self.vocabulary, text, len(text), out, len(out), True, False)
        return list(out[:n])

    def losses(self, window):
        """-log p of the second half's tokens; its first token is seen, not foretold."""
        L.llama_memory_clear(L.llama_get_memory(self.context), True)
        batch, first = L.llama_batch_init(len(window), 0, 1), WINDOW // 2
        batch.n_tokens = len(window)
        for i, token in enumerate(window):
            batch.token[i], batch.pos[i], batch.n_seq_id[i] = token, i, 1
            batch.seq_id[i][0], batch.logits[i] = 0, first <= i < WINDOW - 1
        assert L.llama_decode(self.context, batch) == 0
        L.llama_batch_free(batch)
        count = WINDOW - 1 - first
        rows = np.ctypeslib.as_array(L.llama_get_logits(self.context), (count, self.width))
        top = rows.max(1)
        total = np.log(np.exp(rows - top[:, None]).sum(1, dtype=np.float64)) + top
        return total - rows[np.arange(count), window[first + 1:]]

    def close(self):
        L.llama_free(self.context)
        L.llama_model_free(self.model)


def in_llama(path, text, windows, threads):
    model = Llama(path, threads)
    tokens = model.tokens(text)
    start = L.llama_vocab_bos(model.vocabulary)
    found = []
    for i in range(windows):
        window = tokens[i * WINDOW:(i + 1) * WINDOW]
        if L.llama_vocab_get_add_bos(model.vocabulary):
            window[0] = start
        found.append(model.losses(window))
    model.close()
    return np.exp(np.concatenate(found).mean())


def in_apus(apus, path, text, windows, threads):
    run = subprocess.run(
        [apus, "perplexity", "-m", path, "-f", text, "--chunks", str(windows), "--json",
         "-t", str(threads)], check=True, capture_output=True, text=True)
    found = json.loads(run.stdout)
    assert found["scored_tokens"] == windows * (WINDOW - 1 - WINDOW // 2), found
    return found["perplexity"]


class Measured:
    """Figures in a file: each is computed once."""

    def __init__(self, path):
        self.path = path
        self.found = json.load(open(path)) if os.path.exists(path) else {}

    def __call__(self, engine, file, windows, measure):
        key = f"{engine} {os.path.basename(file)} {os.path.getmtime(file):.0f} {windows}"
        if key not in self.found:
            self.found[key] = float(measure())
            json.dump(self.found, open(self.path, "w"), indent=1)
        return self.found[key]


def plain(tensor):
    return gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float64)


def compare(source, ours, theirs, rounding, weights):
    """Tensors whose types differ, whether all bits are the same, and the ratios of rounding errors (ours / theirs)."""
    x, a, b = ({t.name: t for t in gguf.GGUFReader(p).tensors} for p in (source, ours, theirs))
    different = [n for n in x if a[n].tensor_type != b[n].tensor_type]
    equal = all(np.array_equal(a[n].data, b[n].data) for n in x)
    sums = {}
    for name in x if rounding and not equal else []:
        kind = a[name].tensor_type.name
        if name in different or kind in ("F32", "F16"):
            continue
        true = plain(x[name])
        w = weights.get(name, 1) if weights else 1
        s = [(w * (plain(t[name]) - true) ** 2).sum() for t in (a, b)]
        if (name in weights or not weights) and min(s) > 0:
            sums.setdefault(kind, []).append(0.5 * np.log(s[0] / s[1]))
    return different, equal, {k: round(float(np.exp(np.mean(s))), 4) for k, s in sums.items()}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("source")
    p.add_argument("text")
    p.add_argument("--windows", type=int, default=32)
    p.add_argument("--types", default=TYPES.replace(" ", ","))
    p.add_argument("--folder", default=".build/quality")
    p.add_argument("--imatrix")
    p.add_argument("--rounding", action="store_true")
    p.add_argument("--measured")
    p.add_argument("--no-perplexity", action="store_true")
    p.add_argument("--apus", default=".build/release/apus")
    p.add_argument("--threads", type=int, default=2)
    o = p.parse_args()
    os.makedirs(o.folder, exist_ok=True)
    text = open(o.text, "rb").read()[:o.windows * WINDOW * 12]    # 12 bytes a token are enough
    beginning = f"{o.folder}/beginning.txt"
    open(beginning, "wb").write(text)
    measured = Measured(f"{o.folder}/measured.json")
    print("| type | MB | its file in Apus | in llama.cpp | ratio | our file in llama.cpp | ratio | |", flush=True)
    print("|---|---|---|---|---|---|---|---|")
    for name in o.types.split(","):
        kind = name + ("-imatrix" if o.imatrix else "")
        theirs, ours = (f"{o.folder}/{who}-{kind}.gguf" for who in ("llama", "apus"))
        if name == "F16":
            theirs = ours = o.source
        else:
            if not os.path.exists(theirs):
                quantize(o.source, theirs, name, o.threads, importances(o.imatrix))
            if not os.path.exists(ours):
                by = ["--imatrix", o.imatrix] if o.imatrix else []
                subprocess.run(
                    [o.apus, "quantize", o.source, ours, name, *by], check=True,
                    capture_output=True)
        different, equal, errors = compare(
            o.source, ours, theirs, o.rounding, importances(o.measured))
        shown = "the same bits" if equal else " ".join(f"{k} {v}" for k, v in errors.items())
        if different:
            shown += f" other types: {different}"
        if o.no_perplexity:
            print(name, shown, flush=True)
            continue
        n, t = o.windows, o.threads
        same = measured("apus", theirs, n, lambda: in_apus(o.apus, theirs, beginning, n, t))
        peer = measured("llama", theirs, n, lambda: in_llama(theirs, text, n, t))
        own = peer if equal else measured("llama", ours, n, lambda: in_llama(ours, text, n, t))
        print(f"| {name} | {os.path.getsize(theirs) / 1e6:.1f} | {same:.3f} | {peer:.3f} | {same / peer:.4f} "
              f"| {own:.3f} | {own / peer:.4f} | {shown} |", flush=True)


main()
