from __future__ import annotations

from collections.abc import Callable

import fairlearn.metrics as fairlearn
import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from fmaudit.errors import NotEstimable, SpecError
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Rule

Rows = Callable[..., Sample]
ASK = Question(positive=1, rng=np.random.default_rng(0))
FAIRLEARN = {
    "demographic_parity_difference": fairlearn.demographic_parity_difference,
    "demographic_parity_ratio": fairlearn.demographic_parity_ratio,
    "equal_opportunity_difference": fairlearn.equal_opportunity_difference,
    "equalized_odds_difference": fairlearn.equalized_odds_difference,
    "equalized_odds_ratio": fairlearn.equalized_odds_ratio,
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", FAIRLEARN)
def test_gaps_agree_with_fairlearn(name: str, weighted: bool, rows: Rows) -> None:
    sample = rows(500, weighted=weighted, groups=4, seed=1)
    c = sample.columns
    expected = FAIRLEARN[name](
        c["label"], c["predicted"], sensitive_features=c["group"], sample_weight=sample.w
    )
    assert MEASURES[name].estimate(sample, ASK).value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("selection_rate", fairlearn.selection_rate),
        ("true_positive_rate", fairlearn.true_positive_rate),
        ("false_positive_rate", fairlearn.false_positive_rate),
    ],
)
def test_rates_agree_with_fairlearn(name: str, rate: Callable[..., float], rows: Rows) -> None:
    sample = rows(400, weighted=True, seed=2)
    expected = rate(sample.columns["label"], sample.columns["predicted"], sample_weight=sample.w)
    assert MEASURES[name].estimate(sample, ASK).value == pytest.approx(expected, rel=1e-12)


def test_one_class_against_the_rest(rows: Rows) -> None:
    sample = rows(600, classes=3, seed=3)
    c = sample.columns
    expected = fairlearn.equalized_odds_difference(
        c["label"] == 2, c["predicted"] == 2, sensitive_features=c["group"]
    )
    found = MEASURES["equalized_odds_difference"].estimate(sample, Question(positive=2))
    assert found.value == pytest.approx(expected, rel=1e-12)


def test_accuracy_difference(rows: Rows) -> None:
    sample = rows(500, seed=4)
    frame = fairlearn.MetricFrame(
        metrics=accuracy_score, y_true=sample.columns["label"],
        y_pred=sample.columns["predicted"], sensitive_features=sample.columns["group"],
    )  # fmt: skip
    found = MEASURES["accuracy_difference"].estimate(sample, ASK)
    assert found.value == pytest.approx(frame.difference(), rel=1e-12)
    assert found.details["pair"] == [frame.by_group.idxmin(), frame.by_group.idxmax()]
    for group, cell in found.details["by_group"].items():
        assert cell["value"] == pytest.approx(frame.by_group[group])
        assert cell["n"] == int((sample.columns["group"] == group).sum())


def test_small_cells_leave_the_gap_with_the_reason(rows: Rows) -> None:
    sample = rows(500, groups=3, seed=5)
    group = sample.columns["group"].copy()
    group[:3] = "tiny"
    columns = {**sample.columns, "group": group, "predicted": sample.columns["predicted"].copy()}
    columns["predicted"][:3] = 1
    found = MEASURES["demographic_parity_difference"].estimate(
        Sample(columns), Question(positive=1, minimum_n=50)
    )
    assert list(found.details["excluded"]) == ["tiny"]
    assert "3 rows, fewer than the 50" in found.details["excluded"]["tiny"]
    assert "tiny" not in found.details["by_group"]
    assert found.n == 497


@pytest.mark.parametrize("name", ["equal_opportunity_difference", "equalized_odds_difference"])
def test_a_group_without_a_row_in_a_denominator_is_named(name: str, rows: Rows) -> None:
    sample = rows(600, groups=3, seed=5)
    c = sample.columns
    label = np.where(c["group"] == "g2", 0, c["label"])
    found = MEASURES[name].estimate(Sample({**c, "label": label}), ASK)
    assert found.details["excluded"] == {"g2": "no rows with the positive label"}


def test_the_minimum_is_the_denominators(rows: Rows) -> None:
    sample = rows(300, groups=2, seed=6)
    question = Question(positive=1, minimum_n=100)
    MEASURES["demographic_parity_difference"].estimate(sample, question)
    with pytest.raises(NotEstimable, match="fewer than two groups.*positive label"):
        MEASURES["equal_opportunity_difference"].estimate(sample, question)


def test_one_group_has_no_gap(rows: Rows) -> None:
    with pytest.raises(NotEstimable, match="fewer than two groups"):
        MEASURES["accuracy_difference"].estimate(rows(100, groups=1), ASK)


def test_rates_of_zero_have_no_ratio() -> None:
    sample = Sample(
        {
            "label": np.tile([0, 1], 100),
            "predicted": np.zeros(200, dtype=int),
            "group": np.repeat(np.array(["a", "b"], dtype=object), 100),
        }
    )
    with pytest.raises(NotEstimable, match="0 in every group"):
        MEASURES["demographic_parity_ratio"].estimate(sample, ASK)
    found = MEASURES["demographic_parity_difference"].estimate(sample, ASK)
    assert (found.value, found.low) == (0, 0)


def test_a_rule_that_faces_the_wrong_way_is_refused(rows: Rows) -> None:
    for name, op in (("equal_opportunity_difference", ">="), ("demographic_parity_ratio", "<=")):
        with pytest.raises(SpecError, match="written"):
            MEASURES[name].estimate(rows(300), Question(rule=Rule(op, 0.1), positive=1))  # type: ignore[arg-type]


def test_equalized_odds_is_the_larger_of_its_two(rows: Rows) -> None:
    sample = rows(800, groups=4, seed=7)
    question = Question(rule=Rule("<=", 0.1), positive=1)
    both, tpr, fpr = (
        MEASURES[name].estimate(sample, question)
        for name in (
            "equalized_odds_difference",
            "equal_opportunity_difference",
            "false_positive_rate_difference",
        )
    )
    assert both.value == max(tpr.value, fpr.value)
    assert both.high == max(tpr.high, fpr.high)  # type: ignore[type-var]
    assert both.details["pairs"] == 12
    assert set(both.details["by_rate"]) == {"true_positive_rate", "false_positive_rate"}
    assert both.p_pass == max(tpr.p_pass, fpr.p_pass)  # type: ignore[type-var]


def test_parts_that_are_dealt_unequally_often_still_make_one_null(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fmaudit.stats import permutation

    sample = rows(600, weighted=True, groups=3, seed=2)
    positives = int(np.sum(sample.columns["label"] == 1))
    few, many = sorted((positives, 600 - positives))
    assert few < many
    monkeypatch.setattr(permutation, "MANY", few)
    monkeypatch.setattr(permutation, "TABLE_CELLS", 0)
    ask = Question(positive=1, rng=np.random.default_rng(0))
    found = MEASURES["equalized_odds_difference"].estimate(sample, ask)
    assert 0 < found.details["permutation_p"] <= 1
