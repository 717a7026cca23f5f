"""Predicted numbers against the true ones, by their places in the model's range."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from fmaudit.reporting.verify.estimates import Ask, Smooth, enough, smooth
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.types import Estimate

COLUMNS = ("number", "predicted_number")

Kind = Callable[[Rows, Ask], Smooth]


def _of(rows: Rows) -> tuple[Array, Array]:
    return rows.columns["number"].astype(float), rows.columns["predicted_number"].astype(float)


def _averaged(values: Array, rows: Rows, low: float = 0.0) -> Smooth:
    value = float(np.average(values, weights=rows.w))
    return Smooth(value, rows.w * (values - value) / rows.w.sum(), low)


def _prediction(rows: Rows, ask: Ask) -> Smooth:
    return _averaged(_of(rows)[1], rows)


def _signed(rows: Rows, ask: Ask) -> Smooth:
    true, said = _of(rows)
    return _averaged(said - true, rows, -1.0)


def _absolute(rows: Rows, ask: Ask) -> Smooth:
    true, said = _of(rows)
    return _averaged(np.where(said > true, said - true, true - said), rows)


def _squared(rows: Rows, ask: Ask) -> Smooth:
    true, said = _of(rows)
    return _averaged(np.square(said) - 2 * said * true + np.square(true), rows)


KINDS: Mapping[str, tuple[Kind, float]] = {
    "prediction": (_prediction, 0.0),
    "error": (_signed, -1.0),
    "absolute_error": (_absolute, 0.0),
    "squared_error": (_squared, 0.0),
}
"""Name → the figure, and the lowest value it can have; 1 is the highest."""


def mean(kind: Kind, low: float) -> Callable[[Rows, Ask], Estimate]:
    """The mean with its interval."""
    del low

    def found(rows: Rows, ask: Ask) -> Estimate:
        enough(rows, ask)
        return smooth(kind(rows, ask), rows, ask)

    return found
