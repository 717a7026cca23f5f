"""Figures of identity swaps beside their controls."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fmaudit.reporting.verify.bounds import difference, difference_test
from fmaudit.reporting.verify.estimates import (
    Ask,
    enough,
    estimate,
    flagged,
    mean,
    proportion,
    share,
)
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.types import Estimate


def flips(column: str) -> Callable[[Rows, Ask], Estimate]:
    """The share of rows where a boolean column is true."""

    def found(rows: Rows, ask: Ask) -> Estimate:
        return proportion(rows.columns[column].astype(bool), rows, ask)

    return found


def excess(rows: Rows, ask: Ask) -> Estimate:
    """Share of flips less that of the controls: Newcombe's limits, correlation 0."""
    enough(rows, ask)
    one, two = (share(rows.columns[c].astype(bool), rows) for c in ("flip", "control_flip"))
    design = "_clustered" if rows.clustered else ""
    method = "newcombe_weighted" if rows.weighted or rows.stratified else f"newcombe{design}"
    above = below = np.full(1, np.nan)
    if ask.rule is not None:
        above, below = difference_test(one, two, ask.threshold)
    details = {**flagged(rows), "flip_rate": one.p, "control_flip_rate": two.p}
    return estimate(
        rows, one.p - two.p, difference(one, two), difference(one, two, ask.adjusted), method,
        ask.oriented(float(above[0]), float(below[0])), details,
    )  # fmt: skip


def gap(
    change: Callable[[Rows], Array], low: float, high: float
) -> Callable[[Rows, Ask], Estimate]:
    """The mean of a change of probability, within its range."""

    def found(rows: Rows, ask: Ask) -> Estimate:
        return mean(change(rows), rows, ask, low, high)

    return found
