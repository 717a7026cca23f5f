"""How right a classifier is: `label` and `predicted` (n integers), `probs` (n × k).

Values are scikit-learn's, computed where the columns lie (AUROC: `ranking`). Intervals:

- accuracy, precision, recall of the positive class, and the micro averages (all equal to
  accuracy where a row has one label) are proportions: Wilson (`estimates`).
- The others are linearised. With A_k, P_k, T_k the weights of rows labelled k, predicted k and
  both, row i labelled l and predicted p has for the macro average over K classes

      balanced_accuracy, recall   w_i/K · ([l = p] − R_l)/A_l           R_l = T_l/A_l
      precision                   w_i/K · ([l = p] − Q_p)/P_p           Q_p = T_p/P_p
      F1                          w_i/K · (2[l = p]/D_l − F_l/D_l − F_p/D_p)
                                                      D_k = A_k + P_k, F_k = 2T_k/D_k

  one class's F1 is the same with K = 1 and the terms of that class alone; averages weighted by
  A_k/W put s_k = A_k/W in place of 1/K, k the class of each term, and add w_i(M_l − θ)/W, M_l
  class l's own figure.
- log_loss (log scale above 0) and brier (within 0 … 1, or 2 for more than two classes) are
  means of −log p_l, p clipped to [ε, 1 − ε] (ε of float64), and of Σ_k (p_k − [l = k])², halved
  for two classes.

U of `estimates` is the smallest number of units labelled (recall), predicted (precision) or
either (F1) as one of the classes averaged.

Which classes an average is over: recall and balanced accuracy, those among the labels;
precision and F1, those among labels or predictions. A class that is labelled and never
predicted has no precision: such an average is `NotEstimable`. Nothing undefined counts as 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import msgspec
import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.stats.estimates import linearised, mean
from fmaudit.stats.measures import ranking, rates
from fmaudit.stats.measures.arrays import dispatched, like, weights
from fmaudit.stats.measures.base import Measure, Value, on_device
from fmaudit.stats.sample import Floats, Ints, Question, Sample
from fmaudit.stats.variance import sums
from fmaudit.types import Estimate

Score = Literal["precision", "recall", "f1"]
Average = Literal["macro", "weighted"]
_PLACE = {"precision": 0, "recall": 1, "f1": 2}


def counts(sample: Sample, classes: int) -> Floats:
    """Confusion matrix of a host sample, weighted: rows label, columns predicted, k × k."""
    label, predicted = (sample.columns[c].astype(np.int64) for c in ("label", "predicted"))
    k = max(classes, int(label.max()) + 1, int(predicted.max()) + 1)
    return sums(label * k + predicted, sample.w, k * k).reshape(k, k)


def averaged_classes(matrix: Floats, score: Score) -> Ints:
    """The classes that an average of `score` is over (module text)."""
    labelled, predicted = matrix.sum(axis=1), matrix.sum(axis=0)
    if score == "recall":
        return np.flatnonzero(labelled > 0)
    if score == "precision" and np.any((labelled > 0) & (predicted == 0)):
        missing = np.flatnonzero((labelled > 0) & (predicted == 0)).tolist()
        raise NotEstimable(
            f"class {', '.join(map(str, missing))} is never predicted: it has no precision"
        )
    return np.flatnonzero((labelled > 0) | (predicted > 0))


def influence(sample: Sample, matrix: Floats, score: Score, share: Floats) -> Floats:
    """Influence values (n,) of Σ_k share_k · M_k with the shares held fixed (module text)."""
    label, predicted = (sample.columns[c].astype(np.int64) for c in ("label", "predicted"))
    hit = (label == predicted).astype(np.float64)
    size, figure = _figures(matrix, score)
    per = np.divide(share, size, out=np.zeros_like(size), where=size > 0)
    if score == "recall":
        terms = per[label] * (hit - figure[label])
    elif score == "precision":
        terms = per[predicted] * (hit - figure[predicted])
    else:
        loss = per * figure
        terms = 2 * per[label] * hit - loss[label] - loss[predicted]
    found: Floats = sample.w * terms
    return found


def _figures(matrix: Floats, score: Score) -> tuple[Floats, Floats]:
    """Each class's denominator and figure; 0 where the denominator is 0."""
    labelled, predicted, both = matrix.sum(axis=1), matrix.sum(axis=0), np.diag(matrix)
    size = {"recall": labelled, "precision": predicted, "f1": labelled + predicted}[score]
    hits = 2 * both if score == "f1" else both
    return size, np.divide(hits, size, out=np.zeros_like(size), where=size > 0)


