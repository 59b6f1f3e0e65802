#!/usr/bin/env python3
"""Reads a run's event files with the tensorboard package and compares them with its metrics.jsonl.

    pip install tensorboard && .ci/check_events.py run/
"""
import json
import math
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

run = Path(sys.argv[1])
events = EventAccumulator(str(run), size_guidance={"scalars": 0, "images": 0, "tensors": 0})
events.Reload()
curves = {tag: {e.step: e.value for e in events.Scalars(tag)} for tag in events.Tags()["scalars"]}
compared = 0
for line in map(json.loads, (run / "metrics.jsonl").read_text().splitlines()):
    kind, figures = ("test", line["evaluation"]) if "evaluation" in line else ("train", line)
    for name, value in figures.items():
        if name == "step" or not isinstance(value, (int, float)):
            continue
        found = curves.get(f"{kind}/{name}", {}).get(line["step"])
        if found is None or not math.isclose(found, value, rel_tol=1e-6, abs_tol=1e-30):
            sys.exit(f"{run}: step {line['step']}: {kind}/{name} is {found}, metrics.jsonl has {value}")
        compared += 1
print(f"{run}: {compared} figures agree, {sum(len(events.Images(t)) for t in events.Tags()['images'])} pictures")
