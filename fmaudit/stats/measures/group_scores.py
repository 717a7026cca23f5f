"""Scores and what they are worth, between groups (`smooth_gaps`).

    mean_score                 mean probability of the positive class
    treatment_ratio            false negatives over false positives (Berk et al. 2018)

and the largest differences between two groups of

    mean_score_difference                 mean probability of the positive class
    auroc_difference                      area under the ROC curve (`ranking`)
    brier_difference                      Brier score (half of it where there are more than two
                                          classes, so that it lies from 0 to 1)
    balanced_accuracy_difference          mean recall over the classes that occur in the group
    treatment_equality_difference         false negatives over false positives, from 0 up; where a
                                          group has none, bounded by the odds of a share of its
                                          errors
    calibration_in_the_large_difference   mean of label less probability
    ece_difference                        debiased calibration error of the top label (`ece`), of
                                          equally many rows of every group

The last two say whether a score means the same for every group. Equal error rates and equal
calibration exclude each other where base rates differ (Kleinberg, Mullainathan, Raghavan 2017;
Chouldechova 2017). Berk, Heidari, Jabbari, Kearns, Roth 2018,
https://doi.org/10.1177/0049124118782533.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.stats.estimates import linearised, mean, require
from fmaudit.stats.measures import classification, ece, ranking
from fmaudit.stats.measures.base import Measure
from fmaudit.stats.measures.smooth_gaps import Figure, SmoothGap
from fmaudit.stats.sample import Floats, Ints, Question, Sample
from fmaudit.types import Estimate

UNIT = (0.0, 1.0)
COUNTED = (0.0, math.inf)


def _average(values: Any, sample: Sample) -> Figure:
    total = sample.w.sum()
    value = float((sample.w * values).sum() / total)
    return Figure(value, sample.w * (values - value) / total)


def _scores(sample: Sample, question: Question) -> Floats:
    found: Floats = sample.columns["probs"][:, question.positive_class].astype(np.float64)
    return found


def _mean_score(sample: Sample, question: Question) -> Figure:
    return _average(_scores(sample, question), sample)


def _auroc(sample: Sample, question: Question) -> Figure:
    positive = sample.columns["label"] == question.positive_class
    if positive.all() or not positive.any():
        raise NotEstimable("all rows have, or none has, the positive label: nothing to rank")
    value, influence = ranking.auroc_influence(positive, _scores(sample, question), sample.w)
    return Figure(value, influence, _least(sample, [positive, ~positive]))


def _brier(sample: Sample, question: Question) -> Figure:
    probs = sample.columns["probs"].astype(np.float64)
    squared = ((probs - np.eye(probs.shape[1])[sample.columns["label"]]) ** 2).sum(axis=1)
    return _average(squared / 2, sample)


def _balanced(sample: Sample, question: Question) -> Figure:
    matrix = classification.counts(sample, question.classes)
    classes = classification.averaged_classes(matrix, "recall")
    share = np.zeros(len(matrix))
    share[classes] = 1 / classes.size
    recall = np.divide(
        np.diag(matrix), matrix.sum(axis=1), out=np.zeros(len(matrix)), where=share > 0
    )
    influence = classification.influence(sample, matrix, "recall", share)
    least = _least(sample, [sample.columns["label"] == k for k in classes])
    return Figure(float(share @ recall), influence, least)


def _treatment(sample: Sample, question: Question) -> Figure:
    chosen = sample.columns["predicted"] == question.positive_class
    due = sample.columns["label"] == question.positive_class
    missed, granted = due & ~chosen, chosen & ~due
    below = float(sample.w[granted].sum())
    if below == 0:
        raise NotEstimable("no false positives: their ratio does not exist")
    value = float(sample.w[missed].sum()) / below
    influence = sample.w * (missed - value * granted) / below
    # Without a false negative the figure is the odds of one among the errors.
    return Figure(
        value, influence, _least(sample, [missed, granted] if missed.any() else [granted])
    )


def _in_the_large(sample: Sample, question: Question) -> Figure:
    due = sample.columns["label"] == question.positive_class
    return _average(due - _scores(sample, question), sample)


def _ece(sample: Sample, question: Question) -> Figure:
    bins = ece.binned(sample)
    residual = bins.correct - bins.confidence
    influence = np.sign(bins.gap)[bins.bin] * residual - bins.plugin
    start = bins.debiased(shrink=1.0)
    return Figure(bins.debiased(), sample.w * influence / sample.w.sum(), start=start)


def _by_confidence(sample: Sample) -> Ints:
    """Rows in the order of confidence, correctness and weight."""
    probs = sample.columns["probs"]
    correct = probs.argmax(axis=1) == sample.columns["label"]
    return np.lexsort((sample.w, correct, probs.max(axis=1)))


def _least(sample: Sample, parts: list[Any]) -> int:
    """Independent units of the smallest part."""
    return min(int(np.unique(sample.units[part]).size) for part in parts)


def _score_estimate(sample: Sample, question: Question) -> Estimate:
    host = sample.host()
    return mean(_scores(host, question), host, question, span=UNIT)


def _score_value(sample: Sample, question: Question) -> float:
    if sample.n == 0:
        raise NotEstimable("no rows")
    return _mean_score(sample.host(), question).value


def _treatment_estimate(sample: Sample, question: Question) -> Estimate:
    host = sample.host()
    require(host, question)
    found = _treatment(host, question)
    return linearised(
        found.value, found.influence, host, question, span=COUNTED, limiting=found.limiting
    )


def _treatment_value(sample: Sample, question: Question) -> float:
    return _treatment(sample.host(), question).value


_SCORED = ("label", "probs")
_DECIDED = ("label", "predicted")

GAPS = (
    SmoothGap("mean_score_difference", "Mean score difference", ("probs",), _mean_score, UNIT,
              "probability"),
    SmoothGap("auroc_difference", "AUROC difference", _SCORED, _auroc, UNIT, "area"),
    SmoothGap("brier_difference", "Brier score difference", _SCORED, _brier, UNIT,
              "squared probability", needs_positive=False),
    SmoothGap("balanced_accuracy_difference", "Balanced accuracy difference", _DECIDED, _balanced,
              UNIT, "share", needs_positive=False),
    SmoothGap("treatment_equality_difference", "Treatment equality difference", _DECIDED,
              _treatment, COUNTED, "ratio"),
    SmoothGap("calibration_in_the_large_difference", "Calibration in the large, difference",
              _SCORED, _in_the_large, (-1.0, 1.0), "probability"),
    SmoothGap("ece_difference", "Expected calibration error, difference at equal n", _SCORED,
              _ece, UNIT, "probability", needs_positive=False, order=_by_confidence),
)  # fmt: skip

MEASURES = (
    Measure("mean_score", "Mean score", ("probs",), "neither", _score_estimate, _score_value,
            needs_positive=True, unit="probability"),
    Measure("treatment_ratio", "False negatives over false positives", _DECIDED, "neither",
            _treatment_estimate, _treatment_value, needs_positive=True, unit="ratio"),
    *(gap.measure() for gap in GAPS),
)  # fmt: skip
