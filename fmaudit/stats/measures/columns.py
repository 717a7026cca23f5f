"""Measures of one column or of two: a share, a mean, what one column shows above another.

rate      share of rows where a boolean column is true; a proportion (`estimates`)
average   mean of a column, or of the first less the second; linearised within its range
change    mean of the first less the second, each from 0 to 1, of the same rows: what the
          audited model shows above its base; bounded by the score test (`changes`)
"""

from __future__ import annotations

import math
from typing import Any

from fmaudit.stats import changes
from fmaudit.stats.estimates import mean, proportion
from fmaudit.stats.measures.arrays import namespace, share, weights
from fmaudit.stats.measures.base import Better, Measure, on_device
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate

UNBOUNDED = (-math.inf, math.inf)


def rate(name: str, title: str, column: str, better: Better, what: str = "rows") -> Measure:
    """The share of rows where `column` (n booleans) is true; `what` names the rows in reasons."""

    def value(sample: Sample, question: Question) -> float:
        return share(sample.columns[column], sample)

    def interval(sample: Sample, question: Question) -> Estimate:
        return proportion(sample.columns[column].astype(bool), sample, question, what)

    return Measure(name, title, (column,), better, on_device(value, interval), value)


def average(
    name: str,
    title: str,
    columns: tuple[str, ...],
    better: Better,
    *,
    span: tuple[float, float],
    unit: str,
) -> Measure:
    """The mean of a column of numbers, or of the first less the second, whose range is `span`."""

    def values(sample: Sample) -> Any:
        first, *second = (_numbers(sample.columns[c]) for c in columns)
        return first - second[0] if second else first

    def value(sample: Sample, question: Question) -> float:
        found = values(sample)
        xp, w = namespace(found), weights(sample, found)
        return float(xp.sum(w * found) / xp.sum(w))

    def interval(sample: Sample, question: Question) -> Estimate:
        return mean(values(sample), sample, question, span=span)

    return Measure(name, title, columns, better, on_device(value, interval), value, unit=unit)


def change(
    name: str, title: str, columns: tuple[str, str], better: Better, what: str = "rows"
) -> Measure:
    """The mean of the first column less that of the second, each from 0 to 1 or boolean."""

    def value(sample: Sample, question: Question) -> float:
        first, second = (sample.columns[c] for c in columns)
        return share(first, sample) - share(second, sample)

    def interval(sample: Sample, question: Question) -> Estimate:
        first, second = (sample.columns[c] for c in columns)
        return changes.change(first, second, sample, question, what)

    return Measure(name, title, columns, better, on_device(value, interval), value)


def _numbers(column: Any) -> Any:
    xp = namespace(column)
    return xp.astype(column, xp.float64)
