from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn import metrics

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.measures.classification import counts, influence
from fmaudit.stats.sample import Question, Sample

Rows = Callable[..., Sample]
ASK = Question(positive=1, classes=3)


def value(name: str, sample: Sample, question: Question = ASK) -> float:
    return MEASURES[name].estimate(sample, question).value


@pytest.fixture
def sample(rows: Rows) -> Sample:
    return rows(300, classes=3, seed=1, weighted=True)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize("score", ["precision", "recall", "f1"])
def test_averages_agree_with_sklearn(score: str, average: str, sample: Sample) -> None:
    expected = getattr(metrics, f"{score}_score")(
        sample.columns["label"], sample.columns["predicted"], average=average,
        sample_weight=sample.w,
    )  # fmt: skip
    assert value(f"{score}_{average}", sample) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("score", ["precision", "recall", "f1"])
def test_one_class_agrees_with_sklearn(score: str, sample: Sample) -> None:
    expected = getattr(metrics, f"{score}_score")(
        sample.columns["label"] == 1, sample.columns["predicted"] == 1, sample_weight=sample.w
    )
    assert value(score, sample) == pytest.approx(expected, rel=1e-12)


def test_the_others_agree_with_sklearn(sample: Sample) -> None:
    label, predicted, probs = (sample.columns[c] for c in ("label", "predicted", "probs"))
    w = sample.w
    expected = {
        "accuracy": metrics.accuracy_score(label, predicted, sample_weight=w),
        "balanced_accuracy": metrics.balanced_accuracy_score(label, predicted, sample_weight=w),
        "log_loss": metrics.log_loss(label, probs, sample_weight=w),
        "brier": metrics.brier_score_loss(label, probs, sample_weight=w),
        "auroc": metrics.roc_auc_score(label == 1, probs[:, 1], sample_weight=w),
        "auprc": metrics.average_precision_score(label == 1, probs[:, 1], sample_weight=w),
    }
    for name, figure in expected.items():
        assert value(name, sample) == pytest.approx(figure, rel=1e-12), name


def test_brier_of_two_classes_is_halved(rows: Rows) -> None:
    two = rows(200, classes=2)
    expected = ((two.columns["probs"][:, 1] - two.columns["label"]) ** 2).mean()
    assert value("brier", two, Question()) == pytest.approx(expected, rel=1e-12)


def test_confusion_matrix(sample: Sample) -> None:
    found = MEASURES["accuracy"].estimate(sample, ASK).details["confusion"]
    expected = metrics.confusion_matrix(
        sample.columns["label"], sample.columns["predicted"], sample_weight=sample.w
    )
    assert np.array(found) == pytest.approx(expected)


@pytest.mark.parametrize("score", ["precision", "recall", "f1"])
def test_influence_values_are_the_derivative(score: str, sample: Sample) -> None:
    """z_i/w_i against a finite difference in w_i."""
    matrix = counts(sample, 3)
    z = influence(sample, matrix, score, np.full(3, 1 / 3))  # type: ignore[arg-type]
    question = Question(classes=3)
    step = 1e-5
    for row in range(0, sample.n, 37):
        bumped = sample.w.copy()
        bumped[row] += step
        moved = Sample(sample.columns, bumped)
        slope = (value(f"{score}_macro", moved, question) - value(
            f"{score}_macro", sample, question
        )) / step  # fmt: skip
        assert z[row] / sample.w[row] == pytest.approx(slope, abs=1e-6)


def columns(label: list[int], predicted: list[int]) -> Sample:
    return Sample({"label": np.array(label * 20), "predicted": np.array(predicted * 20)})


def test_a_class_never_predicted_has_no_precision() -> None:
    sample = columns([0, 1, 2, 0], [0, 1, 0, 1])
    with pytest.raises(NotEstimable, match="class 2 is never predicted"):
        value("precision_macro", sample)
    assert value("recall_macro", sample) == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert value("f1_macro", sample) == pytest.approx((1 / 2 + 2 / 3 + 0) / 3)


def test_a_class_that_is_only_predicted_counts_in_precision() -> None:
    sample = columns([0, 1, 1, 0], [0, 1, 2, 1])
    assert value("precision_macro", sample) == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert value("recall_macro", sample) == pytest.approx(1 / 2)


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_an_empty_denominator_is_not_zero(name: str) -> None:
    with pytest.raises(NotEstimable):
        value(name, columns([0, 0], [0, 0]))


def test_perfect_predictions_are_bounded_by_the_smallest_class() -> None:
    sample = columns([0, 0, 0, 1], [0, 0, 0, 1])
    found = MEASURES["f1_macro"].estimate(sample, Question())
    assert (found.value, found.high) == (1, 1)
    assert found.method == "wilson_no_events"
    recall = MEASURES["recall"].estimate(sample, Question(positive=1))
    assert found.low == pytest.approx(recall.low, abs=0.02)


def test_minimum_n_is_the_denominators() -> None:
    sample = columns([0, 0, 0, 1], [0, 1, 0, 1])
    MEASURES["accuracy"].estimate(sample, Question(minimum_n=50))
    with pytest.raises(NotEstimable, match="20 rows with the positive label"):
        MEASURES["recall"].estimate(sample, Question(positive=1, minimum_n=50))
