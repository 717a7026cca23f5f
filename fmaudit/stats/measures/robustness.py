"""What an edit of a text changes, beside what asking the same text again changes.

Rows are edited texts; their clusters are the source items.

    flips_over_floor      P(flip | edit) − P(flip | repeat): share of edits that change the
                          predicted class, less the share of repeats that do
    noisy_accuracy        share of edited texts that are classified as labelled
    accuracy_drop         accuracy of the unedited texts − noisy_accuracy
    excess_accuracy_drop  accuracy_drop − the drop when the same text is asked again, which is
                          accuracy over the repeats − noisy_accuracy: the base cancels

`repeat_flip` and `repeat_correct` are shares over an item's repeats, from 0 to 1. The excess of
flips is bounded by square-and-add, the drops as paired ones (`pairs`), so that a sample without
any event has an interval too. Newcombe 1998; Bonett and Price 2012.
"""

from __future__ import annotations

from collections.abc import Callable

from fmaudit.stats import pairs
from fmaudit.stats.estimates import proportion
from fmaudit.stats.measures.arrays import share
from fmaudit.stats.measures.base import Estimator, Measure, Value, on_device
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate

_WHAT = "edited texts"
_FLIPS = ("flip", "repeat_flip")


def _less(first: str, second: str) -> Value:
    def value(sample: Sample, question: Question) -> float:
        return share(sample.columns[first], sample) - share(sample.columns[second], sample)

    return value


def _drop(name: str, title: str, first: str) -> Measure:
    columns, value = (first, "noisy_correct"), _less(first, "noisy_correct")

    def interval(sample: Sample, question: Question) -> Estimate:
        before, after = (sample.columns[c] for c in columns)
        return pairs.drop(before, after, sample, question)

    return _measure(name, title, columns, value, interval)


def _measure(
    name: str,
    title: str,
    columns: tuple[str, ...],
    value: Value,
    interval: Callable[[Sample, Question], Estimate],
) -> Measure:
    estimate: Estimator = on_device(value, interval)
    return Measure(name, title, columns, "lower", estimate, value)


def _noisy_value(sample: Sample, question: Question) -> float:
    return share(sample.columns["noisy_correct"], sample)


def _noisy(sample: Sample, question: Question) -> Estimate:
    return proportion(sample.columns["noisy_correct"].astype(bool), sample, question, _WHAT)


MEASURES = (
    _measure(
        "flips_over_floor", "Flips over the noise floor", _FLIPS, _less(*_FLIPS),
        lambda sample, question: pairs.excess(_FLIPS, sample, question, _WHAT),
    ),
    Measure(
        "noisy_accuracy", "Accuracy on edited texts", ("noisy_correct",), "higher",
        on_device(_noisy_value, _noisy), _noisy_value,
    ),
    _drop("accuracy_drop", "Accuracy lost to edits", "correct"),
    _drop("excess_accuracy_drop", "Accuracy lost to edits over the noise floor", "repeat_correct"),
)  # fmt: skip
