"""Whether maps of word scores are true to the model: figures over explained texts.

    converged_share            share of maps that more steps do not move
    mean_comprehensiveness     mean fall of the predicted class's probability when the words that
                               the map names first are removed
    mean_sufficiency           mean fall when they alone are kept
    excess_comprehensiveness   mean of comprehensiveness − that of random orders of the words;
                               over 0 the maps name words that matter more than chance would
    excess_sufficiency         the same of sufficiency; under 0 they name words that hold the
                               decision up better than chance would
    mean_special_share         mean share of the scores' sizes that lies on no word
    map_agreement              mean rank correlation with another method's map of the same text

Means are linearised over items (`estimates`): probabilities' differences within (−1, 1) (a map
and its control fall from one probability, so that their difference keeps that range), shares
within (0, 1), correlations within (−1, 1). DeYoung et al. 2020 (ERASER).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fmaudit.stats.estimates import mean, proportion
from fmaudit.stats.measures.arrays import namespace, share, weights
from fmaudit.stats.measures.base import Better, Measure, on_device
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate

_SIGNED = (-1.0, 1.0)
_SHARE = (0.0, 1.0)


def _mean(
    name: str,
    title: str,
    columns: tuple[str, ...],
    better: Better,
    span: tuple[float, float] = _SIGNED,
    unit: str = "probability",
) -> Measure:
    """The mean of a column, or of the first less the second."""

    def values(sample: Sample) -> Any:
        first, *second = (sample.columns[c] for c in columns)
        return first - second[0] if second else first

    def value(sample: Sample, question: Question) -> float:
        found = values(sample)
        xp, w = namespace(found), weights(sample, found)
        return float(xp.sum(w * found) / xp.sum(w))

    def interval(sample: Sample, question: Question) -> Estimate:
        return mean(values(sample), sample, question, span=span)

    return Measure(name, title, columns, better, on_device(value, interval), value, unit=unit)


def _converged() -> Measure:
    def value(sample: Sample, question: Question) -> float:
        return share(sample.columns["converged"], sample)

    def interval(sample: Sample, question: Question) -> Estimate:
        return proportion(sample.columns["converged"].astype(bool), sample, question, "maps")

    estimate: Callable[[Sample, Question], Estimate] = on_device(value, interval)
    return Measure(
        "converged_share", "Share of maps that converged", ("converged",), "higher", estimate, value
    )


MEASURES = (
    _converged(),
    _mean(
        "mean_comprehensiveness", "Mean comprehensiveness", ("comprehensiveness",), "higher",
    ),
    _mean("mean_sufficiency", "Mean sufficiency", ("sufficiency",), "lower"),
    _mean(
        "excess_comprehensiveness", "Comprehensiveness over random",
        ("comprehensiveness", "random_comprehensiveness"), "higher",
    ),
    _mean(
        "excess_sufficiency", "Sufficiency over random",
        ("sufficiency", "random_sufficiency"), "lower",
    ),
    _mean(
        "mean_special_share", "Mean share on special tokens", ("special_share",), "lower", _SHARE,
        "share",
    ),
    _mean(
        "map_agreement", "Mean rank agreement of maps", ("agreement",), "higher",
        unit="correlation",
    ),
)  # fmt: skip
