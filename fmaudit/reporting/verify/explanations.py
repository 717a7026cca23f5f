"""Figures of explained texts, computed anew."""

from __future__ import annotations

from collections.abc import Callable

from fmaudit.reporting.verify.estimates import Ask, mean, proportion
from fmaudit.reporting.verify.rows import Rows
from fmaudit.types import Estimate


def converged(rows: Rows, ask: Ask) -> Estimate:
    """The share of maps that converged."""
    return proportion(rows.columns["converged"] == 1, rows, ask)


def average(column: str, low: float = -1.0) -> Callable[[Rows, Ask], Estimate]:
    """The mean of a column whose values lie between `low` and 1."""

    def found(rows: Rows, ask: Ask) -> Estimate:
        return mean(rows.columns[column], rows, ask, low, 1.0)

    return found


def over_random(column: str) -> Callable[[Rows, Ask], Estimate]:
    """The mean by which a map's figure exceeds that of random orders, from −1 to 1."""

    def found(rows: Rows, ask: Ask) -> Estimate:
        above = rows.columns[column] - rows.columns[f"random_{column}"]
        return mean(above, rows, ask, -1.0, 1.0)

    return found
