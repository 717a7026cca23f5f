from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fmaudit.errors import NotEstimable
from fmaudit.stats.estimates import linearised, mean, proportion, share_of
from fmaudit.stats.intervals import Share, wilson
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Rule

AT_MOST = Rule("<=", 0.1)


def ends(pair: tuple[object, object]) -> tuple[float, ...]:
    return tuple(float(end) for end in pair)  # type: ignore[arg-type]


def events(n: int, count: int) -> np.ndarray:
    return np.arange(n) < count


def test_an_unclustered_proportion_is_wilson_with_exact_p() -> None:
    y = events(200, 31)
    found = proportion(y, Sample({"y": y}), Question(rule=AT_MOST, m=3))
    assert found.method == "wilson"
    assert (found.low, found.high) == pytest.approx(ends(wilson(Share(0.155, 200))))
    assert found.low_adj == pytest.approx(float(wilson(Share(0.155, 200), 0.025 / 3)[0]))
    assert found.p_fail == pytest.approx(stats.binomtest(31, 200, 0.1, "greater").pvalue)
    assert found.p_pass == pytest.approx(stats.binomtest(31, 200, 0.1, "less").pvalue)


def test_a_rule_from_below_turns_the_p_values_round() -> None:
    y = events(200, 31)
    above = proportion(y, Sample({"y": y}), Question(rule=Rule("<=", 0.1)))
    below = proportion(y, Sample({"y": y}), Question(rule=Rule(">=", 0.1)))
    assert (above.p_fail, above.p_pass) == (below.p_pass, below.p_fail)


def test_without_a_rule_there_is_no_p() -> None:
    y = events(20, 3)
    found = proportion(y, Sample({"y": y}), Question())
    assert found.p_fail is None
    assert found.p_pass is None


def test_duplicated_rows_in_clusters_count_once() -> None:
    """Each row four times, clustered: the interval of the rows alone, with t for the normal."""
    y = events(60, 12)
    copies = Sample({"y": np.repeat(y, 4)}, cluster=np.repeat(np.arange(60), 4))
    share = share_of(np.repeat(y, 4), copies)
    assert share.p == pytest.approx(0.2)
    assert share.n == pytest.approx(59)
    assert share.df == 59
    found = proportion(np.repeat(y, 4), copies, Question(rule=AT_MOST))
    assert found.method == "wilson_clustered"
    assert (found.n, found.clusters) == (240, 60)


def test_no_events_in_clusters_count_the_clusters() -> None:
    y = np.zeros(120, dtype=bool)
    sample = Sample({"y": y}, cluster=np.repeat(np.arange(30), 4))
    found = proportion(y, sample, Question())
    assert found.value == 0
    assert found.low == 0
    assert found.high == pytest.approx(float(wilson(Share(0.0, 30, 29))[1]))


def test_effective_n_is_at_most_n() -> None:
    """One event in each pair: nothing varies between clusters."""
    y = np.tile([True, False], 20)
    assert share_of(y, Sample({"y": y}, cluster=np.repeat(np.arange(20), 2))).n == 40


@pytest.mark.parametrize(("units", "few"), [(10, True), (29, True), (30, False)])
def test_few_clusters_are_flagged(units: int, few: bool) -> None:
    y = np.tile([True, False, False], units)
    found = proportion(y, Sample({"y": y}, cluster=np.repeat(np.arange(units), 3)), Question())
    assert ("few_clusters" in found.details) is few


def test_under_ten_clusters_is_not_estimable() -> None:
    y = np.tile([True, False], 9)
    with pytest.raises(NotEstimable, match="9 independent clusters"):
        proportion(y, Sample({"y": y}, cluster=np.repeat(np.arange(9), 2)), Question())


def test_minimum_n_counts_clusters() -> None:
    y = np.tile([True, False], 20)
    sample = Sample({"y": y}, cluster=np.repeat(np.arange(20), 2))
    with pytest.raises(NotEstimable, match="20 clusters of swaps, fewer than the 30"):
        proportion(y, sample, Question(minimum_n=30), "swaps")
    proportion(y, Sample({"y": y}), Question(minimum_n=30))


def test_no_rows() -> None:
    with pytest.raises(NotEstimable, match="no rows"):
        proportion(np.zeros(0, dtype=bool), Sample({"y": np.zeros(0)}), Question())


def test_a_mean_is_the_t_interval() -> None:
    x = np.random.default_rng(0).normal(3, 2, 40)
    found = mean(x, Sample({"x": x}), Question(rule=Rule("<=", 2.5)))
    low, high = stats.t.interval(0.95, 39, x.mean(), x.std(ddof=1) / math.sqrt(40))
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-12)
    assert found.p_fail == pytest.approx(stats.ttest_1samp(x, 2.5, alternative="greater").pvalue)
    assert found.p_pass == pytest.approx(stats.ttest_1samp(x, 2.5, alternative="less").pvalue)


