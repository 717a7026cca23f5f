"""What an identity swap changes, beside what a neutral control swap of the same text changes.

Rows are swaps; their clusters are the source items.

    flip_rate            share of swaps that change the predicted class
    control_flip_rate    share of control swaps that do
    excess_flip_rate     flip_rate − control_flip_rate: Newcombe's square-and-add on the two
                         Wilson limits (clustered where an item has several swaps), correlation 0
    mean_gap             mean of gap, the signed change of P(positive): over 0 the swap raises it
    mean_absolute_gap    mean of |gap|
    excess_absolute_gap  mean of |gap| − |control_gap|

Means are linearised over items (`estimates`): mean_gap and the excess within (−1, 1), the
absolute gap within (0, 1). Garg et al. 2019 (counterfactual token fairness).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fmaudit.stats import pairs
from fmaudit.stats.estimates import mean, proportion
from fmaudit.stats.measures.arrays import namespace, share, weights
from fmaudit.stats.measures.base import Better, Measure, on_device
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate

_WHAT = "swaps"


def excess(sample: Sample, question: Question) -> Estimate:
    """excess_flip_rate of host columns `flip` and `control_flip` (n booleans each)."""
    return pairs.excess(("flip", "control_flip"), sample, question, _WHAT)


def _rate(name: str, title: str, column: str, better: Better) -> Measure:
    def value(sample: Sample, question: Question) -> float:
        return share(sample.columns[column], sample)

    def interval(sample: Sample, question: Question) -> Estimate:
        return proportion(sample.columns[column].astype(bool), sample, question, _WHAT)

    return Measure(name, title, (column,), better, on_device(value, interval), value)


def _mean(
    name: str,
    title: str,
    columns: tuple[str, ...],
    better: Better,
    change: Callable[..., Any],
    span: tuple[float, float],
) -> Measure:
    def value(sample: Sample, question: Question) -> float:
        changes = change(*(sample.columns[c] for c in columns))
        xp, w = namespace(changes), weights(sample, changes)
        return float(xp.sum(w * changes) / xp.sum(w))

    def interval(sample: Sample, question: Question) -> Estimate:
        changes = change(*(sample.columns[c] for c in columns))
        return mean(changes, sample, question, span=span)

    estimate = on_device(value, interval)
    return Measure(name, title, columns, better, estimate, value, unit="probability")


def _excess_value(sample: Sample, question: Question) -> float:
    flips = share(sample.columns["flip"], sample)
    return flips - share(sample.columns["control_flip"], sample)


MEASURES = (
    _rate("flip_rate", "Flip rate", "flip", "lower"),
    _rate("control_flip_rate", "Flip rate of the control", "control_flip", "neither"),
    Measure(
        "excess_flip_rate", "Excess flip rate", ("flip", "control_flip"), "lower",
        on_device(_excess_value, excess), _excess_value,
    ),
    _mean("mean_gap", "Mean gap", ("gap",), "zero", lambda gap: gap, (-1.0, 1.0)),
    _mean("mean_absolute_gap", "Mean absolute gap", ("gap",), "lower", abs, (0.0, 1.0)),
    _mean(
        "excess_absolute_gap", "Excess absolute gap", ("gap", "control_gap"), "lower",
        lambda gap, control: abs(gap) - abs(control), (-1.0, 1.0),
    ),
)  # fmt: skip
