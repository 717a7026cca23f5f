from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from fmaudit.stats.intervals import (
    Drop,
    Share,
    bonett_price,
    bonett_price_p,
    exact_p,
    mover,
    mover_p,
    mover_ratio,
    quantile,
    score_p,
    tail,
    wilson,
)

shares = st.tuples(st.integers(0, 60), st.integers(1, 60)).map(
    lambda t: Share(min(t) / max(t[1], t[0]), float(max(t)))
)
levels = st.floats(1e-6, 0.4)


@pytest.mark.parametrize(("events", "n"), [(0, 7), (3, 10), (10, 10), (999, 2000)])
def test_wilson_agrees_with_statsmodels(events: int, n: int) -> None:
    low, high = wilson(Share(events / n, n))
    assert (low, high) == pytest.approx(
        proportion_confint(events, n, method="wilson"), rel=1e-12, abs=1e-15
    )


@pytest.mark.parametrize(("a", "n", "b", "m"), [(9, 10, 3, 10), (56, 70, 48, 80), (0, 30, 5, 40)])
def test_newcombe_agrees_with_statsmodels(a: int, n: int, b: int, m: int) -> None:
    low, high = mover(Share(a / n, n), Share(b / m, m))
    assert (low, high) == pytest.approx(
        confint_proportions_2indep(a, n, b, m, compare="diff", method="newcomb"), rel=1e-12
    )


def test_newcombe_published_example() -> None:
    """Newcombe 1998, table II, method 10: 56/70 − 48/80 is 0.0524 to 0.3339."""
    low, high = mover(Share(56 / 70, 70), Share(48 / 80, 80))
    assert (round(float(low), 4), round(float(high), 4)) == (0.0524, 0.3339)


def test_exact_p_agrees_with_scipy() -> None:
    for events, n, threshold in ((0, 20, 0.05), (3, 20, 0.05), (20, 20, 0.8), (7, 31, 0.3)):
        above, below = exact_p(events, n, threshold)
        assert above == pytest.approx(
            stats.binomtest(events, n, threshold, "greater").pvalue, rel=1e-12
        )
        assert below == pytest.approx(
            stats.binomtest(events, n, threshold, "less").pvalue, rel=1e-12
        )


@pytest.mark.parametrize("df", [3.0, 29.0, np.inf])
def test_tail_and_quantile_are_inverse(df: float) -> None:
    for alpha in (0.4, 0.025, 1e-5):
        assert tail(quantile(alpha, df), df) == pytest.approx(alpha, rel=1e-6)
    assert quantile(0.025, df) == pytest.approx(stats.t.isf(0.025, df))


def test_thresholds_at_the_ends() -> None:
    assert exact_p(0, 5, 0.0) == (1.0, 1.0)
    assert exact_p(1, 5, 0.0) == (0.0, 1.0)
    assert score_p(Share(0.5, 5), 1.0) == (1.0, 0.0)


@given(shares, levels)
def test_wilson_holds_the_share_and_grows_with_the_level(share: Share, alpha: float) -> None:
    low, high = wilson(share, alpha)
    assert 0 <= low <= share.p + 1e-12
    assert share.p - 1e-12 <= high <= 1
    wider = wilson(share, alpha / 2)
    assert wider[0] <= low + 1e-12
    assert wider[1] >= high - 1e-12


@given(shares, st.floats(0.01, 0.99), st.one_of(st.just(np.inf), st.floats(5, 80)))
def test_score_p_inverts_wilson(share: Share, threshold: float, df: float) -> None:
    share = share._replace(df=df)
    above, below = score_p(share, threshold)
    if 1e-10 < above < 0.5:
        assert wilson(share, above)[0] == pytest.approx(threshold, abs=1e-7)
    if 1e-10 < below < 0.5:
        assert wilson(share, below)[1] == pytest.approx(threshold, abs=1e-7)