def _average(score: Score, average: Average) -> Measure:
    def interval(sample: Sample, question: Question) -> Estimate:
        matrix = _matrix(sample, question)
        classes = averaged_classes(matrix, score)
        share = np.zeros(len(matrix))
        share[classes] = 1.0 if average == "macro" else matrix.sum(axis=1)[classes]
        share /= share.sum()
        _, figure = _figures(matrix, score)
        value = float(share @ figure)
        z = influence(sample, matrix, score, share)
        if average == "weighted":
            own = figure[sample.columns["label"].astype(np.int64)]
            z += sample.w * (own - value) / sample.w.sum()
        details = {
            "classes": classes.tolist(),
            "by_class": {str(k): float(figure[k]) for k in classes},
        }
        limiting = _smallest_class(sample, classes, score)
        return linearised(value, z, sample, question, limiting=limiting, details=details)

    def value(sample: Sample, question: Question) -> float:
        label, predicted = sample.columns["label"], sample.columns["predicted"]
        classes = averaged_classes(_matrix(sample.host(), question), score)
        return _sklearn(label, predicted, sample, score, average, classes.tolist())

    return Measure(
        f"{score}_{average}", f"{_NAMES[score]}, {average} average", rates.ACCURACY.columns,
        "higher", on_device(value, interval), value,
    )  # fmt: skip


def _f1_interval(sample: Sample, question: Question) -> Estimate:
    positive = question.positive_class
    matrix = _matrix(sample, question)
    size, figure = _figures(matrix, "f1")
    if size[positive] == 0:
        raise NotEstimable("no row has or is predicted the positive class")
    involved = (sample.columns["label"] == positive) | (sample.columns["predicted"] == positive)
    share = np.zeros(len(matrix))
    share[positive] = 1.0
    z = influence(sample, matrix, "f1", share)
    limiting = sample.take(involved).unit_count
    return linearised(float(figure[positive]), z, sample, question, limiting=limiting)


def _one(score: Score) -> Value:
    """Precision, recall or F1 of the positive class against the rest, by scikit-learn."""

    def value(sample: Sample, question: Question) -> float:
        positive = question.positive_class
        label, predicted = (sample.columns[c] == positive for c in ("label", "predicted"))
        empty = {
            "precision": not bool(predicted.any()),
            "recall": not bool(label.any()),
            "f1": not bool((label | predicted).any()),
        }
        if empty[score]:
            raise NotEstimable(f"no row in the denominator of {score} of the positive class")
        return _sklearn(label, predicted, sample, score, "binary", None)

    return value


def _sklearn(
    label: Any, predicted: Any, sample: Sample, score: Score, average: str, labels: Any
) -> float:
    with dispatched(label) as metrics:
        found = metrics.precision_recall_fscore_support(
            label, predicted, labels=labels, average=average,
            sample_weight=weights(sample, label), zero_division=0.0,
        )  # fmt: skip
    return float(found[_PLACE[score]])


def _matrix(sample: Sample, question: Question) -> Floats:
    if sample.n == 0:
        raise NotEstimable("no rows")
    return counts(sample, question.classes)


