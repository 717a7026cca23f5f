"""How long it takes to import fmaudit and to print its help: the best of five processes."""

from __future__ import annotations

import json
import subprocess
import sys
import time


def best(code: str) -> float:
    """Seconds of the quickest of five runs, less nothing: the interpreter's start counts."""
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - begun)
    return min(times)


HELP = """
import sys
sys.argv = ["fmaudit", "--help"]
from fmaudit.cli import main
try:
    main()
except SystemExit:
    pass
print(sum(n.split(".")[0] == "torch" for n in sys.modules), file=sys.stderr)
"""
found = subprocess.run([sys.executable, "-c", HELP], check=True, capture_output=True, text=True)
print(
    json.dumps(
        {
            "import fmaudit": best("import fmaudit"),
            "fmaudit --help": best(HELP),
            "modules of torch loaded by --help": int(found.stderr.split()[-1]),
        }
    )
)
