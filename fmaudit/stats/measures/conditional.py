"""Gaps between groups among cases that are alike in a control feature.

The column `control` says each row's level of it. Within each level the groups of `group` are
compared, and

    conditional_demographic_parity_difference   selection rates
    conditional_equal_opportunity_difference    true positive rates
    conditional_false_positive_rate_difference  false positive rates
    conditional_accuracy_difference             accuracies

are the largest difference of any pair of groups in any level: fairlearn's difference with
`control_features`, of the level where it is largest. The simultaneous rule of `groups` is over
the pairs of all levels. `details.level`: where the pair differs most; `by_level`: level →
group → value, n, denominator; `excluded`: "level: group" or "level" → why it is none of them;
`permutation_p`: groups dealt anew within each level (and label, for rates of these).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.stats import permutation
from fmaudit.stats.estimates import finished
from fmaudit.stats.groups import Cells, cells, largest_gap
from fmaudit.stats.measures import rates
from fmaudit.stats.measures.base import Measure
from fmaudit.stats.measures.rates import Rate
from fmaudit.stats.sample import Bools, Floats, Question, Sample
from fmaudit.types import Estimate

ONE_GROUP = "fewer than two groups have enough rows there"


@dataclass(frozen=True)
class Level:
    """A rate in the groups of one level of the control: the denominator's rows and events."""

    rows: Sample
    events: Bools
    cells: Cells


@dataclass(frozen=True)
class Conditional:
    """The largest difference of a rate between two groups of one level."""

    name: str
    title: str
    rate: Rate

    def value(self, sample: Sample, question: Question) -> float:
        """The figure alone."""
        levels, _ = self._levels(sample.host(), question)
        return max(float(np.ptp(level.cells.share.p)) for level in levels.values())

    def estimate(self, sample: Sample, question: Question) -> Estimate:
        """The figure with its simultaneous interval, where it is, and every cell."""
        host = sample.host()
        levels, excluded = self._levels(host, question)
        parts = {name: level.cells for name, level in levels.items()}
        found = largest_gap(parts, question, "difference")
        details = dict(found.details)
        details["level"] = details.pop("rate", next(iter(levels)))
        details["by_level"] = _tables(levels, host)
        details["excluded"] = excluded
        if question.rng is not None:
            drawn = _null(levels, question.rng)
            details["permutation_p"] = permutation.p_value(found.value, drawn)
        return finished(msgspec.structs.replace(found, details=details))

    def measure(self) -> Measure:
        """The gap as a measure."""
        return Measure(
            name=self.name, title=self.title, columns=(*self.rate.columns, "control", "group"),
            better="lower", estimate=self.estimate, value=self.value,
            needs_positive=self.rate.needs_positive,
        )  # fmt: skip

    def _levels(
        self, sample: Sample, question: Question
    ) -> tuple[dict[str, Level], dict[str, str]]:
        """The levels that have two groups to compare, and what is left out of them."""
        control = sample.columns["control"]
        levels: dict[str, Level] = {}
        excluded: dict[str, str] = {}
        for name in sorted(set(control.tolist())):
            own = sample.take(control == name)
            rows = self.rate.denominator(own, question)
            events = np.asarray(self.rate.event(rows, question), dtype=bool)
            found = cells(events, rows.columns["group"], rows, question, self.rate.what)
            absent = set(own.columns["group"].tolist()) - set(rows.columns["group"].tolist())
            reasons = found.excluded | {group: f"no {self.rate.what}" for group in sorted(absent)}
            excluded |= {f"{name}: {group}": why for group, why in reasons.items()}
            if len(found.names) < 2:
                excluded[name] = ONE_GROUP
                continue
            levels[name] = Level(rows, events, found)
        if not levels:
            raise NotEstimable(_nowhere(excluded))
        return levels, excluded


def _tables(levels: dict[str, Level], sample: Sample) -> dict[str, Any]:
    pairs = zip(sample.columns["control"].tolist(), sample.columns["group"].tolist(), strict=True)
    rows = Counter(pairs)
    return {
        name: {
            group: {"value": float(p), "n": rows[name, group], "denominator": int(n)}
            for group, p, n in zip(
                level.cells.names, level.cells.share.p, level.cells.n, strict=True
            )
        }
        for name, level in levels.items()
    }


def _null(levels: dict[str, Level], rng: np.random.Generator) -> Floats:
    drawn = []
    for level in levels.values():
        inside = level.cells.codes >= 0
        shares = permutation.null_shares(
            level.events[inside], level.cells.codes[inside], len(level.cells.names),
            level.rows.take(inside), rng,
        )  # fmt: skip
        drawn.append(np.ptp(shares, axis=1))
    draws = min(found.size for found in drawn)
    found: Floats = np.max([one[:draws] for one in drawn], axis=0)
    return found


def _nowhere(excluded: dict[str, str]) -> str:
    if not excluded:
        return "no rows"
    left = "; ".join(f"{name}: {reason}" for name, reason in list(excluded.items())[:5])
    return f"no level of the control feature has two groups to compare ({left})"


GAPS = (
    Conditional("conditional_demographic_parity_difference",
                "Conditional demographic parity difference", rates.SELECTION),
    Conditional("conditional_equal_opportunity_difference",
                "Conditional equal opportunity difference", rates.TRUE_POSITIVE),
    Conditional("conditional_false_positive_rate_difference",
                "Conditional false positive rate difference", rates.FALSE_POSITIVE),
    Conditional("conditional_accuracy_difference", "Conditional accuracy difference",
                rates.ACCURACY),
)  # fmt: skip

MEASURES = tuple(gap.measure() for gap in GAPS)
