from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from fmaudit.stats.multiplicity import holm

p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@settings(max_examples=20, deadline=None)  # statsmodels takes a fifth of a second
@given(p_lists)
def test_holm_agrees_with_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1].tolist())


@settings(max_examples=20, deadline=None)
@given(p_lists, st.integers(0, 10))
def test_untested_members_count_as_one(p_values: list[float], more: int) -> None:
    padded = multipletests([*p_values, *[1.0] * more], method="holm")[1]
    assert holm(p_values, len(p_values) + more) == pytest.approx(padded[: len(p_values)].tolist())


@given(p_lists)
def test_never_smaller_than_raw_and_in_the_same_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(a >= p for a, p in zip(adjusted, p_values, strict=True))
    pairs = sorted(zip(p_values, adjusted, strict=True))
    assert [a for _, a in pairs] == sorted(adjusted)


def test_a_family_is_at_least_its_members() -> None:
    with pytest.raises(ValueError, match="family of 1"):
        holm([0.1, 0.2], 1)
    assert holm([]) == []
