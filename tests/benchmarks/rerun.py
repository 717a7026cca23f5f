"""A finished audit, given again by the same command line in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from subject import minilm

folder = Path(sys.argv[1])
(folder / "rerun.yaml").write_text(
    f"""
model: {minilm(folder)}
data: {{card: adult, limit: 2000}}
probes:
  - performance
  - bias.group_outcomes
  - {{id: bias.counterfactual_terms, params: {{per_item: 1, single_person: true}}}}
"""
)
CODE = """
import sys
sys.argv = ["fmaudit", "audit", "rerun.yaml", "--quiet"]
from fmaudit.cli import main
try:
    main()
except SystemExit:
    pass
print(sum(n.split(".")[0] == "torch" for n in sys.modules))
"""


def run() -> tuple[float, int]:
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", CODE], check=True, cwd=folder, stdout=subprocess.PIPE, text=True
    )
    return time.perf_counter() - begun, int(done.stdout.split()[-1])


first, loaded = run()
assert loaded, "the first run loads the model"
second, again = min(run(), run())
print(
    json.dumps(
        {
            "a finished audit run again over its first run": second / first,
            "modules of torch loaded by the second run": again,
            "the first run, s": first,
            "the second run, s": second,
        }
    )
)
