"""What a run cost, counted as it goes."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Costs:
    """Counters of one run. `asked` is `merged` + `cached` + `run`."""

    asked: int = 0
    merged: int = 0
    cached: int = 0
    run: int = 0
    batches: int = 0
    tokens: int = 0
    padded_tokens: int = 0
    halvings: int = 0
    model_seconds: float = 0.0
    started: float = field(default_factory=time.monotonic)

    def summary(self) -> dict[str, Any]:
        """For the record: counts, seconds of wall time, peak memory in bytes.

        `saved` is the share of what was asked that was not computed: merged or cached.
        """
        saved = (self.merged + self.cached) / self.asked if self.asked else 0.0
        return {
            "requests": {
                "asked": self.asked,
                "merged": self.merged,
                "cached": self.cached,
                "run": self.run,
                "saved": round(saved, 4),
            },
            "batches": self.batches,
            "tokens": self.tokens,
            "padded_tokens": self.padded_tokens,
            "halvings": self.halvings,
            "model_seconds": round(self.model_seconds, 3),
            "wall_seconds": round(time.monotonic() - self.started, 3),
            "peak_memory_bytes": peak_memory(),
        }


def peak_memory() -> int:
    """The process's largest resident memory so far, in bytes."""
    status = Path("/proc/self/status")
    if status.is_file():  # a child's ru_maxrss starts at its parent's, this does not
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
