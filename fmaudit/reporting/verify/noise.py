"""Figures of edited texts: what a paired share loses, written anew.

Bonett and Price (2012): to the pairs two are added, one that loses all and one that gains all,
and the limits are those of the mean of so many. With S₁ the sum of the differences and S₂ that of
their squares, scaled to n pairs: mean S₁/(n + 2), variance ((S₂ + 2)/(n + 2) − mean²)/(n + 2).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fmaudit.reporting.verify.bounds import ALPHA, critical, upper_tail
from fmaudit.reporting.verify.changes import design, worth
from fmaudit.reporting.verify.estimates import Ask, enough, estimate, flagged
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.types import Estimate


class Pairs(NamedTuple):
    """n pairs, or as many as the rows are worth, with the two that are added."""

    mean: float
    error: float
    df: float


def drop(first: str, second: str) -> Callable[[Rows, Ask], Estimate]:
    """Mean of one column less another, each from 0 to 1."""

    def found(rows: Rows, ask: Ask) -> Estimate:
        enough(rows, ask)
        lost = np.asarray(rows.columns[first], float) - np.asarray(rows.columns[second], float)
        pairs = _pairs(lost, rows)

        def limits(alpha: float) -> tuple[float, float]:
            reach = float(critical(alpha, pairs.df)) * pairs.error
            return max(pairs.mean - reach, -1.0), min(pairs.mean + reach, 1.0)

        z = (pairs.mean - ask.threshold) / pairs.error
        above, below = (float(upper_tail(side, pairs.df)) for side in (z, -z))
        return estimate(
            rows, float(np.average(lost, weights=rows.w)), limits(ALPHA), limits(ask.adjusted),
            f"bonett_price{design(rows)}", ask.oriented(above, below), flagged(rows),
        )  # fmt: skip

    return found


def _pairs(lost: Array, rows: Rows) -> Pairs:
    value = float(np.average(lost, weights=rows.w))
    square = float(np.average(np.square(lost), weights=rows.w))
    n, df = worth(lost, rows)
    mean = n * value / (n + 2)
    return Pairs(mean, math.sqrt(((n * square + 2) / (n + 2) - mean * mean) / (n + 2)), df)
