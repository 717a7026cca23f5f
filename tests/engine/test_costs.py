from __future__ import annotations

import subprocess
import sys
import time

import psutil
from support import listed

from fmaudit.engine import costs
from fmaudit.engine.costs import Costs, peak_memory
from fmaudit.types import decode, encode


def test_what_was_asked_is_merged_cached_or_run(bench):
    bench.engine.run([bench.task("a"), bench.task("b")], listed(60))
    bench.engine.run([bench.task("c")], listed(80))
    found = bench.costs
    assert (found.asked, found.merged, found.cached, found.run) == (200, 60, 60, 80)
    assert found.asked == found.merged + found.cached + found.run
    assert found.run == bench.calls()
    assert found.batches == len(bench.model.shapes)
    assert 0 < found.tokens <= found.padded_tokens


def test_the_share_that_was_saved():
    assert Costs(asked=8, merged=4, cached=2, run=2).summary()["requests"]["saved"] == 0.75
    assert Costs().summary()["requests"]["saved"] == 0.0


def test_the_summary_says_every_counter_and_is_json():
    given = Costs(1, 2, 3, 4, 5, 6, 7, 8, 1.23456)
    found = given.summary()
    assert found["requests"] == {"asked": 1, "merged": 2, "cached": 3, "run": 4, "saved": 5.0}
    rest = {k: v for k, v in found.items() if k not in ("requests", "wall_seconds")}
    peak = rest.pop("peak_memory_bytes")
    assert rest == {
        "batches": 5,
        "tokens": 6,
        "padded_tokens": 7,
        "halvings": 8,
        "model_seconds": 1.235,
    }
    assert peak > 0
    assert decode(encode(found), dict) == found


def test_time_runs_from_the_start(monkeypatch):
    given = Costs()
    monkeypatch.setattr(costs.time, "monotonic", lambda: given.started + 2.5)
    assert given.summary()["wall_seconds"] == 2.5
    monkeypatch.undo()
    assert time.monotonic() >= given.started


GROW = """
from fmaudit.engine.costs import peak_memory
before = peak_memory()
held = bytearray(b"x") * 60_000_000
grown = peak_memory()
del held
print(before, grown, peak_memory())
"""


def test_peak_memory_is_in_bytes_and_never_falls():
    assert peak_memory() >= 0.9 * psutil.Process().memory_info().rss
    command = [sys.executable, "-c", GROW]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    before, grown, after = map(int, said.stdout.split())
    assert 40_000_000 < grown - before < 200_000_000
    assert after >= grown - 4_000_000  # the kernel's own counters lag by some pages
