"""Rates: the share of rows with an event, among the rows of a denominator.

With y the label, ŷ the predicted class and + the positive class:

    selection_rate             ŷ = +   among all rows
    base_rate                  y = +   among all rows
    true_positive_rate         ŷ = +   among y = +     (recall)
    false_positive_rate        ŷ = +   among y ≠ +
    positive_predictive_value  y = +   among ŷ = +     (precision)
    accuracy                   ŷ = y   among all rows

The interval is that of a proportion over the denominator's rows (`estimates`), its minimum n
the denominator's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fmaudit.errors import NotEstimable
from fmaudit.stats.estimates import proportion
from fmaudit.stats.measures.arrays import share
from fmaudit.stats.measures.base import Better, Measure
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate

Marks = Callable[[Sample, Question], Any]


@dataclass(frozen=True)
class Rate:
    """`event` and `among` mark rows (n booleans, where the columns lie); `among` None is all.

    `what` names the denominator in messages.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    event: Marks
    better: Better
    among: Marks | None = None
    what: str = "rows"
    needs_positive: bool = True

    def denominator(self, sample: Sample, question: Question) -> Sample:
        """The rows that the rate is a share of."""
        return sample if self.among is None else sample.take(self.among(sample, question))

    def value(self, sample: Sample, question: Question) -> float:
        """The weighted share; raises `NotEstimable` where the denominator is empty."""
        rows = self.denominator(sample, question)
        if rows.n == 0:
            raise NotEstimable(f"no {self.what}")
        return share(self.event(rows, question), rows)

    def estimate(self, sample: Sample, question: Question) -> Estimate:
        """The share with its interval."""
        rows = self.denominator(sample.host(), question)
        return proportion(self.event(rows, question), rows, question, self.what)

    def measure(self) -> Measure:
        """The rate as a measure."""
        return Measure(
            name=self.name, title=self.title, columns=self.columns, better=self.better,
            estimate=self.estimate, value=self.value, needs_positive=self.needs_positive,
        )  # fmt: skip


def _selected(sample: Sample, question: Question) -> Any:
    return sample.columns["predicted"] == question.positive_class


def _positive(sample: Sample, question: Question) -> Any:
    return sample.columns["label"] == question.positive_class


def _negative(sample: Sample, question: Question) -> Any:
    return sample.columns["label"] != question.positive_class


def _correct(sample: Sample, question: Question) -> Any:
    return sample.columns["label"] == sample.columns["predicted"]


_BOTH = ("label", "predicted")

SELECTION = Rate("selection_rate", "Selection rate", ("predicted",), _selected, "neither")
BASE = Rate("base_rate", "Base rate", ("label",), _positive, "neither")
TRUE_POSITIVE = Rate(
    "true_positive_rate", "True positive rate", _BOTH, _selected, "higher",
    _positive, "rows with the positive label",
)  # fmt: skip
FALSE_POSITIVE = Rate(
    "false_positive_rate", "False positive rate", _BOTH, _selected, "lower",
    _negative, "rows with another label than the positive one",
)  # fmt: skip
PREDICTIVE_VALUE = Rate(
    "positive_predictive_value", "Positive predictive value", _BOTH, _positive, "higher",
    _selected, "rows predicted positive",
)  # fmt: skip
ACCURACY = Rate("accuracy", "Accuracy", _BOTH, _correct, "higher", needs_positive=False)
