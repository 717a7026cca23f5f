from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.errors import NotEstimable
from fmaudit.stats.changes import change
from fmaudit.stats.paired_score import Change, change_limits, change_p
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Rule

ASK = Question(rule=Rule("<=", 0.05), m=3)


def test_a_change_of_independent_rows_is_the_score_test() -> None:
    before = np.array([True] * 46 + [False] * 4)
    after = before.copy()
    after[:9], after[-1] = False, True
    found = change(before, after, Sample({"x": before}), ASK)
    counted = Change(9 / 50, 1 / 50, 50)
    assert found.value == pytest.approx(8 / 50)
    assert (found.low, found.high) == pytest.approx(change_limits(counted), rel=1e-9)
    assert (found.low_adj, found.high_adj) == pytest.approx(change_limits(counted, 0.025 / 3))
    assert (found.p_fail, found.p_pass) == pytest.approx(change_p(counted, 0.05))
    assert found.method == "tango"


def test_no_change_has_an_interval_in_every_design() -> None:
    same = np.ones(600, dtype=bool)
    units = np.repeat(np.arange(120), 5)
    apart = change(same, same, Sample({"x": same}), ASK)
    together = change(same, same, Sample({"x": same}, cluster=units), ASK)
    weighed = change(same, same, Sample({"x": same}, weight=1.0 + units % 3, cluster=units), ASK)
    assert [f.method for f in (apart, together, weighed)] == [
        "tango", "tango_clustered", "tango_weighted",
    ]  # fmt: skip
    for found in (apart, together, weighed):
        assert found.value == 0
        assert found.low == pytest.approx(-found.high, rel=1e-12)  # type: ignore[operator]
        assert found.p_pass < 0.02  # type: ignore[operator]
    assert apart.high < together.high < weighed.high < 0.05  # type: ignore[operator]


def test_a_clusters_copies_change_as_one_row() -> None:
    rng = np.random.default_rng(0)
    before, after = rng.random(200) < 0.8, rng.random(200) < 0.75
    once = change(before, after, Sample({"x": before}), ASK)
    units = np.repeat(np.arange(200), 5)
    before, after = np.repeat(before, 5), np.repeat(after, 5)
    many = change(before, after, Sample({"x": before}, cluster=units), ASK)
    assert many.value == pytest.approx(once.value)
    assert many.low == pytest.approx(once.low, abs=2e-3)
    assert many.high == pytest.approx(once.high, abs=2e-3)


def test_half_a_change_narrows_nothing_below_a_whole_one() -> None:
    zero = np.zeros(300)
    whole, halves = zero.copy(), zero.copy()
    whole[:10], halves[:20] = 1.0, 0.5
    a, b = (change(x, zero, Sample({"x": x}), ASK) for x in (whole, halves))
    assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high))


def test_too_few_clusters_have_no_interval() -> None:
    events = np.arange(40) % 2 == 0
    few = Sample({"x": events}, cluster=np.arange(40) // 5)
    with pytest.raises(NotEstimable, match="8 independent clusters"):
        change(events, ~events, few, ASK)


@given(pairs=st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=60))
def test_the_value_lies_within_the_limits(pairs: list[tuple[int, bool]]) -> None:
    first, second = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    found = change(first / 3, second, Sample({"x": first}), ASK)
    assert -1 <= found.low_adj <= found.low <= found.value + 1e-12  # type: ignore[operator]
    assert found.value - 1e-12 <= found.high <= found.high_adj <= 1  # type: ignore[operator]


def test_a_value_that_is_no_number_has_no_figure() -> None:
    events = np.array([0.0, 1.0] * 20)
    with pytest.raises(NotEstimable, match="not finite"):
        change(np.where(events > 0, np.nan, 0.0), events, Sample({"x": events}), ASK)


def paired(rng: np.random.Generator, units: int, per: int, up: float, down: float) -> Sample:
    """Templates whose pairs change together (intra-cluster correlation 0.2), one in twenty half."""
    code = np.repeat(np.arange(units), per)
    gains, losses = (
        (rng.beta(4 * p, 4 * (1 - p), units) if p else np.zeros(units))[code] for p in (up, down)
    )
    part = np.where(rng.random(code.size) < 0.05, 0.5, 1.0)
    at = rng.random(code.size)
    moved = part * np.where(at < gains, 1.0, np.where(at > 1 - losses, -1.0, 0.0))
    base = np.where(moved < 0, 1.0, np.where(moved > 0, 0.0, rng.integers(2, size=code.size)))
    return Sample({"after": base + moved, "before": base}, cluster=code)


@pytest.mark.slow
def test_changes_of_templates_cover_and_rarely_err_at_the_threshold() -> None:
    rng, runs = np.random.default_rng(5), 1_000
    cover, fails, passes = [], [], []
    for units, per in ((30, 4), (40, 8), (100, 4)):
        for down in (0.0, 0.03, 0.1):
            truth, held, failed, passed = 0.05, 0, 0, 0
            for _ in range(runs):
                sample = paired(rng, units, per, down + truth / 0.975, down)
                found = change(sample.columns["after"], sample.columns["before"], sample, ASK)
                held += found.low <= truth <= found.high  # type: ignore[operator]
                failed += found.p_fail <= 0.025  # type: ignore[operator]
                passed += found.p_pass <= 0.025  # type: ignore[operator]
            cover.append(held / runs)
            fails.append(failed / runs)
            passes.append(passed / runs)
    assert 0.93 <= np.mean(cover) <= 0.98, cover
    assert max(fails) <= 0.05, fails
    assert np.mean(passes) <= 0.035, passes
    assert max(passes) <= 0.06, passes
