#!/usr/bin/env python3
"""fuzz_seeds.py FIXTURES FOLDER: small whole examples for the fuzz targets, into FOLDER/TARGET.

Golden files are mostly longer than what is fuzzed with, and half a file ends at the first check. Vocabularies are cut to
their first tokens, and GGUF files are made here: a tensor of each type, each kind of vocabulary, a model of one layer.
"""
import json
import struct
import sys
from pathlib import Path

TOKENS = 48


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value, at


def cut_sentence_piece(data):
    """The first pieces, the training's settings, and the normaliser without its long map."""
    out, at, pieces = b"", 0, 0
    while at < len(data):
        start = at
        key, at = varint(data, at)
        size, at = varint(data, at)
        field = key >> 3
        whole = data[start : at + size]
        at += size
        pieces += field == 1
        if (field == 1 and pieces <= TOKENS) or (field != 1 and len(whole) < 1024):
            out += whole
    return out


def cut_tokenizer(text):
    file = json.loads(text)
    model = file.get("model", {})
    vocabulary = model.get("vocab")
    if isinstance(vocabulary, dict):
        kept = sorted(vocabulary, key=vocabulary.get)[:TOKENS]
        model["vocab"] = {token: i for i, token in enumerate(kept)}
    elif isinstance(vocabulary, list):
        kept = [item[0] for item in vocabulary[:TOKENS]]
        model["vocab"] = vocabulary[:TOKENS]
    else:
        return None
    words = lambda merge: merge.split(" ") if isinstance(merge, str) else merge
    if "merges" in model:
        known = [m for m in model["merges"] if all(word in kept for word in words(m))]
        model["merges"] = known[:16]
    file["added_tokens"] = file.get("added_tokens", [])[:3]
    if "precompiled_charsmap" in json.dumps(file.get("normalizer")):
        file["normalizer"] = {"type": "NFKC"}
    return json.dumps(file, ensure_ascii=False, separators=(",", ":"))


# GGUF: types of values, and of tensors with values and bytes of a block.
U32, F32, BOOL, STRING, ARRAY, I32 = 4, 6, 7, 8, 9, 5
BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    20: (32, 18), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 30: (1, 2),
}  # fmt: skip


def text(value):
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(data)) + data


def value(item):
    if isinstance(item, bool):
        return struct.pack("<IB", BOOL, item)
    if isinstance(item, int):
        return struct.pack("<II", U32, item)
    if isinstance(item, float):
        return struct.pack("<If", F32, item)
    if isinstance(item, str):
        return struct.pack("<I", STRING) + text(item)
    kind = {str: STRING, float: F32, int: I32}[type(item[0])]
    head = struct.pack("<IIQ", ARRAY, kind, len(item))
    plain = {F32: "<f", I32: "<i"}
    return head + b"".join(
        text(x) if kind == STRING else struct.pack(plain[kind], x) for x in item
    )


def gguf(metadata, tensors):
    """Tensors: name, shape (columns last), type."""
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(metadata))
    for key, item in metadata.items():
        head += text(key) + value(item)
    data = b""
    for name, shape, kind in tensors:
        head += text(name) + struct.pack("<I", len(shape))
        head += b"".join(struct.pack("<Q", n) for n in reversed(shape))
        head += struct.pack("<IQ", kind, len(data))
        count, size = 1, BLOCKS[kind]
        for n in shape:
            count *= n
        data += bytes(i % 7 for i in range(count // size[0] * size[1]))
        data += bytes(-len(data) % 32)
    return head + bytes(-len(head) % 32) + data


def vocabulary(kind):
    tokens = ["<unk>", "<s>", "</s>", "<0x41>", "▁", "a", "b", "l", "o", "lo", "▁a", "ab", "Hello", "w"]
    types = [2, 3, 3, 6] + [1] * (len(tokens) - 4)
    found = {
        "tokenizer.ggml.model": kind, "tokenizer.ggml.tokens": tokens, "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.scores": [-float(i) for i in range(len(tokens))],
        "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 2, "tokenizer.ggml.unknown_token_id": 0,
    }  # fmt: skip
    if kind == "gpt2":
        found["tokenizer.ggml.merges"] = ["l o", "a b"]
        found["tokenizer.ggml.pre"] = "gpt-2"
    return found


def sizes(architecture):
    own = {
        "context_length": 16, "embedding_length": 4, "block_count": 1, "feed_forward_length": 4, "vocab_size": 14,
        "attention.head_count": 2, "attention.head_count_kv": 1, "attention.layer_norm_rms_epsilon": 1e-5,
        "attention.layer_norm_epsilon": 1e-5, "rope.dimension_count": 2,
    }  # fmt: skip
    return {"general.architecture": architecture} | {f"{architecture}.{k}": v for k, v in own.items()}


def layer(names):
    shapes = {
        "attn_norm": [4], "ffn_norm": [4], "attn_q": [4, 4], "attn_k": [2, 4], "attn_v": [2, 4], "attn_output": [4, 4],
        "ffn_gate": [4, 4], "ffn_up": [4, 4], "ffn_down": [4, 4], "attn_qkv": [8, 4], "attn_q_norm": [2],
        "attn_k_norm": [2], "post_attention_norm": [4], "post_ffw_norm": [4],
    }  # fmt: skip
    return [(f"blk.0.{name}.weight", shapes[name], 0) for name in names.split()]


def models():
    outer = [("token_embd.weight", [14, 4], 1), ("output_norm.weight", [4], 0)]
    usual = "attn_norm ffn_norm attn_q attn_k attn_v attn_output ffn_gate ffn_up ffn_down"
    layers = {
        "llama": usual, "qwen2": usual, "qwen3": usual + " attn_q_norm attn_k_norm",
        "gemma2": usual + " post_attention_norm post_ffw_norm",
        "phi3": "attn_norm ffn_norm attn_qkv attn_output ffn_up ffn_down",
    }  # fmt: skip
    for name, parts in layers.items():
        kind = "gpt2" if name.startswith("qwen") else "llama"
        yield name, gguf(sizes(name) | vocabulary(kind), outer + layer(parts))


def main(fixtures, folder):
    def write(target, name, data):
        path = Path(folder) / target
        path.mkdir(parents=True, exist_ok=True)
        (path / f"cut-{name}").write_bytes(data if isinstance(data, bytes) else data.encode())

    for path in sorted(Path(fixtures).rglob("*.model")):
        write("sentencepiece", path.parent.name, cut_sentence_piece(path.read_bytes()))
    for path in sorted(Path(fixtures).rglob("tokenizer.json")):
        if "malformed" not in str(path) and (data := cut_tokenizer(path.read_text())):
            write("tokenizer", path.parent.name, data)
    for kind in ["llama", "gpt2", "bert", "t5"]:
        write("gguf", kind, gguf({"general.architecture": "llama"} | vocabulary(kind), []))
    for kind, (count, _) in BLOCKS.items():
        write("gguf", f"type-{kind}", gguf({"a": 1}, [("a", [2, count], kind), ("b", [3], 0)]))
    for name, data in models():
        write("gguf", name, data)
        write("model", name, data)


main(*sys.argv[1:])
