"""Resident memory over 200,000 rows through group outcomes and performance."""

from __future__ import annotations

import csv
import json
import random
import sys
import time
from pathlib import Path

import psutil

import fmaudit
from fmaudit.engine.costs import peak_memory
from fmaudit.models.fakes import FakeClassifier, hashed

ROWS = 200_000
folder = Path(sys.argv[1])


def write(path: Path, rows: int) -> None:
    rng = random.Random(0)
    with path.open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["text", "label", "sex", "race"])
        for k in range(rows):
            text = f"person {k} works as a {rng.choice(['nurse', 'teacher', 'clerk'])} " * 4
            label, sex = rng.choice(["no", "yes"]), rng.choice(["F", "M"])
            out.writerow([text, label, sex, rng.choice("ABCDE")])


def run(rows: int) -> None:
    path = folder / f"rows{rows}.csv"
    write(path, rows)
    spec = {
        "name": f"memory{rows}",
        "model": {"path": "set below", "adapter": "fake"},
        "data": {
            "source": f"file:{path}",
            "text": "text",
            "label": "label",
            "groups": ["sex", "race"],
        },
        "probes": ["performance", "bias.group_outcomes"],
    }
    fmaudit.audit(spec, out=folder / f"run{rows}", model=FakeClassifier(hashed))


run(2000)  # what is loaded once: libraries, their tables
before = psutil.Process().memory_info().rss
begun = time.perf_counter()
run(ROWS)
took = time.perf_counter() - begun
growth = (peak_memory() - before) / 1e6
print(
    json.dumps(
        {
            "memory growth at 200,000 rows, fake model": growth,
            "audit of 200,000 rows, fake model, s": took,
        }
    )
)