def _smallest_class(sample: Sample, classes: Sequence[int] | Ints, score: Score) -> int:
    """Independent units of the smallest class's denominator."""
    label, predicted = sample.columns["label"], sample.columns["predicted"]
    sizes = []
    for k in classes:
        of = {"recall": label == k, "precision": predicted == k}
        inside = of[score] if score in of else (label == k) | (predicted == k)
        sizes.append(int(np.unique(sample.units[inside]).size))
    return min(sizes)


def _accuracy_value(sample: Sample, question: Question) -> float:
    label, predicted = sample.columns["label"], sample.columns["predicted"]
    w = weights(sample, label)
    with dispatched(label) as metrics:
        return float(metrics.accuracy_score(label, predicted, sample_weight=w))


def _accuracy_interval(sample: Sample, question: Question) -> Estimate:
    found = rates.ACCURACY.estimate(sample, question)
    matrix = counts(sample, question.classes)
    details = {**found.details, "confusion": matrix.tolist()}
    return msgspec.structs.replace(found, details=details)


def _loss_value(name: Literal["log_loss", "brier_score_loss"]) -> Value:
    def value(sample: Sample, question: Question) -> float:
        label, probs = sample.columns["label"], sample.columns["probs"]
        w = weights(sample, probs)
        labels = like(np.arange(probs.shape[1]), label)
        with dispatched(probs) as metrics:
            score = getattr(metrics, name)
            return float(score(label, probs, sample_weight=w, labels=labels))

    return value


def _log_loss_interval(sample: Sample, question: Question) -> Estimate:
    label = sample.columns["label"].astype(np.int64)
    probs = np.asarray(sample.columns["probs"], dtype=np.float64)
    tiny = np.finfo(np.float64).eps
    chosen = np.clip(probs[np.arange(sample.n), label], tiny, 1 - tiny)
    return mean(-np.log(chosen), sample, question, span=(0.0, np.inf))


def _brier_interval(sample: Sample, question: Question) -> Estimate:
    label = sample.columns["label"].astype(np.int64)
    probs = np.asarray(sample.columns["probs"], dtype=np.float64)
    squared = ((probs - np.eye(probs.shape[1])[label]) ** 2).sum(axis=1)
    top = 1.0 if probs.shape[1] == 2 else 2.0
    return mean(squared / (2 / top), sample, question, span=(0.0, top))


_NAMES: dict[Score, str] = {"precision": "Precision", "recall": "Recall", "f1": "F1"}
_SCORED = ("label", "probs")


def _measures() -> tuple[Measure, ...]:
    accuracy = Measure(
        "accuracy", "Accuracy", rates.ACCURACY.columns, "higher",
        on_device(_accuracy_value, _accuracy_interval), _accuracy_value,
    )  # fmt: skip
    averages: dict[str, Measure] = {
        f"{score}_{average}": _average(score, average)
        for score in _NAMES
        for average in ("macro", "weighted")
    }
    ones = {
        "precision": rates.PREDICTIVE_VALUE.estimate,
        "recall": rates.TRUE_POSITIVE.estimate,
        "f1": _f1_interval,
    }
    return (
        accuracy,
        replace(averages["recall_macro"], name="balanced_accuracy", title="Balanced accuracy"),
        *(
            Measure(
                score, title, rates.ACCURACY.columns, "higher",
                on_device(_one(score), ones[score]), _one(score), needs_positive=True,
            )
            for score, title in _NAMES.items()
        ),
        *averages.values(),
        *(
            replace(accuracy, name=f"{score}_micro", title=f"{title}, micro average")
            for score, title in _NAMES.items()
        ),
        *ranking.MEASURES,
        Measure(
            "log_loss", "Log loss", _SCORED, "lower",
            on_device(_loss_value("log_loss"), _log_loss_interval), _loss_value("log_loss"),
            unit="nat",
        ),
        Measure(
            "brier", "Brier score", _SCORED, "lower",
            on_device(_loss_value("brier_score_loss"), _brier_interval),
            _loss_value("brier_score_loss"), unit="squared probability",
        ),
    )  # fmt: skip


MEASURES = _measures()
