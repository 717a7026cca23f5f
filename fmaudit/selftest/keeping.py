"""What a selftest leaves behind: JSON, and the measured error beside each card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from fmaudit import catalog, measured
from fmaudit.errors import SpecError
from fmaudit.measured import Simulated
from fmaudit.selftest.tier1 import Tier1
from fmaudit.selftest.trials import Trial


def plain(done: Tier1) -> bytes:
    """The figures as JSON: a list of {probe, measure, dose, n, power, false_alarms, …}."""
    rows: list[dict[str, Any]] = [
        {"probe": probe, "tier": 1, **msgspec.to_builtins(figure)}
        for probe, simulated in done.figures.items()
        for figure in simulated
    ]
    return msgspec.json.format(msgspec.json.encode(rows), indent=2) + b"\n"


def checkout(seeds: int | None, fewest: int) -> Path:
    """The folder `probes/` of this checkout, where figures of `seeds` audits may be written.

    None is as many as by default. Raises `SpecError` for fewer than `fewest` and in an
    installed package.
    """
    if seeds is not None and seeds < fewest:
        raise SpecError(f"--write keeps figures of at least {fewest} audits a twin, not of {seeds}")
    root = catalog.roots()[-1]
    if root.name == "_content":
        raise SpecError(
            f"--write changes the cards of a checkout; this fmaudit is installed in {root.parent}."
        )
    return root / "probes"


def keep(trial: Trial, figures: Sequence[Simulated]) -> Path:
    """Write a probe's measured error beside its card; what trained models showed stays."""
    before = measured.read(trial.card)
    found = msgspec.structs.replace(
        trial.stamp, figures=tuple(figures), trained=before.trained if before else ()
    )
    return measured.write(trial.card, found)
