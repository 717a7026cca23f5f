"""Speed and memory against the bare model, as ratios within one run.

Prints a table and writes bench.json: a list of {name, value, unit, op, bar, met}.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BARS = {
    "engine throughput on classify over the bare model's": ("ratio", ">=", 0.9),
    "shap through the bridge over shap called directly": ("ratio", ">=", 1.0),
    "engine throughput on likelihoods over the bare model's": ("ratio", ">=", 0.9),
    "three options behind one prompt over three sequences": ("ratio", ">=", 1.8),
    "engine generation over model.generate, equal batches": ("ratio", ">=", 0.9),
    "BBQ's options behind one prefix over three bare sequences": ("ratio", ">=", 2.0),
    "CrowS-Pairs over lm-evaluation-harness, same dtype": ("ratio", ">=", 1.15),
    "memory growth, 4,000 tokens of 200,000 words": ("MB", "<=", 500.0),
    "engine overhead a request, fake model": ("µs", "<=", 100.0),
    "a finished audit run again over its first run": ("ratio", "<=", 0.05),
    "modules of torch loaded by the second run": ("count", "<=", 0.0),
    "memory growth at 200,000 rows, fake model": ("MB", "<=", 500.0),
    "group fairness of the full Adult test set, 1,000 resamples": ("s", "<=", 60.0),
    "import fmaudit": ("s", "<=", 0.3),
    "fmaudit --help": ("s", "<=", 0.5),
    "modules of torch loaded by --help": ("count", "<=", 0.0),
}


def main() -> int:
    """Run every part in a process of its own and gather the figures."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "FMAUDIT_CACHE": f"{folder}/cache"}
        for part in (
            "startup.py",
            "overhead.py",
            "memory.py",
            "throughput.py",
            "bridge.py",
            "language.py",
            "language_memory.py",
            "bbq.py",
            "crows.py",
            "fairness.py",
            "rerun.py",
        ):
            print(f"… {part}", file=sys.stderr, flush=True)
            begun = time.monotonic()
            done = subprocess.run(
                [sys.executable, str(HERE / part), folder],
                env=environment,
                cwd=folder,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            figures |= json.loads(done.stdout.splitlines()[-1])
            print(f"  {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    rows = [row(name, value) for name, value in figures.items()]
    (ROOT / "bench.json").write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    for r in rows:
        bar = f"{r['op']} {r['bar']:g}" if r["op"] else ""
        met = {True: "met", False: "NOT MET", None: ""}[r["met"]]
        print(f"{r['name']:<55} {r['value']:>10.4g} {r['unit']:<9} {bar:<8} {met}")
    return 0 if all(r["met"] is not False for r in rows) else 1


def row(name: str, value: float) -> dict[str, object]:
    """A figure with its bar; figures without one are context."""
    unit, op, bar = BARS.get(name, (name.rpartition(", ")[2], "", 0.0))
    met = None if not op else (value >= bar if op == ">=" else value <= bar)
    return {"name": name, "value": value, "unit": unit, "op": op, "bar": bar, "met": met}


if __name__ == "__main__":
    sys.exit(main())
