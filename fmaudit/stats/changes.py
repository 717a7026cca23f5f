"""What two models answer to the same rows: the mean of one column less that of another.

Bounded by the score test (`paired_score`), where few answers may differ, at n rows where these are
independent and count alike, else at the effective n and degrees of freedom of a paired drop
(`pairs.drop_of`). Methods `tango`, `tango_clustered`, `tango_weighted`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fmaudit.stats.estimates import finished, flags, orient, require
from fmaudit.stats.intervals import ALPHA
from fmaudit.stats.paired_score import Change, change_limits, change_p
from fmaudit.stats.pairs import drop_of
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate


def change(
    first: Any, second: Any, sample: Sample, question: Question, what: str = "rows"
) -> Estimate:
    """Mean of `first` − `second` (n values from 0 to 1 each); `what` names the rows in reasons.

    A difference under 1 counts as that part of a row, which varies no more than a whole one.
    """
    require(sample, question, what)
    differences = first.astype(np.float64) - second.astype(np.float64)
    mean, _, n, df = drop_of(differences, sample)
    up, down = (
        float((sample.w * np.maximum(part, 0)).sum() / sample.w.sum())
        for part in (differences, -differences)
    )
    found = Change(up, down, n, df)
    (low, high), (low_adj, high_adj) = (change_limits(found, a) for a in (ALPHA, question.alpha))
    above = below = None
    if question.rule is not None:
        above, below = change_p(found, question.rule.value)
    fail, good = orient(question.rule, above, below)
    return finished(
        Estimate(
            value=mean, low=low, high=high, low_adj=low_adj, high_adj=high_adj, p_fail=fail,
            p_pass=good, n=sample.n, clusters=sample.unit_count, method=_method(sample),
            details=flags(sample),
        )
    )  # fmt: skip


def _method(sample: Sample) -> str:
    if sample.weighted or sample.stratified:
        return "tango_weighted"
    return "tango_clustered" if sample.clustered else "tango"
