"""Predicted numbers against the true ones, over all and between groups.

Both are places in the model's range, 0 at its lowest number and 1 at its highest, so that a figure
is a share of the range (times its width, it is in the number's own unit):

    mean_prediction       mean of the predicted number
    mean_error            mean of predicted less true, from −1 to 1: below 0 predicted too low
    mean_absolute_error   mean of |predicted less true|
    mean_squared_error    mean of its square

`…_difference`: the largest between two groups (`smooth_gaps`). Equal mean predictions are
statistical parity of a score, equal losses what bounded group loss asks for: Agarwal, Dudík and
Wu 2019, https://proceedings.mlr.press/v97/agarwal19d.html.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fmaudit.errors import NotEstimable
from fmaudit.stats.estimates import mean
from fmaudit.stats.measures.base import Better, Measure
from fmaudit.stats.measures.smooth_gaps import Figure, SmoothGap
from fmaudit.stats.sample import Floats, Question, Sample
from fmaudit.types import Estimate

COLUMNS = ("number", "predicted_number")


@dataclass(frozen=True)
class Mean:
    """The mean of what `of` makes of the true and the predicted numbers (n,)."""

    name: str
    title: str
    of: Callable[[Floats, Floats], Floats]
    better: Better
    low: float = 0.0
    unit: str = "share of the range"

    def figure(self, sample: Sample, question: Question) -> Figure:
        """The mean and its influence values."""
        del question
        if sample.n == 0:
            raise NotEstimable("no rows")
        values, total = self._values(sample), sample.w.sum()
        value = float((sample.w * values).sum() / total)
        return Figure(value, sample.w * (values - value) / total)

    def estimate(self, sample: Sample, question: Question) -> Estimate:
        """The mean with its interval."""
        host = sample.host()
        return mean(self._values(host), host, question, span=(self.low, 1.0))

    def value(self, sample: Sample, question: Question) -> float:
        """The mean alone."""
        return self.figure(sample.host(), question).value

    def measures(self) -> tuple[Measure, Measure]:
        """The mean, and the largest difference of it between two groups."""
        gap = SmoothGap(
            f"{self.name}_difference", f"{self.title}, difference", COLUMNS, self.figure,
            (self.low, 1.0), self.unit, needs_positive=False,
        )  # fmt: skip
        own = Measure(
            self.name, self.title, COLUMNS, self.better, self.estimate, self.value, unit=self.unit
        )
        return own, gap.measure()

    def _values(self, sample: Sample) -> Floats:
        true, said = (sample.columns[name].astype(float) for name in COLUMNS)
        return self.of(true, said)


MEASURES = tuple(
    measure
    for kind in (
        Mean("mean_prediction", "Mean predicted number", lambda true, said: said, "neither"),
        Mean("mean_error", "Mean error of the predicted number", lambda true, said: said - true,
             "zero", low=-1.0),
        Mean("mean_absolute_error", "Mean absolute error", lambda true, said: abs(said - true),
             "lower"),
        Mean("mean_squared_error", "Mean squared error", lambda true, said: (said - true) ** 2,
             "lower", unit="squared share of the range"),
    )
    for measure in kind.measures()
)  # fmt: skip
