"""The distance of scores: scipy's figure, its influence values, its interval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.measures.distances import wasserstein
from fmaudit.stats.sample import Question, Sample

ASK = Question(rng=np.random.default_rng(0))
FIGURE = MEASURES["score_distance"]


def _sample(before: np.ndarray, after: np.ndarray, **design: np.ndarray) -> Sample:
    return Sample({"p_base": before, "gap": after - before}, **design)


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 40), st.integers(0, 10_000), st.booleans())
def test_it_is_scipys(n: int, seed: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    before, after = rng.random((2, n)) if not ties else rng.integers(0, 4, (2, n)) / 4
    weight = rng.uniform(0.5, 2, n)
    value, parts = wasserstein(before, after, weight)
    assert value == pytest.approx(wasserstein_distance(before, after, weight, weight), abs=1e-12)
    assert np.average(parts, weights=weight) == pytest.approx(value, abs=1e-12)


def test_it_is_no_mean_of_changes() -> None:
    before = np.array([0.1, 0.9] * 20)
    found = FIGURE.estimate(_sample(before, before[::-1].copy()), ASK)
    assert found.value == pytest.approx(0, abs=1e-12)
    assert np.abs(before - before[::-1]).mean() > 0.7


def test_a_shift_is_its_own_distance() -> None:
    rng = np.random.default_rng(1)
    before = rng.uniform(0, 0.5, 200)
    found = FIGURE.estimate(_sample(before, before + 0.2), ASK)
    assert found.value == pytest.approx(0.2)
    assert found.details["permutation_p"] <= 0.01


def test_chance_alone_is_told_by_the_exchanges() -> None:
    rng = np.random.default_rng(2)
    p = [
        FIGURE.estimate(_sample(*rng.random((2, 60))), ASK).details["permutation_p"]
        for _ in range(60)
    ]
    assert np.mean(np.array(p) <= 0.1) <= 0.2
    assert np.mean(p) == pytest.approx(0.5, abs=0.12)


def test_the_interval_holds_the_truth() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(300):
        before = rng.beta(2, 5, 120)
        after = np.clip(before + 0.1 + rng.normal(0, 0.05, 120), 0, 1)
        found = FIGURE.estimate(_sample(before, after), Question())
        held += found.low <= 0.1005 <= found.high
    assert 0.9 <= held / 300 <= 0.99


def test_no_rows() -> None:
    with pytest.raises(NotEstimable, match="no rows"):
        FIGURE.estimate(_sample(np.array([]), np.array([])), ASK)
