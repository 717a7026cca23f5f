"""Average odds, the mean of the odds, and groups from all, against fairlearn and AIF360."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import fairlearn.metrics as fairlearn
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures import MEASURES, odds
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Rule

Rows = Callable[..., Sample]
ASK = Question(positive=1, rng=np.random.default_rng(0))
NAMES = [gap.name for gap in odds.GAPS]


def rates_of(sample: Sample) -> tuple[float, float]:
    y, d, w = sample.columns["label"] == 1, sample.columns["predicted"] == 1, sample.w
    return float(w[y & d].sum() / w[y].sum()), float(w[~y & d].sum() / w[~y].sum())


def aif360(sample: Sample, absolute: bool) -> float:
    """The largest average odds difference of any pair (AIF360 takes one pair, signed)."""
    found = []
    by_group = {
        g: rates_of(sample.take(sample.columns["group"] == g)) for g in set(sample.columns["group"])
    }
    for a, b in combinations(by_group, 2):
        true, false = (by_group[a][k] - by_group[b][k] for k in (0, 1))
        found.append((abs(true) + abs(false)) / 2 if absolute else abs(true + false) / 2)
    return max(found)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("groups", [2, 5])
def test_average_odds_are_aif360s(groups: int, weighted: bool, rows: Rows) -> None:
    sample = rows(900, groups=groups, weighted=weighted, seed=groups)
    for name, absolute in (
        ("average_odds_difference", False),
        ("average_absolute_odds_difference", True),
    ):
        found = MEASURES[name].estimate(sample, ASK)
        assert found.value == pytest.approx(aif360(sample, absolute), rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("groups", [2, 4])
def test_the_mean_of_the_odds_is_fairlearns(groups: int, weighted: bool, rows: Rows) -> None:
    sample = rows(900, groups=groups, weighted=weighted, seed=3)
    c = sample.columns
    expected = fairlearn.equalized_odds_difference(
        c["label"], c["predicted"], sensitive_features=c["group"], sample_weight=sample.w,
        agg="mean",
    )  # fmt: skip
    found = MEASURES["equalized_odds_mean_difference"].estimate(sample, ASK)
    assert found.value == pytest.approx(expected, rel=1e-12)
    assert found.details["rate"] == "true_positive_rate"
    assert len(found.details["pair_of_false_positive_rate"]) == 2


TO_OVERALL = {
    "demographic_parity_difference": fairlearn.demographic_parity_difference,
    "equal_opportunity_difference": fairlearn.equal_opportunity_difference,
    "equalized_odds_difference": fairlearn.equalized_odds_difference,
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", TO_OVERALL)
def test_differences_to_overall_are_fairlearns(name: str, weighted: bool, rows: Rows) -> None:
    sample = rows(900, groups=4, weighted=weighted, seed=5)
    c = sample.columns
    expected = TO_OVERALL[name](
        c["label"], c["predicted"], sensitive_features=c["group"], sample_weight=sample.w,
        method="to_overall",
    )  # fmt: skip
    found = MEASURES[f"{name}_to_overall"].estimate(sample, ASK)
    assert found.value == pytest.approx(expected, rel=1e-12)
    assert odds.OVERALL in found.details["pair"]
    assert found.low <= found.value <= found.high  # type: ignore[operator]


def test_rows_of_groups_that_are_too_small_count_in_the_overall_rate(rows: Rows) -> None:
    sample = rows(600, groups=3, seed=6)
    group = sample.columns["group"].copy()
    group[:20] = "tiny"
    predicted = sample.columns["predicted"].copy()
    predicted[:20] = 1
    whole = Sample({**sample.columns, "group": group, "predicted": predicted})
    name = "demographic_parity_difference_to_overall"
    found = MEASURES[name].estimate(whole, Question(positive=1, minimum_n=50))
    overall = (predicted == 1).mean()
    rates = {g: (predicted[group == g] == 1).mean() for g in set(group) - {"tiny"}}
    assert found.value == pytest.approx(max(abs(r - overall) for r in rates.values()))
    assert list(found.details["excluded"]) == ["tiny"]
    assert found.n == 580


@pytest.mark.parametrize("name", NAMES)
def test_groups_that_are_decided_on_alike_give_0(name: str) -> None:
    once = {"label": np.tile([0, 0, 1, 1, 1], 20), "predicted": np.tile([0, 1, 1, 1, 0], 20)}
    columns = {key: np.tile(column, 3) for key, column in once.items()}
    columns["group"] = np.repeat(np.array(["a", "b", "c"], dtype=object), 100)
    found = MEASURES[name].estimate(Sample(columns), ASK)
    assert found.value == pytest.approx(0, abs=1e-12)
    assert found.low == 0
    assert found.high > 0.05  # type: ignore[operator]
    assert found.details["permutation_p"] > 0.9


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 500), clustered=st.booleans())
def test_other_names_for_the_groups_change_nothing(
    name: str, seed: int, clustered: bool, rows: Rows
) -> None:
    sample = rows(400, groups=3, seed=seed, clusters=120 if clustered else None)
    other = {"g0": "z", "g1": "y", "g2": "x"}
    named = np.array([other[g] for g in sample.columns["group"]], dtype=object)
    turned = Sample({**sample.columns, "group": named}, cluster=sample.cluster)
    question = Question(rule=Rule("<=", 0.1), positive=1)
    one, two = (MEASURES[name].estimate(s, question) for s in (sample, turned))
    for figure in ("value", "low", "high", "low_adj", "high_adj", "p_fail", "p_pass"):
        assert getattr(two, figure) == pytest.approx(getattr(one, figure), rel=1e-9, abs=1e-12)
    names = {**other, odds.OVERALL: odds.OVERALL}
    assert two.details["pair"] == [names[g] for g in one.details["pair"]]


def test_a_group_without_one_of_the_rates_leaves_average_odds(rows: Rows) -> None:
    sample = rows(600, groups=3, seed=7)
    label = np.where(sample.columns["group"] == "g2", 1, sample.columns["label"])
    found = MEASURES["average_odds_difference"].estimate(
        Sample({**sample.columns, "label": label}), Question(positive=1, minimum_n=30)
    )
    assert set(found.details["pair"]) == {"g0", "g1"}
    assert "g2" in found.details["excluded"]


def test_no_two_groups_with_both_rates() -> None:
    columns = {
        "label": np.repeat([0, 0, 1, 1], 50),
        "predicted": np.tile([0, 1], 100),
        "group": np.repeat(np.array(["a", "b", "c", "d"], dtype=object), 50),
    }
    with pytest.raises(NotEstimable, match="two groups that have all the rates"):
        MEASURES["average_odds_difference"].estimate(
            Sample(columns), Question(positive=1, minimum_n=10)
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["average_odds_difference", "demographic_parity_difference_to_overall"]
)
def test_the_limits_cover_a_pairs_difference(name: str) -> None:
    """Two groups of 200 with a true gap of 0.2 in every rate: the interval holds it."""
    held = []
    for seed in range(4000):
        rng = np.random.default_rng(seed)
        group = np.repeat([0, 1], 200)
        label = np.tile([0, 1], 200)
        chance = np.where(label == 1, 0.6, 0.3) + 0.2 * group
        columns = {
            "label": label,
            "predicted": (rng.random(400) < chance).astype(int),
            "group": np.array(["a", "b"], dtype=object)[group],
        }
        found = MEASURES[name].estimate(Sample(columns), Question(positive=1))
        truth = 0.2 if name.startswith("average") else 0.1
        held.append(found.low <= truth <= found.high)  # type: ignore[operator]
    assert 0.93 <= np.mean(held) <= 0.97
