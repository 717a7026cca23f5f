"""Figures of a classifier's decisions: rates, averages over classes, F1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.estimates import Ask, Smooth, enough, proportion, smooth
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.types import Estimate

Marks = Callable[[Rows, Ask], Array]
Average = Literal["macro", "weighted"]
Score = Literal["precision", "recall", "f1"]


@dataclass(frozen=True)
class Rate:
    """The share of rows with an event among those of a denominator (None: all)."""

    event: Marks
    among: Marks | None = None

    def denominator(self, rows: Rows, ask: Ask) -> Rows:
        """The rows that it is a share of."""
        return rows if self.among is None else rows.where(self.among(rows, ask))

    def estimate(self, rows: Rows, ask: Ask) -> Estimate:
        """The share with its interval."""
        inside = self.denominator(rows, ask)
        return proportion(self.event(inside, ask), inside, ask)


def _labelled(rows: Rows, ask: Ask) -> Array:
    return np.equal(rows.columns["label"], ask.positive)


def _predicted(rows: Rows, ask: Ask) -> Array:
    return np.equal(rows.columns["predicted"], ask.positive)


def _other(rows: Rows, ask: Ask) -> Array:
    return np.not_equal(rows.columns["label"], ask.positive)


def _right(rows: Rows, ask: Ask) -> Array:
    return np.equal(rows.columns["label"], rows.columns["predicted"])


SELECTION = Rate(_predicted)
BASE = Rate(_labelled)
TRUE_POSITIVE = Rate(_predicted, _labelled)
FALSE_POSITIVE = Rate(_predicted, _other)
PREDICTIVE = Rate(_labelled, _predicted)
ACCURACY = Rate(_right)


def accuracy(rows: Rows, ask: Ask) -> Estimate:
    """The share of right decisions, with the confusion matrix."""
    found = ACCURACY.estimate(rows, ask)
    table = {"confusion": _confusion(rows, ask).tolist()}
    return msgspec.structs.replace(found, details={**found.details, **table})


def f1(rows: Rows, ask: Ask) -> Estimate:
    """F1 of the positive class: 2T/(A + P)."""
    enough(rows, ask)
    y, d = _labelled(rows, ask), _predicted(rows, ask)
    size = rows.w[y].sum() + rows.w[d].sum()
    if size == 0:
        raise NotEstimable("no row has or is predicted the positive class")
    value = float(2 * rows.w[y & d].sum() / size)
    influence = rows.w * (2.0 * (y & d) - value * (y.astype(float) + d)) / size
    limiting = rows.where(y | d).units
    return smooth(Smooth(value, influence, limiting=limiting), rows, ask)


def average(score: Score, kind: Average) -> Callable[[Rows, Ask], Estimate]:
    """Precision, recall or F1 averaged over classes, evenly or by the labels' weights."""

    def found(rows: Rows, ask: Ask) -> Estimate:
        enough(rows, ask)
        label, predicted = rows.columns["label"], rows.columns["predicted"]
        classes = _classes(label, predicted, score)
        total = rows.w.sum()
        value, influence, own, by_class, units = 0.0, np.zeros(rows.n), {}, {}, []
        weights = [rows.w[label == k].sum() for k in classes]
        for k, weight in zip(classes, weights, strict=True):
            part = 1 / len(classes) if kind == "macro" else weight / sum(weights)
            y, d = label == k, predicted == k
            one, z, inside = _one_class(rows.w, y, d, score)
            value, influence = value + part * one, influence + part * z
            own[k], by_class[str(k)] = one, one
            units.append(rows.where(inside).units)
        if kind == "weighted":
            influence += rows.w * (np.array([own[k] for k in label]) - value) / total
        details = {"classes": list(classes), "by_class": by_class}
        figure = Smooth(value, influence, limiting=min(units), details=details)
        return smooth(figure, rows, ask)

    return found


def _one_class(w: Array, y: Array, d: Array, score: Score) -> tuple[float, Array, Array]:
    """A class's figure, its influence values, and the rows of its denominator."""
    hit = (y & d).astype(float)
    if score == "f1":
        size = w[y].sum() + w[d].sum()
        value = 2 * (w * hit).sum() / size
        return float(value), w * (2 * hit - value * (y.astype(float) + d)) / size, y | d
    inside = y if score == "recall" else d
    size = w[inside].sum()
    value = (w * hit).sum() / size
    return float(value), w * inside * (hit - value) / size, inside


def _classes(label: Array, predicted: Array, score: Score) -> list[int]:
    labelled, chosen = set(label.tolist()), set(predicted.tolist())
    if score == "recall":
        return sorted(labelled)
    if score == "precision" and labelled - chosen:
        raise NotEstimable(f"never predicted: {sorted(labelled - chosen)}")
    return sorted(labelled | chosen)


def _confusion(rows: Rows, ask: Ask) -> Array:
    label, predicted = rows.columns["label"], rows.columns["predicted"]
    k = max(ask.classes, int(label.max()) + 1, int(predicted.max()) + 1)
    table = np.zeros((k, k))
    np.add.at(table, (label, predicted), rows.w)
    return table
