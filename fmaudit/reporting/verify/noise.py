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

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.bounds import ALPHA, critical, upper_tail
from fmaudit.reporting.verify.estimates import Ask, enough, estimate, flagged, kish
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.reporting.verify.spread import variance
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
            _method(rows), ask.oriented(above, below), flagged(rows),
        )  # fmt: skip

    return found


def _pairs(lost: Array, rows: Rows) -> Pairs:
    value = float(np.average(lost, weights=rows.w))
    square = float(np.average(np.square(lost), weights=rows.w))
    n, df = float(rows.n), math.inf
    if rows.designed:
        spread, df = variance(rows.w * (lost - value) / rows.w.sum(), rows)
        if df < 1:
            raise NotEstimable("as many strata as units")
        if lost.min() == lost.max():
            n = kish(rows)
        elif spread > 0:
            n = min(n, (square - value * value) / spread)
    mean = n * value / (n + 2)
    return Pairs(mean, math.sqrt(((n * square + 2) / (n + 2) - mean * mean) / (n + 2)), df)


def _method(rows: Rows) -> str:
    if rows.weighted or rows.stratified:
        return "bonett_price_weighted"
    return "bonett_price_clustered" if rows.clustered else "bonett_price"
