from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmaudit.errors import NotEstimable, SpecError
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Rule

Rows = Callable[..., Sample]
DIFFERENTIAL = MEASURES["differential_fairness"]
ASK = Question(positive=1)


def aif360(sample: Sample) -> float:
    """Smoothed empirical differential fairness of the predictions, concentration 1."""
    chosen, group = sample.columns["predicted"] == 1, sample.columns["group"]
    rates = [(chosen[group == g].sum() + 0.5) / ((group == g).sum() + 1) for g in set(group)]

    def distance(a: float, b: float) -> float:
        return max(abs(math.log(a / b)), abs(math.log((1 - a) / (1 - b))))

    return max(distance(a, b) for a, b in combinations(rates, 2))


@pytest.mark.parametrize("groups", [2, 6])
def test_the_value_is_aif360s(groups: int, rows: Rows) -> None:
    sample = rows(600, groups=groups, seed=groups)
    found = DIFFERENTIAL.estimate(sample, ASK)
    assert found.value == pytest.approx(aif360(sample), rel=1e-12)
    assert found.low <= found.value <= found.high  # type: ignore[operator]


def test_a_group_that_is_never_selected_has_a_finite_figure() -> None:
    columns = {
        "predicted": np.repeat([0, 1, 0], [100, 30, 70]),
        "group": np.repeat(np.array(["a", "b"], dtype=object), 100),
    }
    found = DIFFERENTIAL.estimate(Sample(columns), ASK)
    assert found.value == pytest.approx(math.log((30.5 / 101) / (0.5 / 101)))
    assert (found.details["pair"], found.details["outcome"]) == (["a", "b"], "selected")
    assert math.isfinite(found.high)  # type: ignore[arg-type]


def test_the_other_outcome_may_differ_more() -> None:
    columns = {
        "predicted": np.repeat([1, 0, 1], [97, 3, 100]),
        "group": np.repeat(np.array(["a", "b"], dtype=object), 100),
    }
    found = DIFFERENTIAL.estimate(Sample(columns), ASK)
    assert found.details["outcome"] == "not selected"
    assert found.details["pair"] == ["b", "a"]


def test_groups_alike_give_0() -> None:
    columns = {
        "predicted": np.tile([0, 1], 100),
        "group": np.repeat(np.array(["a", "b"], dtype=object), 100),
    }
    found = DIFFERENTIAL.estimate(Sample(columns), ASK)
    assert found.value == pytest.approx(0, abs=1e-12)
    assert found.low == 0
    assert found.high > 0.2  # type: ignore[operator]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 500), clustered=st.booleans())
def test_names_do_not_matter_nor_which_outcome_is_favourable(
    seed: int, clustered: bool, rows: Rows
) -> None:
    sample = rows(300, seed=seed, clusters=100 if clustered else None)
    names = {"g0": "z", "g1": "y", "g2": "x"}
    group = np.array([names[g] for g in sample.columns["group"]], dtype=object)
    turned = {**sample.columns, "group": group, "predicted": 1 - sample.columns["predicted"]}
    question = Question(rule=Rule("<=", 0.3), positive=1)
    one, two = (
        DIFFERENTIAL.estimate(s, question) for s in (sample, Sample(turned, cluster=sample.cluster))
    )
    for figure in ("value", "low", "high", "p_fail", "p_pass"):
        assert getattr(two, figure) == pytest.approx(getattr(one, figure), rel=1e-9, abs=1e-9)


def test_p_values_and_limits_agree(rows: Rows) -> None:
    sample = rows(600, groups=3, seed=9)
    bare = DIFFERENTIAL.estimate(sample, ASK)
    at = Question(rule=Rule("<=", bare.high), positive=1)  # type: ignore[arg-type]
    assert DIFFERENTIAL.estimate(sample, at).p_pass == pytest.approx(0.025, abs=1e-6)


def test_bad_input(rows: Rows) -> None:
    with pytest.raises(SpecError, match="'<='"):
        DIFFERENTIAL.estimate(rows(200), Question(rule=Rule(">=", 0.3), positive=1))
    with pytest.raises(NotEstimable, match="two groups"):
        DIFFERENTIAL.estimate(rows(200, groups=1), ASK)
