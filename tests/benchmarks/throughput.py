"""The engine against a bare loop of `model(**batch)`, over the same texts in one process.

The bare loop tokenises, sorts by length and pads to the longest of each batch, at each of several
batch sizes; the best of them is the floor. Both are run in turn, five times, and the median of the
turns' ratios is what counts: other work on the machine slows both.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

import torch
from subject import minilm, sentences

from fmaudit.engine.costs import Costs
from fmaudit.engine.progress import Silent
from fmaudit.engine.runner import LocalRunner
from fmaudit.engine.scheduler import Engine
from fmaudit.models.classifier import ClassifierHandle
from fmaudit.types import Classify

folder = Path(sys.argv[1])
texts = sentences(800)
handle = ClassifierHandle(minilm(folder), "minilm")
model = handle.load()


def bare(size: int, some: list[str]) -> float:
    begun = time.perf_counter()
    ids = sorted(model.tokenizer(some)["input_ids"], key=len)
    with torch.inference_mode():
        for start in range(0, len(ids), size):
            part = {"input_ids": ids[start : start + size]}
            batch = model.tokenizer.pad(part, return_tensors="pt")
            model.module(**batch).logits.tolist()
    return time.perf_counter() - begun


def engine(turn: int) -> float:
    costs = Costs()
    runner = LocalRunner(handle, folder / f"throughput{turn}.sqlite", costs, Silent())
    runner._model, runner._prefix = model, b"throughput"
    driven = Engine({"target": runner}, costs, Silent())
    begun = time.perf_counter()
    driven.answer([Classify(t) for t in texts])
    return time.perf_counter() - begun


sizes = {size: bare(size, texts[:400]) for size in (8, 16, 24, 32, 48, 64, 128)}
best_sizes = sorted(sizes, key=sizes.__getitem__)[:2]
bare_times, engine_times = [], []
for turn in range(5):
    bare_times.append(min(bare(size, texts) for size in best_sizes))
    engine_times.append(engine(turn))
ratios = [b / e for b, e in zip(bare_times, engine_times, strict=True)]
print(
    json.dumps(
        {
            "engine throughput on classify over the bare model's": statistics.median(ratios),
            "the best time of each, ratio": min(bare_times) / min(engine_times),
            "bare model, texts a second": len(texts) / min(bare_times),
            "bare model's best batch size, rows": best_sizes[0],
        }
    )
)
