from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.estimates import Ask
from fmaudit.reporting.verify.figures import FIGURES
from fmaudit.reporting.verify.rows import Rows
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Rule

NAMES = ("flips_over_floor", "noisy_accuracy", "accuracy_drop", "excess_accuracy_drop")
RULE = Rule("<=", 0.05)
EVENTS = {"plain": 0.1, "none": 0.0, "all": 1.0}


def both(
    n: int, per: int, weighted: bool, strata: int, chance: float, seed: int = 0
) -> tuple[Sample, Rows]:
    """The same rows, as the audit's arrays and as those of the second writing."""
    rng = np.random.default_rng(seed)
    unit = np.arange(n) // per
    stratum = unit % strata
    weight = rng.choice([0.5, 1.0, 3.0], n) if weighted else np.ones(n)
    columns: dict[str, Any] = {
        "flip": rng.random(n) < chance,
        "repeat_flip": (rng.random((n, 3)) < chance / 2).mean(axis=1),
        "correct": rng.random(n) >= chance / 2,
        "noisy_correct": rng.random(n) >= chance,
        "repeat_correct": (rng.random((n, 3)) >= chance / 2).mean(axis=1),
    }
    whole = np.bincount(np.unique(np.stack([unit, stratum]), axis=1)[1]) if strata > 1 else None
    sample = Sample(columns, weight, unit, stratum)
    return sample, Rows(columns, weight, unit, stratum, whole)


@pytest.mark.parametrize("events", EVENTS)
@pytest.mark.parametrize(("per", "weighted", "strata"), [
    (1, False, 1), (5, False, 1), (1, True, 1), (5, True, 1), (1, False, 3), (5, True, 3),
])  # fmt: skip
@pytest.mark.parametrize("name", NAMES)
def test_both_writings_agree(name: str, per: int, weighted: bool, strata: int, events: str) -> None:
    sample, rows = both(400, per, weighted, strata, EVENTS[events])
    found = MEASURES[name].estimate(sample, Question(rule=RULE, m=6))
    again = FIGURES[name].compute(rows, Ask(RULE, 6, 1, 2, 1))
    for figure in ("value", "low", "high", "low_adj", "high_adj", "p_fail", "p_pass"):
        assert getattr(again, figure) == pytest.approx(
            getattr(found, figure), rel=1e-9, abs=1e-12
        ), figure
    assert (again.n, again.clusters, again.method) == (found.n, found.clusters, found.method)
    assert again.details == pytest.approx(found.details, rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_too_few_for_one_is_for_the_other(name: str) -> None:
    _, rows = both(40, 5, False, 1, 0.1)
    with pytest.raises(NotEstimable):
        FIGURES[name].compute(rows, Ask(RULE, 6, 1, 2, 1))


def test_the_columns_are_those_of_the_measures() -> None:
    for name in NAMES:
        assert FIGURES[name].columns == MEASURES[name].columns
