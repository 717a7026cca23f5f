"""Figures of an attack that tells members of the training data from others."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.bounds import ALPHA, binomial_test
from fmaudit.reporting.verify.estimates import Ask, Smooth, estimate, smooth
from fmaudit.reporting.verify.probabilities import auroc
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.types import Estimate

SEEN_WITHOUT_MODEL = 0.01
HARDLY_SEEN = 0.05  # of an AUC, to either side of chance
MOST_SHARED = 0.05


def area(column: str) -> Callable[[Rows, Ask], Estimate]:
    """The AUROC of a column for members."""

    def found(rows: Rows, ask: Ask) -> Estimate:
        y = _members(rows, ask)
        value, influence = auroc(y, rows.columns[column].astype(float), rows.w)
        return smooth(Smooth(value, influence, limiting=_limiting(rows, y)), rows, ask)

    return found


def advantage(rows: Rows, ask: Ask) -> Estimate:
    """The attack's AUROC less that of the classifier without the model."""
    y = _members(rows, ask)
    _readable(rows, ask)
    (one, z), (two, other) = (
        auroc(y, rows.columns[name].astype(float), rows.w) for name in ("score", "blind")
    )
    details = {"membership_auc": one, "blind_auc": two}
    figure = Smooth(one - two, z - other, -1.0, 1.0, _limiting(rows, y), details=details)
    return smooth(figure, rows, ask)


def rate(false_alarms: float) -> Callable[[Rows, Ask], Estimate]:
    """The share of members found while that share of the others is taken for members.

    Every resample of both sides is weighed: the number of resampled non-members at or above a
    score is binomial, and so is that of resampled members above it.
    """

    def found(rows: Rows, ask: Ask) -> Estimate:
        y = _members(rows, ask)
        if rows.designed:
            raise NotEstimable("rows that do not count alike and alone")
        score = rows.columns["score"].astype(float)
        members, others = score[y], np.sort(score[~y])[::-1]
        if len(others) * false_alarms < 10 - 1e-9:
            raise NotEstimable(f"{len(others)} non-members are too few")
        told = _readable(rows, ask)
        allowed = int(len(others) * false_alarms + 1e-9)
        threshold = float(others[allowed])
        n, events = len(members), int(np.count_nonzero(members > threshold))
        tied = int(np.count_nonzero(members == threshold))
        least = _Counted(_resamples(members, others, allowed, ties=False), events)
        most = _Counted(_resamples(members, others, allowed, ties=True), events + tied)
        above = below = math.nan
        if ask.rule is not None:
            above, below = _tests(least, most, ask.threshold)
        details = {
            "threshold": threshold, "members": n, "nonmembers": len(others),
            "false_positives_allowed": allowed, "tied": tied,
            "limiting_clusters": min(n, len(others)), **told,
        }  # fmt: skip
        return estimate(
            rows, events / n, _limits(least, most, ALPHA), _limits(least, most, ask.adjusted),
            "exact_bootstrap", ask.oriented(above, below), details,
        )  # fmt: skip

    return found


@dataclass(frozen=True)
class _Counted:
    """P(TPR* = x/n₁) for x = 0 … n₁, and how many members the rows themselves show."""

    mass: Array
    events: int


def _resamples(members: Array, others: Array, allowed: int, *, ties: bool) -> Array:
    """P(TPR* = x/n₁) for x = 0 … n₁, with or without ties; `others` from high to low."""
    from scipy import stats

    n = len(members)
    score, count = np.unique(others, return_counts=True)
    reached = np.cumsum(count[::-1])
    not_reached = stats.binom.cdf(allowed, len(others), reached / len(others))
    chance = -np.diff(not_reached, prepend=1.0)
    found = np.zeros(n + 1)
    for level, weight in zip(score[::-1], chance, strict=True):
        if weight > 1e-18:
            hits = members >= level if ties else members > level
            share = np.count_nonzero(hits) / n
            found += weight * stats.binom.pmf(np.arange(n + 1), n, share)
    return found


def _tests(least: _Counted, most: _Counted, threshold: float) -> tuple[float, float]:
    """P-values against "≤ threshold" and "≥ threshold": the larger of bootstrap and binomial."""
    n = len(least.mass) - 1
    at = np.arange(n + 1) - n * threshold
    above = binomial_test(least.events, n, threshold)[0]
    below = binomial_test(most.events, n, threshold)[1]
    return (
        max(float(least.mass[at <= 1e-9].sum()), above),
        max(float(most.mass[at >= -1e-9].sum()), below),
    )


def _limits(least: _Counted, most: _Counted, alpha: float) -> tuple[float, float]:
    """The outermost of the bootstrap's limits and of Clopper and Pearson's."""
    from scipy import stats

    n = len(least.mass) - 1
    low = int(np.argmax(np.cumsum(least.mass) > alpha)) / n
    high = 1 - int(np.argmax(np.cumsum(most.mass[::-1]) > alpha)) / n
    exact = [
        stats.binomtest(counted.events, n).proportion_ci(1 - 2 * alpha, method="exact")
        for counted in (least, most)
    ]
    return min(low, float(exact[0].low)), max(high, float(exact[1].high))


def _readable(rows: Rows, ask: Ask) -> dict[str, Any]:
    """The figures beside which a rate is read, where it says something of the model."""
    if rows.columns["overlap"].max() > MOST_SHARED:
        raise NotEstimable("too many texts stand on both sides")
    p = float(rows.columns["blind_p"].max())
    drawn = bool(rows.columns["drawn"].astype(bool).all())
    blind = area("blind")(rows, ask)
    limits = (blind.low, blind.high)
    unseen = all(x is not None and abs(x - 0.5) <= HARDLY_SEEN + 1e-12 for x in limits)
    if not unseen and (not drawn or p <= SEEN_WITHOUT_MODEL):
        raise NotEstimable("texts that differ without the model")
    return {
        "drawn": drawn, "blind_auc": blind.value, "blind_low": blind.low,
        "blind_high": blind.high, "blind_p": p,
    }  # fmt: skip


def _members(rows: Rows, ask: Ask) -> Array:
    y = rows.columns["member"].astype(bool)
    fewest = min(np.count_nonzero(y), np.count_nonzero(~y))
    if fewest < max(1, ask.minimum_n):
        raise NotEstimable(f"{fewest} rows on one side")
    return y


def _limiting(rows: Rows, y: Array) -> int:
    return min(rows.where(y).units, rows.where(~y).units)
