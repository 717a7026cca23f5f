"""What the engine costs a request where the model costs nothing."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from fmaudit.engine.costs import Costs
from fmaudit.engine.progress import Silent
from fmaudit.engine.runner import LocalRunner
from fmaudit.engine.scheduler import Engine
from fmaudit.models.fakes import FakeClassifier
from fmaudit.models.torchmodel import Loaded
from fmaudit.types import Classify

COUNT = 50_000
folder = Path(sys.argv[1])
costs = Costs()
model = FakeClassifier(lambda text: (0.0, 1.0))
runner = LocalRunner(Loaded(model), folder / "overhead.sqlite", costs, Silent())
engine = Engine({"target": runner}, costs, Silent())
requests = [Classify(f"the text with the number {k} in it") for k in range(COUNT)]


def seconds() -> float:
    begun = time.perf_counter()
    for start in range(0, COUNT, 4096):
        engine.answer(requests[start : start + 4096])
    return time.perf_counter() - begun


fresh, cached = seconds(), seconds()
print(
    json.dumps(
        {
            "engine overhead a request, fake model": fresh / COUNT * 1e6,
            "the same where the cache holds it, µs": cached / COUNT * 1e6,
        }
    )
)