@pytest.mark.parametrize("span", [(0.0, 1.0), (-1.0, 1.0), (0.0, 2.0), (0.0, math.inf)])
def test_limits_stay_within_the_range(span: tuple[float, float]) -> None:
    x = np.array([span[0] + 0.999] + [span[0] + 0.001] * 11)
    found = mean(x, Sample({"x": x}), Question(m=20), span=span)
    assert found.low_adj is not None
    assert found.high_adj is not None
    assert span[0] < found.low_adj < found.value < found.high_adj < span[1]


def test_thresholds_outside_the_range_are_settled() -> None:
    x = np.linspace(0.2, 0.6, 30)
    found = mean(x, Sample({"x": x}), Question(rule=Rule("<=", 1.0)), span=(0, 1))
    assert (found.p_fail, found.p_pass) == (1.0, 0.0)


def test_a_perfect_figure_is_bounded_as_no_events_are() -> None:
    sample = Sample({"x": np.ones(50)})
    found = linearised(1.0, np.zeros(50), sample, Question(), limiting=20)
    assert found.method == "wilson_no_events"
    assert found.low == pytest.approx(float(wilson(Share(1.0, 20, 49))[0]))
    assert found.high == 1.0


def test_a_constant_has_no_interval() -> None:
    x = np.full(50, 0.3)
    found = mean(x, Sample({"x": x}), Question(rule=AT_MOST), span=(0, 1))
    assert found.low is None
    assert found.p_fail is None
    assert "same value" in found.details["no_interval"]


def test_one_row_in_a_class_has_no_interval() -> None:
    x = np.linspace(0, 1, 50)
    found = linearised(0.5, (x - 0.5) / 50, Sample({"x": x}), Question(), limiting=1)
    assert found.low is None
    assert "one independent row" in found.details["no_interval"]


def test_values_that_are_not_finite_give_no_figure() -> None:
    x = np.array([1.0] * 20 + [math.nan])
    with pytest.raises(NotEstimable):
        mean(x, Sample({"x": x}), Question())


designs = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10_000),
        "n": st.integers(40, 90),
        "clustered": st.booleans(),
        "weighted": st.booleans(),
        "strata": st.integers(1, 3),
    }
)


def drawn(design: dict[str, int]) -> tuple[np.ndarray, Sample]:
    rng = np.random.default_rng(design["seed"])
    n = design["n"]
    cluster = rng.integers(n // 2, size=n) if design["clustered"] else np.arange(n)
    weight = rng.uniform(0.5, 2, n) if design["weighted"] else None
    y = rng.random(n) < rng.uniform(0, 0.5)
    return y, Sample({"y": y}, weight, cluster, cluster % design["strata"])


@given(designs, st.floats(0.05, 0.5))
def test_interval_holds_the_value_and_p_follows_it(design: dict[str, int], tau: float) -> None:
    y, sample = drawn(design)
    found = proportion(y, sample, Question(rule=Rule("<=", tau), m=4))
    assert found.low is not None
    assert found.high is not None
    assert found.low_adj is not None
    assert found.high_adj is not None
    assert found.p_fail is not None
    assert found.p_pass is not None
    assert 0 <= found.low_adj <= found.low <= found.value <= found.high <= found.high_adj <= 1
    if found.method != "wilson":
        assert (found.p_fail <= 0.025) == (found.low >= tau)
        assert (found.p_pass <= 0.025) == (found.high <= tau)


@given(designs)
def test_the_order_of_rows_does_not_matter(design: dict[str, int]) -> None:
    y, sample = drawn(design)
    order = np.random.default_rng(1).permutation(sample.n)
    assert sample.cluster is not None
    assert sample.stratum is not None
    weight = None if sample.weight is None else sample.weight[order]
    turned = Sample({"y": y[order]}, weight, sample.cluster[order], sample.stratum[order])
    a = proportion(y, sample, Question(rule=AT_MOST))
    b = proportion(y[order], turned, Question(rule=AT_MOST))
    for name in ("value", "low", "high", "p_fail", "p_pass"):
        assert getattr(a, name) == pytest.approx(getattr(b, name), rel=1e-9, abs=1e-12)


@given(designs, st.floats(0.1, 10))
def test_equal_weights_change_nothing(design: dict[str, int], weight: float) -> None:
    y, sample = drawn({**design, "weighted": False})
    heavy = Sample(sample.columns, np.full(sample.n, weight), sample.cluster, sample.stratum)
    assert proportion(y, heavy, Question()) == proportion(y, sample, Question())


@given(designs)
def test_a_row_of_weight_two_is_two_rows(design: dict[str, int]) -> None:
    """Split within their cluster, so that the number of independent units stays."""
    y, sample = drawn({**design, "clustered": True, "weighted": False, "strata": 1})
    rng = np.random.default_rng(design["seed"])
    double = rng.random(sample.n) < 0.4
    copies = 1 + double.astype(int)
    heavy = Sample({"y": y}, copies.astype(float), sample.cluster)
    assert sample.cluster is not None
    split = Sample({"y": np.repeat(y, copies)}, None, np.repeat(sample.cluster, copies))
    a, b = share_of(y, heavy), share_of(np.repeat(y, copies), split)
    assert a.p == pytest.approx(b.p)
    if 0 < a.p < 1 and max(a.n, b.n) < sample.n:
        assert a.n == pytest.approx(b.n)
