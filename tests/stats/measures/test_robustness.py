from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from fmaudit.errors import NotEstimable
from fmaudit.stats.estimates import share_of
from fmaudit.stats.intervals import mover
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Rule

Rows = Callable[..., Sample]
ASK = Question(rule=Rule("<=", 0.05))


def test_values_by_hand(rows: Rows) -> None:
    sample = rows(300, clusters=100)
    c = sample.columns
    expected = {
        "flips_over_floor": c["flip"].mean() - c["repeat_flip"].mean(),
        "noisy_accuracy": c["noisy_correct"].mean(),
        "accuracy_drop": c["correct"].mean() - c["noisy_correct"].mean(),
        "excess_accuracy_drop": c["repeat_correct"].mean() - c["noisy_correct"].mean(),
    }
    for name, value in expected.items():
        assert MEASURES[name].estimate(sample, ASK).value == pytest.approx(value, rel=1e-12)


def test_flips_over_floor_is_square_and_add_of_the_two_limits(rows: Rows) -> None:
    sample = rows(300, clusters=100)
    found = MEASURES["flips_over_floor"].estimate(sample, ASK)
    shares = [share_of(sample.columns[name], sample) for name in ("flip", "repeat_flip")]
    assert (found.low, found.high) == pytest.approx(mover(*shares), rel=1e-12)
    assert found.method == "newcombe_clustered"
    assert set(found.details) == {"flip_rate", "repeat_flip_rate"}


def test_the_base_cancels_in_the_excess_drop() -> None:
    """Drop under edit less drop under repeat is repeats less edits, whatever the base was."""
    rng = np.random.default_rng(0)
    columns = {
        "correct": rng.random(200) < 0.9,
        "noisy_correct": rng.random(200) < 0.7,
        "repeat_correct": rng.integers(4, size=200) / 3,
    }
    found = MEASURES["excess_accuracy_drop"].estimate(Sample(columns), ASK)
    drop = MEASURES["accuracy_drop"].estimate(Sample(columns), ASK).value
    repeat = columns["correct"].mean() - columns["repeat_correct"].mean()
    assert found.value == pytest.approx(drop - repeat, rel=1e-12)


def test_a_steady_model_without_flips_passes_from_the_first_two_hundred() -> None:
    n = 200
    sample = Sample(
        {
            "flip": np.zeros(n, dtype=bool),
            "repeat_flip": np.zeros(n),
            "noisy_correct": np.ones(n, dtype=bool),
            "repeat_correct": np.ones(n),
        }
    )
    for name in ("flips_over_floor", "excess_accuracy_drop"):
        found = MEASURES[name].estimate(sample, ASK)
        assert found.value == 0
        assert found.low < 0 < found.high < 0.05  # type: ignore[operator]
        assert found.p_pass <= 0.025  # type: ignore[operator]


@pytest.mark.parametrize("name", ["flips_over_floor", "noisy_accuracy", "accuracy_drop"])
def test_too_few_items_are_not_tested(name: str, rows: Rows) -> None:
    sample = rows(150, clusters=20)
    with pytest.raises(NotEstimable, match="fewer than the 200 asked for"):
        MEASURES[name].estimate(sample, Question(minimum_n=200))
