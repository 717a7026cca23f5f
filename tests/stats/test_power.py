from __future__ import annotations

import math

import numpy as np
import pytest

from fmaudit.stats.estimates import mean
from fmaudit.stats.power import needed_n
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate, Rule

RULE = Rule("<=", 0.05)


def estimate(value: float, low: float | None, high: float | None, **details: int) -> Estimate:
    return Estimate(value, low, high, 1200, 150, "newcombe_clustered", details=details)


def test_the_example_of_the_record() -> None:
    assert needed_n(estimate(0.031, 0.018, 0.052), RULE) == 245


def test_a_gap_counts_its_limiting_cell() -> None:
    assert needed_n(estimate(0.031, 0.018, 0.052, limiting_clusters=15), RULE) == 25


@pytest.mark.parametrize("value", [0.05, 0.0451, 0.0549])
def test_too_near_the_threshold_to_say(value: float) -> None:
    assert needed_n(estimate(value, 0.01, 0.09), RULE) is None


def test_without_interval_there_is_no_n() -> None:
    assert needed_n(estimate(0.01, None, None), RULE) is None


def test_eighty_percent_of_audits_of_that_size_decide() -> None:
    """The n for a mean of spread 1 at distance 0.2, tried out 2,000 times."""
    rng = np.random.default_rng(0)
    first = Estimate(0.2, 0.2 - 1.96 / 10, 0.2 + 1.96 / 10, 100, 100, "linearised_t")
    n = needed_n(first, Rule("<=", 0.0))
    assert n is not None
    decided = 0
    for _ in range(2_000):
        x = rng.normal(0.2, 1, n)
        found = mean(x, Sample({"x": x}), Question(rule=Rule("<=", 0.0)))
        decided += found.p_fail is not None and found.p_fail <= 0.025
    assert abs(decided / 2_000 - 0.8) < 3 * math.sqrt(0.16 / 2_000) + 0.005
