"""Figures of identity swaps beside their controls, and of any two columns of events."""

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


def excess(first: str, second: str) -> Callable[[Rows, Ask], Estimate]:
    """Share of events in one column less that in another: Newcombe's limits, correlation 0."""

    def found(rows: Rows, ask: Ask) -> Estimate:
        enough(rows, ask)
        one, two = (share(rows.columns[c], rows) for c in (first, second))
        design = "_clustered" if rows.clustered else ""
        method = "newcombe_weighted" if rows.weighted or rows.stratified else f"newcombe{design}"
        above = below = np.full(1, np.nan)
        if ask.rule is not None:
            above, below = difference_test(one, two, ask.threshold)
        details = {**flagged(rows), f"{first}_rate": one.p, f"{second}_rate": two.p}
        return estimate(
            rows, one.p - two.p, difference(one, two), difference(one, two, ask.adjusted), method,
            ask.oriented(float(above[0]), float(below[0])), details,
        )  # fmt: skip

    return found


def gap(
    change: Callable[[Rows], Array], low: float, high: float
) -> Callable[[Rows, Ask], Estimate]:
    """The mean of a change of probability, within its range."""

    def found(rows: Rows, ask: Ask) -> Estimate:
        return mean(change(rows), rows, ask, low, high)

    return found
