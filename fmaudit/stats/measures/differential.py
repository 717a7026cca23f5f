"""Differential fairness: how much a decision gives away of the group.

With p_g the smoothed share of group g that is selected, (selected + ½)/(n + 1),

    differential_fairness   ε = the largest of |ln p_a − ln p_b| and |ln(1 − p_a) − ln(1 − p_b)|
                            over all pairs of groups

so that every outcome is at most e^ε times as likely in one group as in another; 0 is none, the
smaller the better. The smoothing is Dirichlet's of concentration 1 over two outcomes, as in
AIF360 (with weights: the weighted share of n rows). The pairs' limits are those of MOVER for
ratios of the smoothed shares (`intervals.mover_ratio`), on the log scale; over all pairs and both
outcomes the simultaneous rule of `groups`: value, low of the driving pair, high the largest of
any; method `mover_ratio_simultaneous`. `details.outcome`: in which outcome the pair differs most.
Foulds, Islam, Keya, Pan 2020, https://doi.org/10.1109/ICDE48307.2020.00203.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from fmaudit.errors import NotEstimable, SpecError
from fmaudit.stats.estimates import finished, orient
from fmaudit.stats.groups import Cells, cells
from fmaudit.stats.intervals import ALPHA, Share, mover_p, mover_ratio
from fmaudit.stats.measures import rates
from fmaudit.stats.measures.base import Measure
from fmaudit.stats.sample import Floats, Question, Sample
from fmaudit.types import Estimate

SELECTED, OTHER = "selected", "not selected"


@dataclass(frozen=True)
class _Ratios:
    """All ordered pairs of groups for both outcomes: aligned arrays, and which they are."""

    first: Share
    second: Share
    correlation: Floats
    where: list[tuple[str, int, int]]

    @property
    def logs(self) -> Floats:
        return np.log(self.first.p) - np.log(self.second.p)

    def limits(self, alpha: float) -> tuple[Floats, Floats]:
        low, high = mover_ratio(self.first, self.second, alpha=alpha, correlation=self.correlation)
        with np.errstate(divide="ignore"):
            return np.log(low), np.log(high)


def _ratios(found: Cells) -> _Ratios:
    k = len(found.names)
    n = found.n.astype(np.float64)
    p = (np.asarray(found.share.p) * n + 0.5) / (n + 1)
    size, df = (np.broadcast_to(np.asarray(x, float), k) for x in (found.share.n, found.share.df))
    pairs = [(a, b) for a in range(k) for b in range(k) if a != b]
    where = [(outcome, a, b) for outcome in (SELECTED, OTHER) for a, b in pairs]

    def side(at: int) -> Share:
        cell = np.array([w[at] for w in where])
        own = np.array([w[0] == SELECTED for w in where])
        return Share(np.where(own, p[cell], 1 - p[cell]), size[cell], df[cell])

    correlation = np.array([found.correlation[a, b] for _, a, b in where])
    return _Ratios(side(1), side(2), correlation, where)


def _cells(sample: Sample, question: Question) -> Cells:
    if sample.n == 0:
        raise NotEstimable("no rows")
    rate = rates.SELECTION
    events = np.asarray(rate.event(sample, question), dtype=bool)
    found = cells(events, sample.columns["group"], sample, question, rate.what)
    if len(found.names) < 2:
        raise NotEstimable("fewer than two groups are left to compare")
    return found


def _value(sample: Sample, question: Question) -> float:
    return float(_ratios(_cells(sample.host(), question)).logs.max())


def _estimate(sample: Sample, question: Question) -> Estimate:
    if question.rule is not None and question.rule.op != "<=":
        raise SpecError("a rule on differential fairness is written '<='")
    host = sample.host()
    found = _cells(host, question)
    ratios = _ratios(found)
    count, driver = len(ratios.where) // 2, int(np.argmax(ratios.logs))
    low, high = ratios.limits(ALPHA)
    strict, _ = ratios.limits(question.alpha / count)
    _, wide = ratios.limits(question.alpha)
    above = below = None
    if question.rule is not None:
        p_above, p_below = mover_p(
            ratios.first, ratios.second, ratio=math.exp(question.rule.value),
            correlation=ratios.correlation,
        )  # fmt: skip
        above, below = min(1.0, count * float(p_above.min())), float(p_below.max())
    fail, good = orient(question.rule, above, below)
    outcome, a, b = ratios.where[driver]
    return finished(
        Estimate(
            value=float(ratios.logs[driver]), low=max(0.0, float(low[driver])),
            high=float(high.max()), low_adj=max(0.0, float(strict.max())),
            high_adj=float(wide.max()), p_fail=fail, p_pass=good, n=int(found.n.sum()),
            clusters=int(found.units.sum()), method="mover_ratio_simultaneous",
            details={
                **found.details,
                "pair": [found.names[b], found.names[a]],
                "outcome": outcome,
                "pairs": count // 2,
                "limiting_clusters": int(min(found.units[a], found.units[b])),
                **_table(found, host),
            },
        )
    )  # fmt: skip


def _table(found: Cells, sample: Sample) -> dict[str, Any]:
    rows = Counter(sample.columns["group"].tolist())
    by_group = {
        name: {"value": float(p), "n": rows[name], "denominator": int(n)}
        for name, p, n in zip(found.names, np.atleast_1d(found.share.p), found.n, strict=True)
    }
    return {"by_group": by_group, "excluded": found.excluded}


MEASURES = (
    Measure(
        "differential_fairness", "Differential fairness", ("predicted", "group"), "lower",
        _estimate, _value, needs_positive=True, unit="nat",
    ),
)  # fmt: skip
