"""What a measure is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import msgspec

from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate

Better = Literal["higher", "lower", "zero", "neither"]
Value = Callable[[Sample, Question], float]
Estimator = Callable[[Sample, Question], Estimate]


@dataclass(frozen=True)
class Measure:
    """A named figure of rows.

    `columns`: what it reads; rows with a null there are removed before. `better`: the direction
    that is better; "zero" for signed figures. `estimate`: value, interval and p-values; raises
    `NotEstimable`. `value`: the point figure alone, of NumPy or torch columns, with the same
    result. `verified`: "closed" where `verify` recomputes it exactly, "resampled" where by
    another draw. `needs_positive`: one class against the rest, `Question.positive`.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    better: Better
    estimate: Estimator
    value: Value
    verified: Literal["closed", "resampled"] = "closed"
    needs_positive: bool = False
    unit: str = "share"


def on_device(value: Value, interval: Estimator) -> Estimator:
    """The figure by `value` where the columns lie, its interval by `interval` on the host."""

    def estimate(sample: Sample, question: Question) -> Estimate:
        found = interval(sample.host(), question)
        return msgspec.structs.replace(found, value=value(sample, question))

    return estimate
