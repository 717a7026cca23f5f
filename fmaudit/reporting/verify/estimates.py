"""Estimates of a share and of a smooth figure, written anew."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.bounds import (
    ALPHA,
    Shares,
    binomial_test,
    critical,
    score_test,
    upper_tail,
    wilson,
)
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.reporting.verify.spread import variance
from fmaudit.types import Estimate, Rule

FEWEST_UNITS = 10
FLAGGED_UNITS = 30


@dataclass(frozen=True)
class Ask:
    """What is asked of a figure: see `fmaudit.types.Finding`; `positive` is a class's index.

    `m`: gated findings of the family. `classes`: how many the model has. `minimum_n`: fewest
    units of a denominator. `driver`: the pair of groups that is said to drive a gap, and the
    rate; it decides between pairs with the same gap.
    """

    rule: Rule | None
    m: int
    positive: int
    classes: int
    minimum_n: int
    driver: tuple[frozenset[str], str | None] = (frozenset(), None)

    @property
    def adjusted(self) -> float:
        """One-sided level of the adjusted limits."""
        return ALPHA / self.m

    def oriented(self, above: float, below: float) -> dict[str, float | None]:
        """`p_fail` and `p_pass` from the p-values against "≤ τ" and "≥ τ"."""
        if self.rule is None:
            return {"p_fail": None, "p_pass": None}
        fail, good = (above, below) if self.rule.op == "<=" else (below, above)
        return {"p_fail": fail, "p_pass": good}

    @property
    def threshold(self) -> float:
        """The rule's threshold, not a number where there is none."""
        return math.nan if self.rule is None else self.rule.value


@dataclass(frozen=True)
class Smooth:
    """A smooth figure: its influence values (n,), and how its interval is kept in its range.

    `limiting`: units of the smallest denominator; `clip`: limits on the figure's own scale.
    """

    value: float
    influence: Array
    low: float = 0.0
    high: float = 1.0
    limiting: int | None = None
    clip: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)


def enough(rows: Rows, ask: Ask) -> None:
    """Raise `NotEstimable` where there are too few rows or units."""
    if rows.n == 0:
        raise NotEstimable("no rows")
    if rows.units < ask.minimum_n:
        raise NotEstimable(f"{rows.units} units of at least {ask.minimum_n}")
    if rows.designed and rows.units < FEWEST_UNITS:
        raise NotEstimable(f"{rows.units} independent units of at least {FEWEST_UNITS}")


def flagged(rows: Rows) -> dict[str, Any]:
    """That there are few clusters, where there are."""
    few = rows.clustered and rows.units < FLAGGED_UNITS
    return {"few_clusters": True} if few else {}


def share(events: Array, rows: Rows) -> Shares:
    """A share with its effective n: n itself for independent rows that count alike.

    Events may be partial, from 0 to 1.
    """
    if not rows.designed:
        return Shares(float(events.sum()) / rows.n, rows.n, math.inf)
    total = rows.w.sum()
    p = float(np.dot(rows.w, events) / total)
    spread, df = variance(rows.w * (events - p) / total, rows)
    if df < 1:
        raise NotEstimable("as many strata as units")
    if events.min() >= 1 or events.max() <= 0:
        return Shares(float(events[0]), kish(rows), df)
    if spread * rows.n <= p * (1 - p):
        return Shares(p, rows.n, df)
    return Shares(p, p * (1 - p) / spread, df)


def proportion(events: Array, rows: Rows, ask: Ask) -> Estimate:
    """The share of `events` (n booleans) with Wilson's limits."""
    enough(rows, ask)
    found = share(events, rows)
    method = "wilson"
    if rows.weighted or rows.stratified:
        method = "wilson_weighted"
    elif rows.clustered:
        method = "wilson_clustered"
    above = below = math.nan
    if ask.rule is not None and method == "wilson":
        above, below = binomial_test(int(events.sum()), rows.n, ask.threshold)
    elif ask.rule is not None:
        above, below = score_test(found, ask.threshold)
    return estimate(
        rows, found.p, wilson(found), wilson(found, ask.adjusted), method,
        ask.oriented(above, below), flagged(rows),
    )  # fmt: skip


