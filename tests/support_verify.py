"""That a measure and its second writing give the same figure."""

from __future__ import annotations

import pytest

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.estimates import Ask
from fmaudit.reporting.verify.figures import FIGURES
from fmaudit.reporting.verify.rows import Rows
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Rule

NUMBERS = ("value", "low", "high", "low_adj", "high_adj", "p_fail", "p_pass")


def agree(name: str, sample: Sample, rows: Rows, rule: Rule | None, least: int = 1) -> None:
    """Both give the same figure, or neither does."""
    ask = Ask(rule, 6, 1, 2, least)
    try:
        found = MEASURES[name].estimate(sample, Question(rule=rule, m=6, minimum_n=least))
    except NotEstimable:
        with pytest.raises(NotEstimable):
            FIGURES[name].compute(rows, ask)
        return
    again = FIGURES[name].compute(rows, ask)
    for figure in NUMBERS:
        one, two = getattr(found, figure), getattr(again, figure)
        assert (one is None) == (two is None), figure
        if one is not None:
            assert abs(one - two) <= 1e-9 * max(1.0, abs(one)), (figure, one, two)
    assert (again.n, again.clusters, again.method) == (found.n, found.clusters, found.method)
    assert set(again.details) == set(found.details)
    assert again.details.get("by_group", {}) == pytest.approx(found.details.get("by_group", {}))
    assert set(again.details.get("excluded", ())) == set(found.details.get("excluded", ()))
