from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.models.quadrature import FIRST, Text, integral, points
from fmaudit.types import Attribute, Attributions, Failure


def opened(difference, **options):
    marks = ((0, 0), (0, 2), (1, 3), (False, False))
    return Text(0, Attribute("a b", **options), marks, 0, 1, 0, difference, np.zeros((0, 2)))


def driven(text, slope):
    """Give it the slopes that it wants, as `Attributor` does."""
    steps, nodes = FIRST, points(FIRST)
    while True:
        text.take(np.array([slope(at) for at in nodes]))
        if not text.open:
            return text
        steps *= 2
        nodes = points(steps)[1::2]


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=2, max_size=40))
def test_the_integral_is_numpys_trapezoid(rows):
    slopes = np.array(rows)
    expected = np.trapezoid(slopes, points(len(slopes) - 1), axis=0)
    assert integral(slopes) == pytest.approx(expected, abs=1e-12)


def test_doubling_gives_the_slopes_in_order():
    text = driven(opened(1.0, tolerance=1e-12, most_steps=64), lambda at: (at, at**2))
    assert text.steps == 64
    assert text.slopes[:, 0] == pytest.approx(points(64))
    assert text.passes == 65 + 2


@pytest.mark.parametrize(("low", "high"), [(0.1, 0.9), (-2.0, 3.0)])
def test_a_smooth_slope_converges_to_the_integral(low, high):
    difference = np.sin(high) - np.sin(low) + (high**3 - low**3) / 3
    way = high - low

    def slope(at):
        x = low + at * way
        return way * np.cos(x), way * x**2

    answer = driven(opened(difference, tolerance=0.001), slope).answer("[MASK]")
    assert isinstance(answer, Attributions)
    assert answer.converged
    assert answer.scores[0] == pytest.approx(np.sin(high) - np.sin(low), rel=1e-3)
    assert answer.scores[1] == pytest.approx((high**3 - low**3) / 3, rel=1e-3)


def test_a_step_that_the_first_nodes_miss_is_not_called_converged():
    """All of the rise lies between two nodes: error 1 at every n, until the nodes find it."""
    text = driven(opened(1.0), lambda at: (1000.0 if 0.5003 < at < 0.5013 else 0.0, 0.0))
    assert text.steps == 256
    assert not text.converged
    assert text.error == pytest.approx(1)


def test_a_sum_that_is_right_by_accident_does_not_hide_a_map_that_moves():
    """Two tokens whose errors cancel: complete at every n, but not yet still."""

    def slope(at):
        ripple = 50 * np.cos(2 * np.pi * 8 * at)
        return 1.0 + ripple, 1.0 - ripple

    text = opened(2.0)
    text.take(np.array([slope(at) for at in points(8)]))
    assert text.error < 1e-12
    text.take(np.array([slope(at) for at in points(16)[1::2]]))
    assert text.error < 1e-12
    assert text.change > 1
    assert not text.converged


def test_an_error_at_half_the_steps_keeps_it_open():
    text = opened(0.0)
    text.take(np.tile([1.0, -0.96], (9, 1)))
    assert text.error > 0.2
    text.take(np.tile([1.0, -1.04], (8, 1)))
    assert text.error < 1e-12
    assert text.change == pytest.approx(0.02)
    assert not text.converged


def test_what_is_not_finite_is_a_failure_and_asks_no_more():
    text = opened(1.0)
    text.take(np.full((9, 2), np.nan))
    assert not text.open
    assert isinstance(text.answer("[MASK]"), Failure)
    beyond = driven(opened(np.inf), lambda at: (0.5, 0.5))
    assert isinstance(beyond.answer("[MASK]"), Failure)
