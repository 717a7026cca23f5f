"""How test texts are ranked by a toxicity score, one group's beside the others', written anew.

An AUROC of the rows that should score high against those that should not, its influence values as
in `probabilities`; the generalised mean of G groups' is M = (Σ s^p / G)^(1/p), log M moves by
Σ s^(p−1)·ds / Σ s^p.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.estimates import Ask, Smooth, smooth
from fmaudit.reporting.verify.probabilities import auroc
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.types import Estimate

Compute = Callable[[Rows, Ask], Estimate]

EXPONENT = -5

WHO: dict[str, tuple[bool | None, bool | None]] = {
    "overall": (None, None),
    "subgroup": (True, True),
    "bpsn": (False, True),
    "bnsp": (True, False),
}
"""Whether the toxic and the harmless texts are the group's own; None: whoever's."""


def area(kind: str) -> Compute:
    """The AUROC of the toxic texts of one side against the harmless ones of another."""

    def found(rows: Rows, ask: Ask) -> Estimate:
        mine = rows.columns["group"].astype(bool) if "group" in rows.columns else None
        toxic = rows.columns["toxic"] == 1
        kept = _taken(kind, toxic, mine)
        inside = rows.where(kept)
        value, influence, limiting = _ranked(inside, toxic[kept], ask)
        return smooth(Smooth(value, influence, limiting=limiting), inside, ask)

    return found


def mean(kind: str) -> Compute:
    """The generalised mean of the groups' AUROCs."""

    def found(rows: Rows, ask: Ask) -> Estimate:
        toxic, group = rows.columns["toxic"] == 1, rows.columns["group"]
        values: dict[str, float] = {}
        moved: list[Array] = []
        units, excluded = [], {}
        for name in np.unique(group.astype(str)):
            kept = _taken(kind, toxic, group == name)
            try:
                value, own, limiting = _ranked(rows.where(kept), toxic[kept], ask)
            except NotEstimable as why:
                excluded[str(name)] = str(why)
                continue
            whole = np.zeros(rows.n)
            whole[kept] = own
            values[str(name)] = value
            moved.append(whole)
            units.append(limiting)
        if len(values) < 2:
            raise NotEstimable("fewer than two groups")
        each = np.array(list(values.values()))
        if (each <= 0).any():
            raise NotEstimable("a group with an AUC of 0")
        powers = each**EXPONENT
        whole_mean = float(powers.mean() ** (1 / EXPONENT))
        shares = powers / each / powers.sum()
        influence = whole_mean * (shares[:, None] * np.array(moved)).sum(axis=0)
        details: dict[str, Any] = {"by_group": values, "excluded": excluded}
        figure = Smooth(whole_mean, influence, limiting=min(units), details=details)
        return smooth(figure, rows, ask)

    return found


def _taken(kind: str, toxic: Array, mine: Array | None) -> Array:
    """Which rows are compared."""
    kept = np.zeros(toxic.shape, dtype=bool)
    for side, own in zip((toxic, ~toxic), WHO[kind], strict=True):
        kept |= side if own is None or mine is None else side & (mine == own)
    return kept


def _ranked(rows: Rows, toxic: Array, ask: Ask) -> tuple[float, Array, int]:
    units = [rows.where(side).units for side in (toxic, ~toxic)]
    if min(units) < max(1, ask.minimum_n):
        raise NotEstimable(f"{units} units on two sides")
    return *auroc(toxic, rows.columns["score"].astype(float), rows.w), min(units)
