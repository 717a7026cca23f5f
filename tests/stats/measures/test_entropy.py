"""Generalised entropy of benefits, by AIF360's formulas, and its parts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.measures.entropy import benefits
from fmaudit.stats.sample import Question, Sample

Rows = Callable[..., Sample]
ASK = Question(positive=1, rng=np.random.default_rng(0))


def index(b: np.ndarray, alpha: int) -> float:
    """Of unweighted benefits."""
    mu = b.mean()
    if alpha == 1:
        return float(np.mean(np.log((b / mu) ** b) / mu))
    return float(np.mean((b / mu) ** alpha - 1) / (alpha * (alpha - 1)))


@pytest.mark.parametrize(("name", "alpha"), [("generalized_entropy", 2), ("theil_index", 1)])
def test_the_indices_are_aif360s(name: str, alpha: int, rows: Rows) -> None:
    sample = rows(500, seed=1)
    b = 1.0 + (sample.columns["predicted"] == 1) - (sample.columns["label"] == 1)
    found = MEASURES[name].estimate(sample, ASK)
    assert found.value == pytest.approx(index(b, alpha), rel=1e-12)
    assert 0 < found.low < found.value < found.high  # type: ignore[operator]


def test_the_part_between_groups_is_aif360s(rows: Rows) -> None:
    sample = rows(600, groups=4, seed=2)
    b = benefits(sample, ASK)
    group = sample.columns["group"]
    of_groups = np.array([b[group == g].mean() for g in group])
    found = MEASURES["between_group_entropy"].estimate(sample, ASK)
    assert found.value == pytest.approx(index(of_groups, 2), rel=1e-9)
    assert found.details["total"] == pytest.approx(index(b, 2), rel=1e-12)
    assert found.details["within"] + found.value == pytest.approx(found.details["total"])
    assert found.low is None
    assert "permutation" in found.details["no_interval"]
    assert 0 < found.details["permutation_p"] <= 1


def test_groups_that_fare_differently_are_told_from_chance() -> None:
    rng = np.random.default_rng(0)
    group = np.repeat([0, 1], 300)
    label = rng.integers(2, size=600)
    predicted = np.where(rng.random(600) < 0.2, group, label)
    columns = {
        "label": label,
        "predicted": predicted,
        "group": np.array(["refused", "granted"], dtype=object)[group],
    }
    found = MEASURES["between_group_entropy"].estimate(Sample(columns), ASK)
    assert found.details["pair"] == ["refused", "granted"]
    assert found.details["permutation_p"] < 0.01


@pytest.mark.parametrize("name", ["generalized_entropy", "theil_index"])
def test_decisions_that_are_all_right_are_even_and_have_no_interval(name: str) -> None:
    label = np.tile([0, 1], 50)
    found = MEASURES[name].estimate(Sample({"label": label, "predicted": label}), ASK)
    assert (found.value, found.low, found.method) == (0, None, "none")
    assert found.details["no_interval"]


@pytest.mark.parametrize("name", ["generalized_entropy", "theil_index", "between_group_entropy"])
def test_where_nobody_benefits_there_is_no_figure(name: str) -> None:
    columns = {
        "label": np.ones(60, dtype=int),
        "predicted": np.zeros(60, dtype=int),
        "group": np.repeat(np.array(["a", "b"], dtype=object), 30),
    }
    with pytest.raises(NotEstimable, match="no mean benefit"):
        MEASURES[name].estimate(Sample(columns), ASK)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 300), factor=st.floats(0.1, 50))
@pytest.mark.parametrize("name", ["generalized_entropy", "theil_index"])
def test_doubling_rows_or_scaling_weights_changes_no_value(
    name: str, seed: int, factor: float, rows: Rows
) -> None:
    sample = rows(120, seed=seed, weighted=True)
    c = {k: sample.columns[k] for k in ("label", "predicted")}
    scaled = Sample(c, sample.weight * factor)
    twice = Sample({k: np.tile(v, 2) for k, v in c.items()}, np.tile(sample.weight, 2))
    value = MEASURES[name].value(sample, ASK)
    assert MEASURES[name].value(scaled, ASK) == pytest.approx(value, rel=1e-9, abs=1e-12)
    assert MEASURES[name].value(twice, ASK) == pytest.approx(value, rel=1e-9, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["generalized_entropy", "theil_index"])
def test_the_limits_cover(name: str) -> None:
    def sample(n: int, seed: int) -> Sample:
        rng = np.random.default_rng(seed)
        label = rng.integers(2, size=n)
        predicted = np.where(rng.random(n) < 0.2, 1 - label, label)
        return Sample({"label": label, "predicted": predicted})

    truth = MEASURES[name].value(sample(2_000_000, 10**6), ASK)
    found = [MEASURES[name].estimate(sample(300, seed), ASK) for seed in range(4000)]
    assert 0.93 <= np.mean([f.low <= truth <= f.high for f in found]) <= 0.97  # type: ignore[operator]