@given(shares, shares, levels, st.floats(0.2, 2), st.floats(-0.9, 0.9))
def test_mover_holds_the_difference(
    a: Share, b: Share, alpha: float, ratio: float, correlation: float
) -> None:
    low, high = mover(a, b, alpha=alpha, ratio=ratio, correlation=correlation)
    assert low <= a.p - ratio * b.p + 1e-12
    assert high >= a.p - ratio * b.p - 1e-12
    wider = mover(a, b, alpha=alpha / 3, ratio=ratio)
    plain = mover(a, b, alpha=alpha, ratio=ratio)
    assert wider[0] <= plain[0] + 1e-12
    assert wider[1] >= plain[1] - 1e-12


@given(shares, shares, st.floats(-0.5, 0.5))
def test_mover_p_inverts_mover(a: Share, b: Share, threshold: float) -> None:
    above, below = (float(p) for p in mover_p(a, b, threshold=threshold))
    assert above + below == pytest.approx(1)
    level = min(above, below)
    if 1e-10 < level < 0.499:
        low, high = mover(a, b, alpha=level)
        assert (low if above < below else high) == pytest.approx(threshold, abs=1e-6)


@given(shares, shares, levels)
def test_ratio_limits_are_where_the_contrast_is_zero(a: Share, b: Share, alpha: float) -> None:
    low, high = (float(end) for end in mover_ratio(a, b, alpha=alpha))
    assert 0 <= low <= high
    if low > 1e-6:
        assert mover(a, b, alpha=alpha, ratio=low)[0] == pytest.approx(0, abs=1e-9)
    if np.isfinite(high) and high < 1e6:
        assert mover(a, b, alpha=alpha, ratio=high)[1] == pytest.approx(0, abs=1e-7)
    if b.p > 0:
        assert low <= a.p / b.p + 1e-12
        assert high >= a.p / b.p - 1e-12


def test_positive_correlation_narrows_a_difference() -> None:
    a, b = Share(0.3, 50), Share(0.2, 50)
    plain, paired = mover(a, b), mover(a, b, correlation=0.6)
    assert plain[0] < paired[0] < paired[1] < plain[1]


def test_bonett_price_published_example() -> None:
    """Bonett and Price 2012: (f12 + 1)/(n + 2) − (f21 + 1)/(n + 2), adjusted Wald."""
    low, high = bonett_price(Drop(8 / 50, 10 / 50, 50))
    a, b = 10 / 52, 2 / 52
    half = 1.959963984540054 * np.sqrt((a + b - (a - b) ** 2) / 52)
    assert (low, high) == pytest.approx((a - b - half, a - b + half), rel=1e-12)
    assert bonett_price(Drop(0, 0, 10))[0] == -bonett_price(Drop(0, 0, 10))[1]


@given(st.lists(st.integers(-3, 3).map(lambda k: k / 3), min_size=1, max_size=40), levels)
def test_drop_p_values_invert_the_limits(drops: list[float], alpha: float) -> None:
    drop = Drop(float(np.mean(drops)), float(np.mean(np.square(drops))), len(drops), 11.0)
    low, high = bonett_price(drop, alpha)
    if low > -1:
        assert bonett_price_p(drop, low)[0] == pytest.approx(alpha, rel=1e-6)
    if high < 1:
        assert bonett_price_p(drop, high)[1] == pytest.approx(alpha, rel=1e-6)


def test_everything_broadcasts() -> None:
    first = Share(np.array([0.2, 0.5]), np.array([30.0, 60.0]), np.array([np.inf, 12.0]))
    second = Share(0.4, 40.0)
    low, high = mover(first, second)
    above, below = mover_p(first, second, threshold=0.05)
    for i in range(2):
        one = Share(first.p[i], first.n[i], first.df[i])
        assert np.allclose(mover(one, second), (low[i], high[i]), rtol=1e-12)
        tails = mover_p(one, second, threshold=0.05)
        assert np.allclose(tails, (above[i], below[i]), rtol=1e-9)
