from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmaudit.errors import SpecError
from fmaudit.stats.contrasts import (
    Contrasts,
    OfShares,
    OfSmooth,
    bounds,
    correlation_of,
    largest,
    largest_drawn,
    p_values,
    pairs,
)
from fmaudit.stats.intervals import Share, mover, mover_p
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Rule

SHARE = st.floats(0, 1)


def shares(*p: float, n: float = 120.0) -> OfShares:
    return OfShares(Share(np.array(p), np.full(len(p), n), np.full(len(p), np.inf)))


@settings(max_examples=60, deadline=None)
@given(a=SHARE, b=SHARE, r=st.floats(-0.9, 0.9), n=st.integers(5, 400))
def test_the_difference_of_two_shares_is_newcombes(a: float, b: float, r: float, n: int) -> None:
    correlation = np.array([[1.0, r], [r, 1.0]])
    found = bounds(shares(a, b, n=n), pairs(2), correlation)
    expected = mover(Share(a, n), Share(b, n), correlation=r)
    assert [float(x[0]) for x in found] == pytest.approx([float(x) for x in expected], abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(a=SHARE, b=SHARE, threshold=st.floats(-0.5, 0.5))
def test_p_values_are_newcombes(a: float, b: float, threshold: float) -> None:
    found = p_values(shares(a, b), pairs(2), np.eye(2), threshold)
    expected = mover_p(Share(a, 120.0), Share(b, 120.0), threshold=threshold)
    assert [float(x[0]) for x in found] == pytest.approx([float(x) for x in expected], abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(p=st.lists(SHARE, min_size=4, max_size=4), threshold=st.floats(0.01, 0.9))
def test_the_adjusted_limits_decide_as_the_p_values(p: list[float], threshold: float) -> None:
    """p_fail ≤ 0.025/m iff the adjusted lower limit exceeds the threshold."""
    question = Question(rule=Rule("<=", threshold), m=3)
    found = largest(shares(*p), pairs(4), np.eye(4), question).figures
    if abs(found["low_adj"] - threshold) > 1e-6:  # type: ignore[operator]
        assert (found["p_fail"] <= 0.025 / 3) == (found["low_adj"] > threshold)  # type: ignore[operator]
    if abs(found["high"] - threshold) > 1e-6:  # type: ignore[operator]
        assert (found["p_pass"] <= 0.025) == (found["high"] < threshold)  # type: ignore[operator]


def test_equal_cells_give_zero_and_an_interval() -> None:
    found = largest(shares(0.3, 0.3, 0.3), pairs(3), np.eye(3), Question()).figures
    assert (found["value"], found["low"]) == (0, 0)
    assert 0 < found["high"] < 0.2  # type: ignore[operator]


def test_a_sign_may_turn() -> None:
    up = largest(shares(0.8, 0.2), pairs(2), np.eye(2), Question())
    down = largest(shares(0.2, 0.8), pairs(2), np.eye(2), Question())
    assert (up.turned, down.turned) == (False, True)
    assert up.figures == down.figures


def test_a_rule_that_faces_the_wrong_way_is_refused() -> None:
    with pytest.raises(SpecError, match="'<='"):
        largest(shares(0.1, 0.2), pairs(2), np.eye(2), Question(rule=Rule(">=", 0.8)))


@pytest.mark.parametrize("span", [(0.0, 1.0), (-1.0, 1.0), (0.0, np.inf), (-np.inf, np.inf)])
def test_smooth_limits_stay_in_their_range(span: tuple[float, float]) -> None:
    value = np.array([0.02, 0.5, 0.98])
    cells = OfSmooth(value, np.full(3, 0.2), np.full(3, 30.0), np.full(3, 31.0), span)
    for alpha in (0.2, 0.025, 1e-6):
        low, high = cells.limits(alpha)
        assert np.all(low < value)
        assert np.all(high > value)
        assert np.all(low >= span[0])
        assert np.all(high <= span[1])


def test_a_figure_that_no_row_moves_is_bounded_as_a_share_without_events() -> None:
    cells = OfSmooth(
        np.array([1.0, 0.0]), np.zeros(2), np.full(2, 49.0), np.array([50.0, 50.0]), (0.0, 1.0)
    )
    low, high = cells.limits(0.025)
    assert high[0] == 1
    assert 0.9 < low[0] < 0.95
    assert low[1] == 0
    assert high[1] == pytest.approx(1 - low[0])


def test_cells_without_common_units_do_not_correlate() -> None:
    sample = Sample({"x": np.zeros(40)}, cluster=np.arange(40) // 2)
    first, second = np.arange(0, 20), np.arange(20, 40)
    z = np.random.default_rng(0).normal(size=20)
    assert np.array_equal(correlation_of([(first, z), (second, z)], sample), np.eye(2))


def test_cells_of_the_same_units_correlate() -> None:
    sample = Sample({"x": np.zeros(40)}, cluster=np.arange(40) // 2)
    z = np.random.default_rng(0).normal(size=20)
    z -= z.mean()
    even, odd = np.arange(0, 40, 2), np.arange(1, 40, 2)
    found = correlation_of([(even, z), (odd, 3 * z)], sample)
    assert found[0, 1] == pytest.approx(1.0)


def test_many_groups_fit_in_memory() -> None:
    """The pairs of 400 groups, which laid out over all of them would be 79,800 × 400."""
    rng = np.random.default_rng(0)
    two = pairs(400)
    cells = shares(*rng.uniform(0.4, 0.6, 400), n=100)
    found = largest(cells, two, np.eye(400), Question())
    assert len(two) == 79_800
    assert found.figures["low_adj"] == 0
    drawn = rng.uniform(size=(50, 400))
    assert np.allclose(largest_drawn(drawn, two), np.ptp(drawn, axis=1))


def test_correlated_cells_of_wide_contrasts_are_those_of_the_formula() -> None:
    rng = np.random.default_rng(1)
    k = 12
    a = rng.normal(size=(k, 40))
    correlation = np.corrcoef(a)
    weights = rng.normal(size=(5, k))
    wide = Contrasts(np.tile(np.arange(k), (5, 1)), weights)
    cells = shares(*rng.uniform(0.2, 0.8, k))
    low, high = bounds(cells, wide, correlation)
    lower, upper = cells.limits(0.025)
    for c, one, other in zip(weights, low, high, strict=True):
        down = np.where(c > 0, c * (cells.value - lower), c * (upper - cells.value))
        up = np.where(c > 0, c * (upper - cells.value), c * (cells.value - lower))
        middle = c @ cells.value
        assert one == pytest.approx(middle - np.sqrt(down @ correlation @ down))
        assert other == pytest.approx(middle + np.sqrt(up @ correlation @ up))
