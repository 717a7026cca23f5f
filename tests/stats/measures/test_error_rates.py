"""The other rates and gaps of a confusion table, against fairlearn and AIF360's formulas."""

from __future__ import annotations

from collections.abc import Callable

import fairlearn.metrics as fairlearn
import numpy as np
import pytest
from fairlearn.metrics import MetricFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_score

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample

Rows = Callable[..., Sample]
ASK = Question(positive=1, rng=np.random.default_rng(0))


def confusion(sample: Sample) -> dict[str, float]:
    """Weighted counts, as AIF360 names them."""
    y, d, w = sample.columns["label"] == 1, sample.columns["predicted"] == 1, sample.w
    cells = {"TP": y & d, "FP": ~y & d, "TN": ~y & ~d, "FN": y & ~d}
    return {name: float(w[mask].sum()) for name, mask in cells.items()}


AIF360 = {
    "true_negative_rate": lambda c: c["TN"] / (c["TN"] + c["FP"]),
    "false_negative_rate": lambda c: c["FN"] / (c["FN"] + c["TP"]),
    "false_discovery_rate": lambda c: c["FP"] / (c["FP"] + c["TP"]),
    "false_omission_rate": lambda c: c["FN"] / (c["FN"] + c["TN"]),
    "negative_predictive_value": lambda c: c["TN"] / (c["TN"] + c["FN"]),
    "treatment_ratio": lambda c: c["FN"] / c["FP"],
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", AIF360)
def test_rates_are_those_of_the_confusion_table(name: str, weighted: bool, rows: Rows) -> None:
    sample = rows(500, weighted=weighted, seed=1)
    expected = AIF360[name](confusion(sample))
    assert MEASURES[name].estimate(sample, ASK).value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["true_negative_rate", "false_negative_rate"])
def test_fairlearn_has_the_same_rates(name: str, rows: Rows) -> None:
    sample = rows(500, weighted=True, seed=2)
    c = sample.columns
    expected = getattr(fairlearn, name)(c["label"], c["predicted"], sample_weight=sample.w)
    assert MEASURES[name].estimate(sample, ASK).value == pytest.approx(expected, rel=1e-12)


GAPS = {
    "predictive_parity_difference": (precision_score, "difference"),
    "predictive_parity_ratio": (precision_score, "ratio"),
    "equal_opportunity_ratio": (fairlearn.true_positive_rate, "ratio"),
    "false_positive_rate_ratio": (fairlearn.false_positive_rate, "ratio"),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", GAPS)
def test_gaps_agree_with_fairlearn(name: str, weighted: bool, rows: Rows) -> None:
    sample = rows(700, weighted=weighted, groups=4, seed=3)
    metric, how = GAPS[name]
    c = sample.columns
    frame = MetricFrame(
        metrics={"rate": metric}, y_true=c["label"], y_pred=c["predicted"],
        sensitive_features=c["group"], sample_params={"rate": {"sample_weight": sample.w}},
    )  # fmt: skip
    expected = getattr(frame, how)(method="between_groups")["rate"]
    found = MEASURES[name].estimate(sample, ASK)
    assert found.value == pytest.approx(expected, rel=1e-12)
    series = frame.by_group["rate"]
    assert found.details["pair"] == [series.idxmin(), series.idxmax()]


def test_false_omission_differs_most_where_it_says(rows: Rows) -> None:
    sample = rows(700, groups=4, seed=4)
    by_group = {
        name: AIF360["false_omission_rate"](confusion(sample.take(sample.columns["group"] == name)))
        for name in set(sample.columns["group"])
    }
    found = MEASURES["false_omission_rate_difference"].estimate(sample, ASK)
    low, high = (pick(by_group, key=by_group.__getitem__) for pick in (min, max))
    assert found.value == pytest.approx(by_group[high] - by_group[low], rel=1e-12)
    assert found.details["pair"] == [low, high]


def test_the_denominator_is_named_where_there_is_none() -> None:
    all_granted = Sample({"label": np.tile([0, 1], 30), "predicted": np.ones(60, dtype=int)})
    with pytest.raises(NotEstimable, match="no rows that are not predicted positive"):
        MEASURES["false_omission_rate"].estimate(all_granted, ASK)


def test_a_group_that_is_never_granted_is_named(rows: Rows) -> None:
    sample = rows(600, groups=3, seed=5)
    c = sample.columns
    predicted = np.where(c["group"] == "g2", 0, c["predicted"])
    found = MEASURES["predictive_parity_difference"].estimate(
        Sample({**c, "predicted": predicted}), ASK
    )
    assert found.details["excluded"] == {"g2": "no rows predicted positive"}
    assert set(found.details["pair"]) == {"g0", "g1"}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 200), factor=st.floats(0.1, 50))
@pytest.mark.parametrize("name", [*AIF360, *GAPS])
def test_scaling_the_weights_changes_nothing(
    name: str, seed: int, factor: float, rows: Rows
) -> None:
    sample = rows(200, weighted=True, seed=seed)
    scaled = Sample(sample.columns, sample.weight * factor)
    one, two = (MEASURES[name].estimate(s, Question(positive=1)) for s in (sample, scaled))
    for figure in ("value", "low", "high"):
        assert getattr(two, figure) == pytest.approx(getattr(one, figure), rel=1e-9, abs=1e-12)
