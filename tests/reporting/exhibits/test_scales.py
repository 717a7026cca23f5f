from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fmaudit.reporting.exhibits.scales import LARGEST, MOST_TICKS, Scale, around, ticks

numbers = st.floats(-1e12, 1e12, allow_nan=False)
anything = st.one_of(st.none(), st.floats())


@given(st.lists(numbers, min_size=1, max_size=8))
def test_an_axis_holds_its_values_in_their_order(values):
    scale = around(values)
    places = [scale.at(value) for value in sorted(values)]
    assert places == sorted(places)
    assert 0 <= places[0] <= places[-1] <= 100
    assert scale.low <= min(values) <= max(values) <= scale.high


@given(st.lists(anything, max_size=8))
def test_what_is_no_number_moves_no_axis(values):
    held = [v for v in values if v is not None and math.isfinite(v) and abs(v) <= LARGEST]
    assert around(values) == around(held)
    assert (around(values) is None) == (not held)


@given(st.lists(numbers, min_size=2, max_size=4))
def test_ticks_are_round_inside_and_few(values):
    scale = around(values)
    found = ticks(scale)
    assert len(found) <= MOST_TICKS + 1
    assert all(scale.low <= tick.value <= scale.high for tick in found)
    assert len({tick.label for tick in found}) == len(found)
    if len(found) > 1:
        step = (found[-1].value - found[0].value) / (len(found) - 1)
        lead = step / 10 ** math.floor(math.log10(step * (1 + 1e-9)))
        assert min(abs(lead - round_) for round_ in (1, 2, 5)) < 1e-6
        assert all(
            math.isclose(tick.value / step, round(tick.value / step), abs_tol=1e-6)
            for tick in found
        )


@given(st.floats(0, 1), st.floats(0, 1))
def test_shares_do_not_reach_below_nothing(one, other):
    assert around([one, other]).low >= 0


@given(st.floats(-10, 10), st.floats(1e-3, 10), st.floats(-10, 20))
def test_a_place_is_where_the_value_is(low, width, value):
    scale = Scale(low, low + width)
    at = scale.at(value)
    assert 0 <= at <= 100
    if low <= value <= low + width:
        assert at == pytest.approx(100 * (value - low) / width, abs=1e-3)


def test_a_value_that_is_none_or_nan_has_no_place_and_infinity_is_at_the_end():
    scale = Scale(0.0, 1.0)
    assert scale.at(None) is None
    assert scale.at(math.nan) is None
    assert (scale.at(-math.inf), scale.at(math.inf)) == (0.0, 100.0)


def test_values_that_are_all_equal_have_room_around_them():
    scale = around([0.3, 0.3])
    assert scale.low < 0.3 < scale.high
    assert around([0.0]).low == 0.0
    assert around([0.0]).high > 0


@given(st.integers(2, 10**7))
def test_a_logarithmic_axis_has_powers_of_ten(n):
    scale = Scale(1 / n, 1.0, log=True)
    assert scale.at(1 / n) == 0
    assert scale.at(1.0) == 100
    found = ticks(scale, percent=True)
    assert found[-1].label == "100 %"
    for tick in found:
        power = math.log10(tick.value)
        assert math.isclose(power, round(power), abs_tol=1e-9)
        assert tick.value >= scale.low * (1 - 1e-6)


def test_decades_lie_evenly_on_a_logarithmic_axis():
    assert Scale(0.01, 1.0, log=True).at(0.1) == pytest.approx(50)


@given(st.floats(1e-9, 1), st.floats(1e-9, 1))
def test_a_logarithmic_axis_keeps_the_order(one, other):
    assume(one < other)
    scale = Scale(1e-6, 1.0, log=True)
    assert scale.at(one) <= scale.at(other)
