from __future__ import annotations

import numpy as np
import pytest

from fmaudit.stats.groups import cells, largest_gap
from fmaudit.stats.intervals import Share, mover
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate, Rule


def gap(
    counts: dict[str, tuple[int, int]], question: Question, kind: str = "difference"
) -> Estimate:
    events = np.concatenate([np.arange(n) < x for x, n in counts.values()])
    group = np.repeat(np.array(list(counts), dtype=object), [n for _, n in counts.values()])
    found = cells(events, group, Sample({"e": events}), question, "rows")
    return largest_gap({"rate": found}, question, kind)  # type: ignore[arg-type]


def ends(a: tuple[int, int], b: tuple[int, int], alpha: float) -> tuple[float, float]:
    low, high = mover(Share(a[0] / a[1], a[1]), Share(b[0] / b[1], b[1]), alpha=alpha)
    return float(low), float(high)


THREE = {"a": (40, 100), "b": (55, 100), "c": (20, 30)}
QUESTION = Question(rule=Rule("<=", 0.1), m=2)


def test_two_groups_are_newcombes_interval() -> None:
    found = gap({"a": (30, 100), "b": (55, 100)}, Question())
    assert (found.value, found.details["pair"]) == (pytest.approx(0.25), ["a", "b"])
    assert (found.low, found.high) == pytest.approx(ends((55, 100), (30, 100), 0.025))


def test_the_largest_upper_bound_may_be_another_pairs() -> None:
    """c is small: its pair drives the gap, and the bounds of all pairs are looked at."""
    found = gap(THREE, QUESTION)
    pairs = [("b", "a"), ("c", "a"), ("c", "b")]
    plain = [ends(THREE[x], THREE[y], 0.025) for x, y in pairs]
    adjusted = [ends(THREE[x], THREE[y], 0.025 / 6) for x, y in pairs]
    assert found.details["pair"] == ["a", "c"]
    assert found.low == pytest.approx(plain[1][0])
    assert found.high == pytest.approx(max(high for _, high in plain))
    assert found.low_adj == pytest.approx(max(0, *(low for low, _ in adjusted)))
    assert found.details["pairs"] == 3
    assert found.details["limiting_clusters"] == 30


@pytest.mark.parametrize("seed", range(30))
def test_p_values_invert_the_simultaneous_bounds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k = int(rng.integers(2, 6))
    counts = {f"g{i}": (int(rng.integers(10, 190)), 200) for i in range(k)}
    question = Question(rule=Rule("<=", float(rng.uniform(0.02, 0.6))), m=int(rng.integers(1, 4)))
    found = gap(counts, question)
    assert question.rule is not None
    assert found.p_fail is not None
    assert found.p_pass is not None
    assert (found.p_fail <= 0.025 / question.m) == (found.low_adj > question.rule.value)  # type: ignore[operator]
    assert (found.p_pass <= 0.025) == (found.high < question.rule.value)  # type: ignore[operator]


@pytest.mark.parametrize("seed", range(30))
def test_ratio_p_values_invert_their_bounds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k = int(rng.integers(2, 6))
    counts = {f"g{i}": (int(rng.integers(10, 190)), 200) for i in range(k)}
    question = Question(rule=Rule(">=", float(rng.uniform(0.2, 0.9))), m=int(rng.integers(1, 4)))
    found = gap(counts, question, "ratio")
    assert question.rule is not None
    assert found.p_fail is not None
    assert found.p_pass is not None
    assert found.low_adj <= found.low <= found.value <= found.high  # type: ignore[operator]
    assert (found.p_fail <= 0.025 / question.m) == (found.high_adj < question.rule.value)  # type: ignore[operator]
    assert (found.p_pass <= 0.025) == (found.low > question.rule.value)  # type: ignore[operator]


def test_clusters_shared_by_groups_are_paired() -> None:
    """Templates in two variants whose outcomes go together: a narrower gap than independence."""
    rng = np.random.default_rng(0)
    template = np.repeat(np.arange(100), 2)
    hard = (rng.random(100) < 0.4)[template]
    events = hard ^ (rng.random(200) < 0.03)
    group = np.tile(np.array(["x", "y"], dtype=object), 100)
    shared = cells(events, group, Sample({"e": events}, cluster=template), Question(), "rows")
    apart = cells(events, group, Sample({"e": events}), Question(), "rows")
    assert shared.correlation[0, 1] > 0.7
    assert apart.correlation[0, 1] == 0
    paired = largest_gap({"rate": shared}, Question(), "difference")
    plain = largest_gap({"rate": apart}, Question(), "difference")
    assert paired.high < 0.6 * plain.high  # type: ignore[operator]


def test_clusters_of_few_units_are_excluded() -> None:
    cluster = np.concatenate([np.repeat(np.arange(40), 4), 100 + np.repeat(np.arange(5), 30)])
    events = cluster % 2 == 0
    group = np.where(cluster < 100, np.where(cluster < 20, "a", "b"), "few").astype(object)
    found = cells(events, group, Sample({"e": events}, cluster=cluster), Question(), "rows")
    assert found.names == ("a", "b")
    assert "5 independent clusters" in found.excluded["few"]
    assert set(found.codes[cluster >= 100]) == {-1}
    assert found.details == {"few_clusters": True}