def smooth(figure: Smooth, rows: Rows, ask: Ask) -> Estimate:
    """A smooth figure with t limits on the scale that its range allows."""
    enough(rows, ask)
    if rows.units < FEWEST_UNITS:
        raise NotEstimable(f"{rows.units} units of at least {FEWEST_UNITS}")
    spread, df = variance(figure.influence, rows)
    if df < 1:
        raise NotEstimable("as many strata as units")
    error = math.sqrt(max(spread, 0.0))
    details = {**flagged(rows), **figure.details}
    if error <= 1e-12 * max(1.0, abs(figure.value)):
        return _still(figure, rows, ask, df, details)
    if figure.limiting is not None:
        df = min(df, figure.limiting - 1)
    if df < 1:
        return _without_interval(figure, rows, details)
    to, back, slope = _scale(figure)

    def limits(alpha: float) -> tuple[float, float]:
        reach = float(critical(alpha, df)) * error * slope
        low, high = back(to(figure.value) - reach), back(to(figure.value) + reach)
        return max(low, figure.low), min(high, figure.high)

    z = (to(figure.value) - to(ask.threshold)) / (error * slope) if ask.rule else math.nan
    above, below = float(upper_tail(z, df)), float(upper_tail(-z, df))
    return estimate(
        rows, figure.value, limits(ALPHA), limits(ask.adjusted), "linearised_t",
        ask.oriented(above, below), details,
    )  # fmt: skip


def estimate(
    rows: Rows,
    value: float,
    limits: tuple[Any, Any],
    adjusted: tuple[Any, Any],
    method: str,
    p: Mapping[str, float | None],
    details: Mapping[str, Any],
) -> Estimate:
    """An estimate over `rows`. Raises `NotEstimable` where the value is not finite."""
    if not math.isfinite(value):
        raise NotEstimable("a value is not finite")
    low, high, low_adj, high_adj = (float(x) for x in (*limits, *adjusted))
    return Estimate(
        value=float(value), low=low, high=high, low_adj=low_adj, high_adj=high_adj, n=rows.n,
        clusters=rows.units, method=method, details=details, **p,
    )  # fmt: skip


def mean(values: Array, rows: Rows, ask: Ask, low: float, high: float) -> Estimate:
    """The weighted mean of `values` (n,), within its range."""
    enough(rows, ask)
    value = float(np.average(values, weights=rows.w))
    return smooth(Smooth(value, rows.w * (values - value) / rows.w.sum(), low, high), rows, ask)


def kish(rows: Rows) -> float:
    """Effective number of units of unequal weights: (Σ W)²/Σ W²; their number where equal."""
    if not rows.weighted:
        return rows.units
    _, unit = np.unique(rows.unit, return_inverse=True)
    totals = np.bincount(unit.reshape(-1), weights=rows.w)
    return float(totals.sum() ** 2 / np.square(totals).sum())


def _still(figure: Smooth, rows: Rows, ask: Ask, df: int, details: Mapping[str, Any]) -> Estimate:
    """A figure that no row moves: as a share without events at an end of its range."""
    width = figure.high - figure.low
    place = (figure.value - figure.low) / width if math.isfinite(width) else math.nan
    if not (abs(place) <= 1e-12 or abs(1 - place) <= 1e-12):
        return _without_interval(figure, rows, details)
    found = Shares(float(round(place)), float(figure.limiting or rows.units), df)

    def limits(alpha: float) -> tuple[float, float]:
        low, high = wilson(found, alpha)
        return figure.low + width * float(low), figure.low + width * float(high)

    above = below = math.nan
    if ask.rule is not None:
        above, below = score_test(found, (ask.threshold - figure.low) / width)
    return estimate(
        rows, figure.value, limits(ALPHA), limits(ask.adjusted), "wilson_no_events",
        ask.oriented(above, below), details,
    )  # fmt: skip


def _without_interval(figure: Smooth, rows: Rows, details: Mapping[str, Any]) -> Estimate:
    """A figure whose interval does not exist."""
    if not math.isfinite(figure.value):
        raise NotEstimable("a value is not finite")
    more = {**details, "no_interval": ""}
    return Estimate(figure.value, None, None, rows.n, rows.units, "none", details=more)


Curve = Callable[[float], float]


def _scale(figure: Smooth) -> tuple[Curve, Curve, float]:
    """The scale of the limits: to it, back from it, and its slope at the figure."""
    a, b, x = figure.low, figure.high, figure.value
    inside = a < x < b and not figure.clip
    if inside and math.isfinite(a) and math.isfinite(b):
        return (
            lambda v: _log_ratio(v - a, b - v),
            lambda g: a + (b - a) / (1 + math.exp(-g)) if g > -700 else a,
            (b - a) / ((x - a) * (b - x)),
        )
    if inside and math.isfinite(a):
        return lambda v: _log_ratio(v - a, 1.0), lambda g: a + math.exp(g), 1 / (x - a)
    return lambda v: v, lambda g: g, 1.0


def _log_ratio(above: float, below: float) -> float:
    if above <= 0:
        return -math.inf
    return math.inf if below <= 0 else math.log(above) - math.log(below)
