from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fmaudit.selftest.rates import rate


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_bounds_are_those_of_clopper_and_pearson(counts):
    hits, seeds = counts
    found = rate(hits, seeds)
    test = stats.binomtest(hits, seeds)
    both = test.proportion_ci(0.9, method="exact")  # 5 % on each side
    assert found.low == pytest.approx(both.low, abs=1e-9)
    assert found.high == pytest.approx(both.high, abs=1e-9)
    assert found.value == hits / seeds
    assert found.seeds == seeds


def test_no_alarm_in_59_seeds_bounds_the_rate_by_a_twentieth_and_in_58_does_not():
    assert rate(0, 59).high <= 0.05 < rate(0, 58).high


@pytest.mark.parametrize(("hits", "seeds"), [(2, 1), (-1, 5), (0, 0)])
def test_more_hits_than_seeds_are_refused(hits, seeds):
    with pytest.raises(ValueError, match=str(hits)):
        rate(hits, seeds)
