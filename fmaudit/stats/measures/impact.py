"""Selection and scoring rates by category, and impact ratios, as New York's Local Law 144 has them.

Rows are people; `category` is what each is of, "" where that is not known, two crossed ones as
"Female & Black" (a "&" of a name's own is written twice).

    selection rate   share of a category that is `selected`
    scoring rate     share of a category whose `score` is above the median of all scores (strict;
                     the median of everybody with a score, known category or not)
    impact ratio     a category's rate over the highest rate of any category

A category under 2 % of everybody is shown with its number and rate, and has no impact ratio: it
is not compared, and cannot be the one of the highest rate. So is one that nobody is of.

    selection_impact_ratio, scoring_impact_ratio   the smallest impact ratio of any category

`details.categories`: a line each with category, n (rows), chosen (rows selected, or above the
median), rate, ratio, low and high of the ratio; `excluded`: category → why it has no ratio.
`unknown`: rows of no known category; `reference`: the category of the highest rate; `median`;
`pair`: the category of the smallest ratio and the reference.

The law names no threshold, so that a rule is not tested; put it on `demographic_parity_ratio`,
whose limits hold for all pairs of groups at once. The limits here are percentiles of 1,000
resamples of people (`bootstrap`), in each of which the median, the rates and the category of the
highest rate are found anew (widened to the figure where it lies outside): of the figure, the
smallest lower limit of any category, and the upper one of its own. Resampling a smallest ratio
shows a little more difference than there is; where groups are many and alike it is under 0.8 as a
rule. 6 RCNY § 5-300 to 5-304; NYC Administrative Code § 20-870.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.stats.bootstrap import median, resampled_weights
from fmaudit.stats.estimates import flags, require
from fmaudit.stats.measures.base import Measure
from fmaudit.stats.sample import Bools, Floats, Ints, Question, Sample
from fmaudit.stats.variance import sums
from fmaudit.types import Estimate

LEAST_SHARE = 0.02
NO_THRESHOLD = (
    "Local Law 144 names no threshold; put a rule of your own on demographic_parity_ratio of "
    "bias.group_outcomes"
)
EMPTY = "nobody is of this category: not estimable"

Rates = Callable[[Floats], Floats]
"""Weights of the rows (n,) → rates of the categories (k,), not a number where nobody is left."""


class Table(NamedTuple):
    """The categories of known rows. `codes` (n,): −1 where not known; `out`: not compared."""

    names: list[str]
    codes: Ints
    share: Floats
    out: Bools


@dataclass(frozen=True)
class Impact:
    """One of the two measures; `column` is what its rate is of."""

    name: str
    title: str
    column: str

    def value(self, sample: Sample, question: Question) -> float:
        """The smallest impact ratio."""
        host = sample.host()
        table = _table(host)
        found = _ratios(self._rates(host, table)(host.w), table.out)
        return float(np.nanmin(_estimable(found)))

    def estimate(self, sample: Sample, question: Question) -> Estimate:
        """The smallest impact ratio with its limits, and the whole table."""
        host = sample.host()
        require(host, question)
        table = _table(host)
        rates = self._rates(host, table)
        rate = rates(host.w)
        ratio = _estimable(_ratios(rate, table.out))
        drawn = None
        if question.rng is not None:
            drawn = np.stack(
                [_ratios(rates(w), table.out) for w in resampled_weights(host, question.rng)]
            )
        low, high = _limits(ratio, drawn)
        smallest, best = int(np.nanargmin(ratio)), int(np.nanargmax(np.where(table.out, -1, rate)))
        known = host.take(table.codes >= 0)
        chosen = self._chosen(host)
        counted = np.bincount(table.codes[(table.codes >= 0) & chosen], minlength=len(rate))
        details: dict[str, Any] = {
            **flags(known),
            "pair": [table.names[smallest], table.names[best]],
            "reference": table.names[best],
            "categories": _lines(table, counted, rate, ratio, low, high),
            "unknown": int((table.codes < 0).sum()),
            "excluded": {
                name: _why(share)
                for name, share, out in zip(table.names, table.share, table.out, strict=True)
                if out
            },
        }
        if self.column == "score":
            details["median"] = _median(host)
        if drawn is not None:
            details["resamples"] = len(drawn)
        if drawn is None:
            details["no_interval"] = "nothing was resampled"
        elif question.rule is not None:
            details["no_interval"] = NO_THRESHOLD
        return Estimate(
            value=float(ratio[smallest]),
            low=None if drawn is None else float(np.nanmin(low)),
            high=None if drawn is None else float(high[smallest]),
            n=known.n, clusters=known.unit_count,
            method="none" if drawn is None else "bootstrap_percentile", details=details,
        )  # fmt: skip

    def measure(self) -> Measure:
        """The figure as a measure."""
        return Measure(
            self.name, self.title, ("category", self.column), "higher", self.estimate, self.value,
            verified="resampled",
        )  # fmt: skip

    def _chosen(self, sample: Sample) -> Bools:
        """Who is selected, or scored above the median (n,)."""
        column = sample.columns[self.column]
        return column.astype(bool) if self.column == "selected" else column > _median(sample)

    def _rates(self, sample: Sample, table: Table) -> Rates:
        known, k = table.codes >= 0, len(table.names)
        codes = table.codes
        if self.column == "selected":
            both = known & self._chosen(sample)

            def of_selected(w: Floats) -> Floats:
                return _divided(sums(codes[both], w[both], k), sums(codes[known], w[known], k))

            return of_selected
        score = sample.columns["score"]
        order = np.argsort(score, kind="stable")
        ordered, place = score[order], codes[order]

        def of_scores(w: Floats) -> Floats:
            heavy = w[order]
            start = np.searchsorted(ordered, median(ordered, heavy), side="right")
            above, all_ = (
                sums(place[part][place[part] >= 0], heavy[part][place[part] >= 0], k)
                for part in (slice(start, None), slice(None))
            )
            return _divided(above, all_)

        return of_scores


def _table(sample: Sample) -> Table:
    """The categories that occur, sorted, and those that no row of two crossed ones is of."""
    if sample.n == 0:
        raise NotEstimable("no rows")
    category = sample.columns["category"]
    there = sorted(set(category.tolist()) - {""})
    if not there:
        raise NotEstimable(
            f"none of {sample.n} rows is of a known category; `params` name the columns of "
            "`data.groups` that hold them"
        )
    if len(there) < 2:
        unknown = int((category == "").sum())
        raise NotEstimable(
            f"fewer than two categories: {len(there)} known, {unknown} of {sample.n} rows of none"
        )
    names = [*there, *_empty(there)]
    place = {name: k for k, name in enumerate(names)}
    codes = np.array([place.get(name, -1) for name in category.tolist()], dtype=np.int64)
    mass = sums(codes[codes >= 0], sample.w[codes >= 0], len(names))
    share = mass / sample.w.sum()
    out = share < LEAST_SHARE
    if (~out).sum() < 2:
        raise NotEstimable(f"fewer than two categories that are {LEAST_SHARE:.0%} of the rows")
    return Table(names, codes, share, out)


def _empty(names: list[str]) -> list[str]:
    """Crossed categories that nobody is of: all pairs of the parts less those that occur."""
    parts = [name.split(" & ") for name in names]
    if any(len(part) != 2 for part in parts):
        return []
    first, second = (sorted({part[k] for part in parts}) for k in (0, 1))
    every = [" & ".join(pair) for pair in product(first, second)]
    return [name for name in every if name not in set(names)]


def _ratios(rate: Floats, out: Bools) -> Floats:
    """Each rate over the highest of those compared; not a number of the others."""
    compared = np.where(out, np.nan, rate)
    if np.isnan(compared).all():
        return compared
    top = np.nanmax(compared)
    found: Floats = compared / top if top > 0 else np.full_like(compared, np.nan)
    return found


def _estimable(ratio: Floats) -> Floats:
    if np.isnan(ratio).all():
        raise NotEstimable("the rate is 0 in every category: their ratio does not exist")
    return ratio


def _limits(ratio: Floats, drawn: Floats | None) -> tuple[Floats, Floats]:
    """95 % percentile limits of each ratio, none without draws or where there is no ratio."""
    if drawn is None:
        return np.full_like(ratio, np.nan), np.full_like(ratio, np.nan)
    there = ~np.isnan(ratio)
    low, high = np.full_like(ratio, np.nan), np.full_like(ratio, np.nan)
    ends = np.nanquantile(drawn[:, there], [0.025, 0.975], axis=0)
    low[there], high[there] = np.fmin(ends[0], ratio[there]), np.fmax(ends[1], ratio[there])
    return low, high


def _lines(
    table: Table, counted: Ints, rate: Floats, ratio: Floats, low: Floats, high: Floats
) -> list[dict[str, Any]]:
    rows = np.bincount(table.codes[table.codes >= 0], minlength=len(table.names))
    return [
        {
            "category": name,
            "n": int(rows[k]),
            "chosen": int(counted[k]),
            "rate": _number(rate[k]),
            "ratio": _number(ratio[k]),
            "low": _number(low[k]),
            "high": _number(high[k]),
        }
        for k, name in enumerate(table.names)
    ]


def _why(share: float) -> str:
    if share == 0:
        return EMPTY
    return f"{share:.2%} of the data, under {LEAST_SHARE:.0%}: not compared"


def _median(sample: Sample) -> float:
    order = np.argsort(sample.columns["score"], kind="stable")
    return median(sample.columns["score"][order], sample.w[order])


def _divided(above: Floats, all_: Floats) -> Floats:
    return np.divide(above, all_, out=np.full(all_.size, np.nan), where=all_ > 0)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


IMPACTS = (
    Impact("selection_impact_ratio", "Smallest impact ratio of selection rates", "selected"),
    Impact("scoring_impact_ratio", "Smallest impact ratio of scoring rates", "score"),
)

MEASURES = tuple(impact.measure() for impact in IMPACTS)
