from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from fmaudit.errors import NotEstimable
from fmaudit.stats.estimates import proportion
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Rule

Rows = Callable[..., Sample]
ASK = Question(rule=Rule("<=", 0.05))


def test_values_by_hand(rows: Rows) -> None:
    sample = rows(300, clusters=100)
    c = sample.columns
    expected = {
        "flip_rate": c["flip"].mean(),
        "control_flip_rate": c["control_flip"].mean(),
        "excess_flip_rate": c["flip"].mean() - c["control_flip"].mean(),
        "mean_gap": c["gap"].mean(),
        "mean_absolute_gap": abs(c["gap"]).mean(),
        "excess_absolute_gap": (abs(c["gap"]) - abs(c["control_gap"])).mean(),
    }
    for name, value in expected.items():
        assert MEASURES[name].estimate(sample, ASK).value == pytest.approx(value, rel=1e-12)


def test_excess_is_square_and_add_of_the_two_limits(rows: Rows) -> None:
    sample = rows(300, clusters=100)
    found = MEASURES["excess_flip_rate"].estimate(sample, ASK)
    assert found.method == "newcombe_clustered"
    flip = proportion(sample.columns["flip"], sample, Question())
    control = proportion(sample.columns["control_flip"], sample, Question())
    down = np.hypot(flip.value - flip.low, control.high - control.value)
    up = np.hypot(flip.high - flip.value, control.value - control.low)
    assert found.low == pytest.approx(found.value - down, rel=1e-12)
    assert found.high == pytest.approx(found.value + up, rel=1e-12)
    assert (found.n, found.clusters) == (300, sample.unit_count)


def test_thirty_items_are_clusters_not_rows() -> None:
    n = 20 * 6
    sample = Sample(
        {"flip": np.arange(n) % 7 == 0, "control_flip": np.arange(n) % 11 == 0},
        cluster=np.repeat(np.arange(20), 6),
    )
    with pytest.raises(NotEstimable, match="20 clusters of swaps"):
        MEASURES["excess_flip_rate"].estimate(sample, Question(minimum_n=30))


def test_no_gap_at_all_is_bounded() -> None:
    sample = Sample({"gap": np.zeros(60)})
    found = MEASURES["mean_absolute_gap"].estimate(sample, ASK)
    assert (found.value, found.low) == (0, 0)
    assert found.high is not None
    assert 0 < found.high < 0.1
