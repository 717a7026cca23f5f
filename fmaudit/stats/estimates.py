"""Estimates of one figure: a proportion, a mean, or anything smooth with influence values.

Bounds at one-sided 0.025 (low, high) and 0.025/m (low_adj, high_adj); weights that are all
equal count as none.

Proportion p̂ = Σ w·e / Σ w of 0/1 events e, influence z = w(e − p̂)/Σ w:

- rows that are independent and count alike: Wilson's interval at n; p-values of the exact
  binomial. Method `wilson`.
- clusters: Wilson's interval at n_eff = p̂(1 − p̂)/V, at most n (the rows), V the variance of
  `variance`, t on G − 1 degrees of freedom; without events (or without exceptions) n_eff = G;
  p-values of the score test at n_eff, t. Method `wilson_clustered`; `details.few_clusters` from
  10 to 29 clusters; fewer: `NotEstimable`.
- weights or strata: the same with df = units − strata, from 10 units; without events
  n_eff = (Σ W_c)²/Σ W_c², W_c the weight of unit c (1 a unit where weights are equal). Method
  `wilson_weighted`.

Anything smooth θ̂ with influence values z, from 10 units: V as in `variance`, t on
units − strata degrees of freedom (at most U − 1, where a measure names the units U of its
smallest denominator, such as a class), on the scale g that the figure's range allows:
g(x) = log((x − a)/(b − x)) within (a, b), log(x − a) above a, x itself without bounds. Limits
g⁻¹(g(θ̂) ± t·sqrt(V)·g′(θ̂)); p-values from (g(θ̂) − g(τ))/(sqrt(V)·g′(θ̂)). Method
`linearised_t`. With `clip` the limits are taken on the figure's own scale and cut at its range.

Where θ̂ lies at an end of a range (a, b) and nothing varies (sqrt(V) ≤ 1e-12·max(1, |θ̂|)), the
figure is bounded as a proportion without events is, at n = U, all units where no U is named
(method `wilson_no_events`, t on units − strata). Where nothing varies elsewhere, or U = 1,
there is no interval (method `none`), and `details.no_interval` says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.stats import intervals
from fmaudit.stats.intervals import ALPHA, Share
from fmaudit.stats.sample import Bools, Floats, Question, Sample
from fmaudit.stats.variance import FEW_UNITS, MIN_UNITS, design_variance, unit_totals
from fmaudit.types import Estimate, Rule

UNIT: tuple[float, float] = (0.0, 1.0)


_NOTHING_VARIES = "as many strata as independent units: nothing is left to vary"


class Scale(NamedTuple):
    """A monotone scale on which an interval is symmetric: g, its inverse, its slope."""

    to: Callable[[float], float]
    back: Callable[[float], float]
    slope: Callable[[float], float]


def proportion(events: Bools, sample: Sample, question: Question, what: str = "rows") -> Estimate:
    """The weighted share of `events` (n,) among the rows of `sample` (n rows).

    `what` names the denominator in the reason of a `NotEstimable`.
    """
    require(sample, question, what)
    share = share_of(events, sample)
    if sample.weighted or sample.stratified:
        method = "wilson_weighted"
    else:
        method = "wilson_clustered" if sample.clustered else "wilson"
    low, high = intervals.wilson(share)
    low_adj, high_adj = intervals.wilson(share, question.alpha)
    above = below = None
    if question.rule is not None:
        threshold = question.rule.value
        if method == "wilson":
            above, below = intervals.exact_p(int(events.sum()), sample.n, threshold)
        else:
            above, below = intervals.score_p(share, threshold)
    fail, good = orient(question.rule, above, below)
    return finished(
        Estimate(
            value=float(share.p), low=float(low), high=float(high),
            low_adj=float(low_adj), high_adj=float(high_adj), p_fail=fail, p_pass=good,
            n=sample.n, clusters=sample.unit_count, method=method, details=flags(sample),
        )
    )  # fmt: skip


def share_of(events: Any, sample: Sample) -> Share:
    """The share of events, its effective n and degrees of freedom (module text).

    An event may be partial, a number from 0 to 1: it varies no more than a whole one.
    """
    w, total = sample.w, sample.w.sum()
    p = float((w * events).sum() / total)
    certain = not ((events > 0).any() and (events < 1).any())
    if not (sample.clustered or sample.weighted or sample.stratified):
        return Share(float(events.sum()) / sample.n, sample.n)
    variance, df = design_variance(w * (events - p) / total, sample)
    if df < 1:
        raise NotEstimable(_NOTHING_VARIES)
    if certain:
        p = float(events[0])
        weights = unit_totals(w, sample) if sample.weighted else np.ones(sample.unit_count)
        return Share(p, float(weights.sum() ** 2 / (weights**2).sum()), df)
    spread = p * (1 - p)
    return Share(p, spread / variance if variance * sample.n > spread else sample.n, df)


def mean(
    values: Floats,
    sample: Sample,
    question: Question,
    *,
    span: tuple[float, float] = (-math.inf, math.inf),
    clip: bool = False,
) -> Estimate:
    """The weighted mean of `values` (n,), whose range is `span`."""
    require(sample, question)
    total = sample.w.sum()
    value = float((sample.w * values).sum() / total)
    influence = sample.w * (values - value) / total
    return linearised(value, influence, sample, question, span=span, clip=clip)


def linearised(
    value: float,
    influence: Floats,
    sample: Sample,
    question: Question,
    *,
    span: tuple[float, float] = UNIT,
    clip: bool = False,
    limiting: int | None = None,
    details: dict[str, Any] | None = None,
) -> Estimate:
    """A smooth figure with influence values (n,), whose range is `span`.

    `limiting`: independent units in its smallest denominator, all of them by default.
    """
    require(sample, question)
    if sample.unit_count < MIN_UNITS:
        raise NotEstimable(_too_few(sample))
    variance, df = design_variance(influence, sample)
    error = math.sqrt(max(variance, 0.0))
    more = {**flags(sample), **(details or {})}
    if df < 1:
        raise NotEstimable(_NOTHING_VARIES)
    if error <= 1e-12 * max(1.0, abs(value)):
        return _constant(value, sample, question, span, df, limiting, more)
    if limiting is not None:
        df = min(df, limiting - 1)
    if df < 1:
        return _without_interval(value, sample, "one independent row in a denominator", more)
    scale = _IDENTITY if clip else _scale(value, span)
    middle, unit = scale.to(value), error * scale.slope(value)

    def ends(alpha: float) -> tuple[float, float]:
        reach = float(intervals.quantile(alpha, df)) * unit
        low, high = scale.back(middle - reach), scale.back(middle + reach)
        return max(low, span[0]), min(high, span[1])

    above = below = None
    if question.rule is not None:
        threshold = question.rule.value
        at = threshold if clip else _at(scale, threshold, span)
        above = float(intervals.tail((middle - at) / unit, df))
        below = float(intervals.tail((at - middle) / unit, df))
    fail, good = orient(question.rule, above, below)
    (low, high), (low_adj, high_adj) = ends(ALPHA), ends(question.alpha)
    return finished(
        Estimate(
            value=value, low=low, high=high, low_adj=low_adj, high_adj=high_adj,
            p_fail=fail, p_pass=good, n=sample.n, clusters=sample.unit_count,
            method="linearised_t", details=more,
        )
    )  # fmt: skip


def require(sample: Sample, question: Question, what: str = "rows") -> None:
    """Raise `NotEstimable` where there is nothing, or less than the minimum, to measure on."""
    if sample.n == 0:
        raise NotEstimable(f"no {what}")
    if sample.unit_count < question.minimum_n:
        kind = "clusters of " if sample.clustered else ""
        raise NotEstimable(
            f"{sample.unit_count} {kind}{what}, fewer than the {question.minimum_n} asked for"
        )
    designed = sample.clustered or sample.weighted or sample.stratified
    if designed and sample.unit_count < MIN_UNITS:
        raise NotEstimable(_too_few(sample))


def orient(
    rule: Rule | None, above: float | None, below: float | None
) -> tuple[float | None, float | None]:
    """(p_fail, p_pass) from the p-values against "θ ≤ τ" (`above`) and "θ ≥ τ" (`below`)."""
    if rule is None:
        return None, None
    return (above, below) if rule.op == "<=" else (below, above)


def flags(sample: Sample) -> dict[str, Any]:
    """What a reader must know of the sample: that it has few clusters."""
    few = sample.clustered and sample.unit_count < FEW_UNITS
    return {"few_clusters": True} if few else {}


def finished(estimate: Estimate) -> Estimate:
    """The estimate, unless its value is not a finite number."""
    if not math.isfinite(estimate.value):
        raise NotEstimable("a value among the rows is not finite")
    return estimate


def _constant(
    value: float,
    sample: Sample,
    question: Question,
    span: tuple[float, float],
    df: int,
    limiting: int | None,
    details: dict[str, Any],
) -> Estimate:
    """A figure that no row moves: bounded at an end of its range, without interval elsewhere."""
    start, width = span[0], span[1] - span[0]
    n, units = sample.n, sample.unit_count
    share = (value - start) / width if math.isfinite(width) else math.nan
    if not (share <= 1e-12 or share >= 1 - 1e-12):
        return _without_interval(value, sample, "all rows give the same value", details)
    bounded = Share(float(round(share)), float(limiting or units), df)
    low, high = (start + width * float(end) for end in intervals.wilson(bounded))
    ends = (start + width * float(end) for end in intervals.wilson(bounded, question.alpha))
    low_adj, high_adj = ends
    above = below = None
    if question.rule is not None:
        above, below = intervals.score_p(bounded, (question.rule.value - start) / width)
    fail, good = orient(question.rule, above, below)
    return Estimate(
        value=value, low=low, high=high, low_adj=low_adj, high_adj=high_adj, p_fail=fail,
        p_pass=good, n=n, clusters=units, method="wilson_no_events", details=details,
    )  # fmt: skip


def _without_interval(
    value: float, sample: Sample, reason: str, details: dict[str, Any]
) -> Estimate:
    more = {**details, "no_interval": f"{reason}: nothing to estimate a variance from"}
    return finished(Estimate(value, None, None, sample.n, sample.unit_count, "none", details=more))


_IDENTITY = Scale(lambda x: x, lambda y: y, lambda x: 1.0)


def _scale(value: float, span: tuple[float, float]) -> Scale:
    a, b = span
    if a < value < b and math.isfinite(a) and math.isfinite(b):
        return Scale(
            lambda x: math.log((x - a) / (b - x)),
            lambda y: (a + b * math.exp(y)) / (1 + math.exp(y)) if y < 0
            else (a * math.exp(-y) + b) / (1 + math.exp(-y)),
            lambda x: 1 / (x - a) + 1 / (b - x),
        )  # fmt: skip
    if math.isfinite(a) and value > a and not math.isfinite(b):
        return Scale(lambda x: math.log(x - a), lambda y: a + math.exp(y), lambda x: 1 / (x - a))
    return _IDENTITY


def _at(scale: Scale, threshold: float, span: tuple[float, float]) -> float:
    if scale is _IDENTITY:
        return threshold
    if threshold <= span[0]:
        return -math.inf
    return math.inf if threshold >= span[1] else scale.to(threshold)


def _too_few(sample: Sample) -> str:
    kind = "clusters" if sample.clustered else "rows"
    return f"{sample.unit_count} independent {kind}: an interval needs at least {MIN_UNITS}"
