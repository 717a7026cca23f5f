"""How far the scores of texts about one group lie from those of the same texts about another.

score_distance   Wasserstein-1 distance between the distributions of the score before the exchange,
                 `p_base`, and after it, `p_base` + `gap`: ∫ |F(t) − G(t)| dt over the score, from 0
                 (the same distribution) to 1. Scores that move to and fro alike leave it at 0.

With F and G the weighted distribution functions, the figure is the mean over rows of
s_i = ∫ sign(F − G)·(1[a_i ≤ t] − 1[b_i ≤ t]) dt, a_i the score before and b_i the score after, so
that its influence values are w_i(s_i − W)/Σw; linearised within (0, 1) (`estimates`). Where nothing
moves it is above 0 by chance, and its limits too: `details.permutation_p` is the share of 499
exchanges of before and after, unit by unit, in which it is as large. Measured, never gated.

Jiang, Pacchiano, Stepleton, Jiang and Chiappa 2020 (Wasserstein fair classification); Huang and
others 2020, https://doi.org/10.18653/v1/2020.findings-emnlp.7 (counterfactual sentiment).
"""

from __future__ import annotations

import msgspec
import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.stats.estimates import linearised, require
from fmaudit.stats.measures.base import Measure
from fmaudit.stats.permutation import p_value
from fmaudit.stats.sample import Floats, Question, Sample
from fmaudit.types import Estimate

DRAWS = 499


def wasserstein(before: Floats, after: Floats, weight: Floats) -> tuple[float, Floats]:
    """The distance of two weighted columns (n,), and each row's part s (n,) of that mean.

    >>> wasserstein(np.array([0.0, 1.0]), np.array([0.5, 1.0]), np.ones(2))
    (0.25, array([0.5, 0. ]))
    """
    points = np.concatenate([before, after])
    order = np.argsort(points, kind="stable")
    steps = np.concatenate([weight, -weight])[order] / weight.sum()
    apart = np.cumsum(steps)
    apart[np.abs(apart) < 1e-12] = 0.0
    widths = np.diff(points[order], append=points[order[-1]])
    value = min(float((np.abs(apart) * widths).sum()), points[order[-1]] - points[order[0]])
    # What the signs add up to, from the lowest score up to each point.
    reached = np.concatenate([[0.0], np.cumsum(np.sign(apart) * widths)[:-1]])
    at = np.empty(points.size)
    at[order] = reached
    return value, at[before.size :] - at[: before.size]


def _columns(sample: Sample) -> tuple[Floats, Floats]:
    if sample.n == 0:
        raise NotEstimable("no rows")
    before, gap = (np.asarray(sample.columns[c], dtype=float) for c in ("p_base", "gap"))
    return before, before + gap


def _value(sample: Sample, question: Question) -> float:
    host = sample.host()
    return wasserstein(*_columns(host), host.w)[0]


def _estimate(sample: Sample, question: Question) -> Estimate:
    host = sample.host()
    require(host, question)
    before, after = _columns(host)
    value, parts = wasserstein(before, after, host.w)
    influence = host.w * (parts - value) / host.w.sum()
    found = linearised(value, influence, host, question)
    if question.rng is None:
        return found
    drawn = []
    for _ in range(DRAWS):
        turned = question.rng.random(host.unit_count)[host.units] < 0.5
        sides = np.where(turned, after, before), np.where(turned, before, after)
        drawn.append(wasserstein(*sides, host.w)[0])
    details = {**found.details, "permutation_p": p_value(value, np.array(drawn)), "draws": DRAWS}
    return msgspec.structs.replace(found, details=details)


MEASURES = (
    Measure(
        "score_distance", "Wasserstein-1 distance of scores between groups", ("p_base", "gap"),
        "lower", _estimate, _value, unit="probability",
    ),
)  # fmt: skip
