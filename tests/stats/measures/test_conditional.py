from __future__ import annotations

from collections.abc import Callable

import fairlearn.metrics as fairlearn
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures import MEASURES, conditional
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Rule

Rows = Callable[..., Sample]
ASK = Question(positive=1, rng=np.random.default_rng(0))
NAMES = [gap.name for gap in conditional.GAPS]
FAIRLEARN = {
    "conditional_demographic_parity_difference": fairlearn.selection_rate,
    "conditional_equal_opportunity_difference": fairlearn.true_positive_rate,
    "conditional_false_positive_rate_difference": fairlearn.false_positive_rate,
    "conditional_accuracy_difference": accuracy_score,
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_the_worst_level_is_fairlearns(name: str, weighted: bool, rows: Rows) -> None:
    sample = rows(900, groups=3, weighted=weighted, seed=1)
    c = sample.columns
    frame = fairlearn.MetricFrame(
        metrics={"rate": FAIRLEARN[name]}, y_true=c["label"], y_pred=c["predicted"],
        sensitive_features=c["group"], control_features=c["control"],
        sample_params={"rate": {"sample_weight": sample.w}},
    )  # fmt: skip
    by_level = frame.difference()["rate"]
    found = MEASURES[name].estimate(sample, ASK)
    assert found.value == pytest.approx(by_level.max(), rel=1e-12)
    assert found.details["level"] == by_level.idxmax()
    within = frame.by_group["rate"][by_level.idxmax()]
    assert found.details["pair"] == [within.idxmin(), within.idxmax()]
    for level, groups in found.details["by_level"].items():
        for group, cell in groups.items():
            assert cell["value"] == pytest.approx(frame.by_group["rate"][level][group])
            assert cell["n"] == int(((c["control"] == level) & (c["group"] == group)).sum())


def test_a_gap_that_the_control_explains_is_gone() -> None:
    """Women apply where fewer are taken; in each department all are taken alike."""
    cells = [("men", "easy", 400, 0.6), ("women", "easy", 100, 0.6),
             ("men", "hard", 100, 0.2), ("women", "hard", 400, 0.2)]  # fmt: skip
    group, control, predicted = [], [], []
    for who, where, n, share in cells:
        group += [who] * n
        control += [where] * n
        predicted += [1] * round(n * share) + [0] * (n - round(n * share))
    sample = Sample({
        "predicted": np.array(predicted),
        "group": np.array(group, dtype=object),
        "control": np.array(control, dtype=object),
    })  # fmt: skip
    plain = MEASURES["demographic_parity_difference"].estimate(sample, ASK)
    given_ = MEASURES["conditional_demographic_parity_difference"].estimate(sample, ASK)
    assert plain.value == pytest.approx(0.24)
    assert given_.value == pytest.approx(0, abs=1e-12)
    assert given_.details["permutation_p"] == 1
    assert plain.details["permutation_p"] < 0.01


def test_levels_and_groups_that_are_too_small_are_named(rows: Rows) -> None:
    sample = rows(600, groups=3, seed=2)
    control = sample.columns["control"].copy()
    control[:30] = "rare"
    group = sample.columns["group"].copy()
    group[(control == "college") & (group == "g2")] = "g1"
    columns = {**sample.columns, "control": control, "group": group}
    found = MEASURES["conditional_accuracy_difference"].estimate(
        Sample(columns), Question(positive=1, minimum_n=40)
    )
    assert set(found.details["by_level"]) == {"college", "high school"}
    assert found.details["excluded"]["rare"] == conditional.ONE_GROUP
    assert "fewer than the 40 asked for" in found.details["excluded"]["rare: g0"]


def test_a_control_that_says_the_group_compares_nothing(rows: Rows) -> None:
    sample = rows(300, seed=3)
    same = Sample({**sample.columns, "control": sample.columns["group"]})
    with pytest.raises(NotEstimable, match="no level of the control feature"):
        MEASURES["conditional_accuracy_difference"].estimate(same, ASK)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 300))
def test_one_level_is_the_plain_gap(name: str, seed: int, rows: Rows) -> None:
    sample = rows(300, seed=seed)
    alike = Sample({**sample.columns, "control": np.full(300, "all", dtype=object)})
    question = Question(rule=Rule("<=", 0.1), positive=1)
    plain = MEASURES[name.removeprefix("conditional_")].estimate(sample, question)
    found = MEASURES[name].estimate(alike, question)
    for figure in ("value", "low", "high", "low_adj", "high_adj", "p_fail", "p_pass"):
        assert getattr(found, figure) == pytest.approx(getattr(plain, figure), rel=1e-12)
    assert found.details["level"] == "all"
