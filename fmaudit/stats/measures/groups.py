"""Group outcomes: the rates of `rates`, and their gaps over the column `group`.

    demographic_parity_difference  selection rates: largest − smallest
    demographic_parity_ratio       selection rates: smallest / largest
    equal_opportunity_difference   true positive rates: largest − smallest
    false_positive_rate_difference false positive rates: largest − smallest
    equalized_odds_difference      the larger of the last two
    equalized_odds_ratio           the smaller of the ratios of true and false positive rates
    accuracy_difference            accuracies: largest − smallest

Values come from fairlearn's `MetricFrame` (between groups); intervals and p-values from the
simultaneous rule of `stats.groups`; `details.permutation_p` from `stats.permutation` (units
dealt anew among the rows of the denominator, so within label for true and false positives).
Cells under the minimum n, or without a row in a denominator, leave the gap and are listed with the
reason in `details.excluded`.
`details.by_group`: group → value, n (its rows), denominator; `details.by_rate`: the same a rate
where the gap is over two. Hardt, Price, Srebro 2016; Bird et al. 2020 (fairlearn).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.stats import permutation
from fmaudit.stats.estimates import finished
from fmaudit.stats.groups import Cells, Kind, cells, largest_gap
from fmaudit.stats.measures import rates
from fmaudit.stats.measures.base import Measure
from fmaudit.stats.measures.rates import Rate
from fmaudit.stats.sample import Bools, Floats, Question, Sample
from fmaudit.types import Estimate


@dataclass(frozen=True)
class Part:
    """One rate of a gap over the groups: its denominator's rows, their events and cells.

    `what` names the denominator.
    """

    what: str
    sample: Sample
    events: Bools
    cells: Cells
    by_group: dict[str, float]

    @property
    def spread(self) -> tuple[float, float]:
        """Smallest and largest rate of any cell."""
        return min(self.by_group.values()), max(self.by_group.values())

    def excluded(self, groups: Iterable[str]) -> dict[str, str]:
        """Which of `groups` are not compared, and why."""
        there = {*self.cells.names, *self.cells.excluded}
        absent = dict.fromkeys(sorted(set(groups) - there), f"no {self.what}")
        return self.cells.excluded | absent


@dataclass(frozen=True)
class Gap:
    """The largest difference, or smallest ratio, of one or more rates between groups."""

    name: str
    title: str
    kind: Kind
    over: tuple[Rate, ...]

    def value(self, sample: Sample, question: Question) -> float:
        """The gap between the cells that have the minimum n."""
        return self._value(self._parts(sample.host(), question))

    def estimate(self, sample: Sample, question: Question) -> Estimate:
        """The gap with its simultaneous interval, the pair that drives it and every cell."""
        host = sample.host()
        parts = self._parts(host, question)
        found = largest_gap({k: part.cells for k, part in parts.items()}, question, self.kind)
        details = {**found.details, **_tables(parts, host)}
        if question.rng is not None:
            observed = _distance(self._value(parts), self.kind)
            drawn = self._null(parts, question.rng)
            details["permutation_p"] = permutation.p_value(observed, drawn)
        value = self._value(parts)
        return finished(msgspec.structs.replace(found, value=value, details=details))

    def measure(self) -> Measure:
        """The gap as a measure."""
        columns = dict.fromkeys(c for rate in self.over for c in rate.columns)
        return Measure(
            name=self.name, title=self.title, columns=(*columns, "group"),
            better="lower" if self.kind == "difference" else "higher",
            estimate=self.estimate, value=self.value,
            needs_positive=any(rate.needs_positive for rate in self.over),
        )  # fmt: skip

    def _parts(self, sample: Sample, question: Question) -> dict[str, Part]:
        return {rate.name: _part(rate, sample, question) for rate in self.over}

    def _value(self, parts: dict[str, Part]) -> float:
        for part in parts.values():
            if len(part.by_group) < 2:
                raise NotEstimable("fewer than two groups are left to compare")
        ends = [part.spread for part in parts.values()]
        if self.kind == "difference":
            return max(high - low for low, high in ends)
        if not all(high > 0 for _, high in ends):
            raise NotEstimable("the rate is 0 in every group: their ratio does not exist")
        return min(low / high for low, high in ends)

    def _null(self, parts: dict[str, Part], rng: np.random.Generator) -> Floats:
        """How far from no gap the null draws lie: (draws,)."""
        drawn = []
        for part in parts.values():
            inside = part.cells.codes >= 0
            shares = permutation.null_shares(
                part.events[inside], part.cells.codes[inside], len(part.cells.names),
                part.sample.take(inside), rng,
            )  # fmt: skip
            low, high = shares.min(axis=1), shares.max(axis=1)
            if self.kind == "difference":
                drawn.append(high - low)
            else:
                drawn.append(1 - np.divide(low, high, out=np.ones_like(low), where=high > 0))
        draws = min(found.size for found in drawn)  # a large part is dealt fewer times
        return np.max([found[:draws] for found in drawn], axis=0)


def _part(rate: Rate, sample: Sample, question: Question) -> Part:
    rows = rate.denominator(sample, question)
    events = np.asarray(rate.event(rows, question), dtype=bool)
    found = cells(events, rows.columns["group"], rows, question, rate.what)
    return Part(rate.what, rows, events, found, _by_group(events, found, rows))


def _by_group(events: Bools, found: Cells, rows: Sample) -> dict[str, float]:
    """Each kept cell's weighted share of events, by fairlearn.

    MetricFrame reads one row a cell and outcome, weighted by that outcome's total weight: the
    same shares, without a data frame of all the rows.
    """
    if not found.names:
        return {}
    from fairlearn.metrics import MetricFrame, selection_rate

    inside = found.codes >= 0
    slot = found.codes[inside] * 2 + events[inside]
    totals = np.bincount(slot, weights=rows.w[inside], minlength=2 * len(found.names))
    outcome = np.tile([0, 1], len(found.names))
    frame = MetricFrame(
        metrics={"rate": selection_rate},
        y_true=outcome,
        y_pred=outcome,
        sensitive_features=np.repeat(np.arange(len(found.names)), 2),
        sample_params={"rate": {"sample_weight": totals}},
    )
    return {name: float(frame.by_group["rate"][i]) for i, name in enumerate(found.names)}


def _tables(parts: dict[str, Part], sample: Sample) -> dict[str, Any]:
    """`by_group` (or `by_rate`) and `excluded`, as the report shows them."""
    rows = Counter(sample.columns["group"].tolist())
    tables = {
        rate: {
            name: {"value": value, "n": rows[name], "denominator": int(n)}
            for (name, value), n in zip(part.by_group.items(), part.cells.n, strict=True)
        }
        for rate, part in parts.items()
    }
    excluded = {
        name: reason for part in parts.values() for name, reason in part.excluded(rows).items()
    }
    if len(parts) == 1:
        return {"by_group": next(iter(tables.values())), "excluded": excluded}
    return {"by_rate": tables, "excluded": excluded}


def _distance(value: float, kind: Kind) -> float:
    return value if kind == "difference" else 1 - value


_ODDS = (rates.TRUE_POSITIVE, rates.FALSE_POSITIVE)

GAPS = (
    Gap("demographic_parity_difference", "Demographic parity difference", "difference",
        (rates.SELECTION,)),
    Gap("demographic_parity_ratio", "Demographic parity ratio", "ratio", (rates.SELECTION,)),
    Gap("equal_opportunity_difference", "Equal opportunity difference", "difference",
        (rates.TRUE_POSITIVE,)),
    Gap("false_positive_rate_difference", "False positive rate difference", "difference",
        (rates.FALSE_POSITIVE,)),
    Gap("equalized_odds_difference", "Equalized odds difference", "difference", _ODDS),
    Gap("equalized_odds_ratio", "Equalized odds ratio", "ratio", _ODDS),
    Gap("accuracy_difference", "Accuracy difference", "difference", (rates.ACCURACY,)),
)  # fmt: skip

MEASURES = (
    *(
        rate.measure()
        for rate in (
            rates.SELECTION,
            rates.BASE,
            rates.TRUE_POSITIVE,
            rates.FALSE_POSITIVE,
            rates.PREDICTIVE_VALUE,
        )
    ),
    *(gap.measure() for gap in GAPS),
)
