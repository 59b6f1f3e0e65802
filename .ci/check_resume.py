#!/usr/bin/env python3
"""Kills runs of `apus train` at random moments, resumes them, and compares them with a run that was left alone.

    .ci/check_resume.py [--kills N] [RECIPE …]        # gpt, ddpm and dcgan, 20 times each
"""
import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SETTINGS = {
    "gpt": "stories=200,measured=20,sampleLength=40",
    "ddpm": "examples=300,channels=16,samplerSteps=3",
    "dcgan": "examples=300,channels=8,measured=50",
}


def train(recipe, out, steps, *more):
    line = [Path(".build/release/apus"), "train", recipe, "--out", out, "--steps", str(steps), "--batch", "8",
            "--set", SETTINGS.get(recipe, "") + ",saveEvery=2,evaluateEvery=10,sampleEvery=20", *more]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def figures(out):
    lines = map(json.loads, (out / "metrics.jsonl").read_text().splitlines())
    return [{k: v for k, v in line.items() if k not in ("seconds", "per_second")} for line in lines]


def tensors(out, steps):
    data = (out / f"checkpoints/step-{steps:08}.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    return {k: data[8 + size:][slice(*v["data_offsets"])] for k, v in header.items() if k != "__metadata__"}


def check(recipe, place, kills, steps):
    whole, killed = place / recipe, place / f"{recipe}-killed"
    start = time.time()
    assert train(recipe, whole, steps).wait() == 0, f"{recipe}: the whole run failed"
    span = time.time() - start
    ended = 0
    for _ in range(kills):
        run = train(recipe, killed, steps, *(["--resume"] if (killed / "config.json").exists() else []))
        time.sleep(random.uniform(0.05, 0.35) * span)
        run.send_signal(signal.SIGKILL)
        ended += run.wait() < 0
    run = train(recipe, killed, steps, *(["--resume"] if (killed / "config.json").exists() else []))
    problem = run.communicate()[1].decode()
    assert run.returncode == 0, f"{recipe}: {problem}"
    assert figures(whole) == figures(killed), f"{recipe}: the figures differ"
    assert tensors(whole, steps) == tensors(killed, steps), f"{recipe}: the weights differ"
    print(f"{recipe}: killed {ended} times in {steps} steps; figures and weights are the same to the bit")


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("recipes", nargs="*", default=["gpt", "ddpm", "dcgan"])
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--steps", type=int, default=200)
    chosen = options.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        for name in chosen.recipes:
            check(name, folder, chosen.kills, chosen.steps)
    except AssertionError as error:
        sys.exit(str(error))
    finally:
        shutil.rmtree(folder)
