"""Two columns of the same rows compared: what the first shows above the second.

excess   share of events in the first less that in the second: Newcombe's square-and-add on the
         two Wilson limits (of `estimates.share_of`: clustered, weighted), correlation 0. Methods
         `newcombe`, `newcombe_clustered`, `newcombe_weighted`.
drop     mean of first − second, each in [−1, 1]: Bonett and Price (`intervals.bonett_price`) at
         n rows where these are independent and count alike, else at n_eff = s²/V, at most n, with
         s² the variance of the drops over rows, V that of their mean (`variance`), and t on its
         degrees of freedom; without variation n_eff is the number of clusters, or
         (Σ W_c)²/Σ W_c² where they weigh differently. Methods `bonett_price`,
         `bonett_price_clustered`, `bonett_price_weighted`.

Events may be partial (the share of several repeats), from 0 to 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.stats.estimates import finished, flags, orient, require, share_of
from fmaudit.stats.intervals import Drop, bonett_price, bonett_price_p, mover, mover_p
from fmaudit.stats.sample import Floats, Question, Sample
from fmaudit.stats.variance import design_variance, unit_totals
from fmaudit.types import Estimate


def excess(
    columns: tuple[str, str], sample: Sample, question: Question, what: str = "rows"
) -> Estimate:
    """Share of events in the first of two host columns (n values each) less that in the second.

    Both shares stand in the details, under the column's name and "_rate".
    """
    require(sample, question, what)
    one, two = (share_of(sample.columns[name], sample) for name in columns)
    above = below = None
    if question.rule is not None:
        above, below = (float(p) for p in mover_p(one, two, threshold=question.rule.value))
    shares = {f"{columns[0]}_rate": one.p, f"{columns[1]}_rate": two.p}
    return _estimate(
        one.p - two.p, mover(one, two), mover(one, two, alpha=question.alpha),
        (above, below), f"newcombe{_design(sample)}", sample, question, shares,
    )  # fmt: skip


def drop(first: Any, second: Any, sample: Sample, question: Question) -> Estimate:
    """Mean of `first` − `second` (n values from 0 to 1 each)."""
    require(sample, question)
    found = drop_of(first.astype(np.float64) - second.astype(np.float64), sample)
    above = below = None
    if question.rule is not None:
        above, below = bonett_price_p(found, question.rule.value)
    return _estimate(
        found.mean, bonett_price(found), bonett_price(found, question.alpha),
        (above, below), f"bonett_price{_design(sample)}", sample, question, {},
    )  # fmt: skip


def drop_of(drops: Floats, sample: Sample) -> Drop:
    """The mean of `drops` (n,), their mean square, effective n and degrees of freedom."""
    w, total = sample.w, sample.w.sum()
    mean, square = float((w * drops).sum() / total), float((w * drops**2).sum() / total)
    if not _design(sample):
        return Drop(mean, square, sample.n)
    variance, df = design_variance(w * (drops - mean) / total, sample)
    if df < 1:
        raise NotEstimable("as many strata as independent units: nothing is left to vary")
    spread = square - mean**2
    if np.ptp(drops) == 0:
        weights = unit_totals(w, sample) if sample.weighted else np.ones(sample.unit_count)
        return Drop(mean, square, float(weights.sum() ** 2 / (weights**2).sum()), df)
    return Drop(mean, square, spread / variance if variance * sample.n > spread else sample.n, df)


def _design(sample: Sample) -> str:
    if sample.weighted or sample.stratified:
        return "_weighted"
    return "_clustered" if sample.clustered else ""


def _estimate(
    value: float,
    limits: tuple[Any, Any],
    adjusted: tuple[Any, Any],
    tests: tuple[float | None, float | None],
    method: str,
    sample: Sample,
    question: Question,
    details: dict[str, Any],
) -> Estimate:
    fail, good = orient(question.rule, *tests)
    low, high, low_adj, high_adj = (float(x) for x in (*limits, *adjusted))
    return finished(
        Estimate(
            value=value, low=low, high=high, low_adj=low_adj, high_adj=high_adj, p_fail=fail,
            p_pass=good, n=sample.n, clusters=sample.unit_count, method=method,
            details={**flags(sample), **details},
        )
    )  # fmt: skip
