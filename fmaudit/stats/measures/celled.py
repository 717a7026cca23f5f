"""Rates in the cells of the column `group`, and gaps that are contrasts of them (`contrasts`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.stats import permutation
from fmaudit.stats.contrasts import (
    Contrasts,
    OfShares,
    correlation_of,
    largest,
    largest_drawn,
)
from fmaudit.stats.estimates import finished, share_of
from fmaudit.stats.groups import cells
from fmaudit.stats.intervals import Share
from fmaudit.stats.measures.base import Measure
from fmaudit.stats.measures.rates import Rate
from fmaudit.stats.sample import Bools, Floats, Ints, Question, Sample
from fmaudit.types import Estimate

MOST = 100_000
"""Contrasts that are compared at once."""

REST = ""
"""The cell of all rows whose group is too small for one of its own; no group's name is empty."""


@dataclass(frozen=True)
class Cell:
    """A rate in one group. `rows` (n,): which of the sample's; `events` (n,): theirs.

    `mass`: their weight; `influence` (n,): their influence values on the rate.
    """

    rate: str
    group: str
    share: Share
    rows: Ints
    events: Bools
    influence: Floats
    mass: float
    units: int


@dataclass(frozen=True)
class Celled:
    """The groups in which a rate can be had, and why it cannot in the others."""

    cells: tuple[Cell, ...]
    excluded: Mapping[str, str]
    few: Mapping[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """The groups, sorted; of the rest no name."""
        return tuple(cell.group for cell in self.cells if cell.group != REST)


@dataclass(frozen=True)
class Contrast:
    """Weights by rate and group; `pair`: which two it compares, the one that counts up first.

    `rate`: of which rate, where there are several; `beside`: the pair of another rate with it.
    """

    weights: Mapping[tuple[str, str], float]
    pair: tuple[str, str]
    rate: str = ""
    beside: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def told(self, turned: bool) -> dict[str, Any]:
        """What a reader must know of it: the pair that drives it, the lower one first."""
        way = 1 if turned else -1
        said: dict[str, Any] = {"pair": list(self.pair[::way])}
        if self.rate:
            said["rate"] = self.rate
        return said | {f"pair_of_{name}": list(two[::way]) for name, two in self.beside.items()}


Build = Callable[[Mapping[str, Celled]], Sequence[Contrast]]


def celled(rate: Rate, sample: Sample, question: Question, *, rest: bool = False) -> Celled:
    """A rate's cells; with `rest`, what no cell holds makes a last one."""
    inside = np.ones(sample.n, dtype=bool)
    if rate.among is not None:
        inside = np.asarray(rate.among(sample, question), dtype=bool)
    rows, place = sample.take(inside), np.flatnonzero(inside)
    events = np.asarray(rate.event(rows, question), dtype=bool)
    found = cells(events, rows.columns["group"], rows, question, rate.what)
    made = [
        _cell(rate.name, name, found.codes == k, place, events, rows)
        for k, name in enumerate(found.names)
    ]
    if rest and (found.codes < 0).any():
        made.append(_cell(rate.name, REST, found.codes < 0, place, events, rows))
    absent = sorted(set(sample.columns["group"].tolist()) - set(rows.columns["group"].tolist()))
    excluded = {**found.excluded, **{name: f"no {rate.what}" for name in absent}}
    return Celled(tuple(made), excluded, found.details)


def _cell(rate: str, group: str, mine: Bools, place: Ints, events: Bools, rows: Sample) -> Cell:
    own, happened = rows.take(mine), events[mine]
    try:
        share = share_of(happened, own)
    except NotEstimable:  # the rest alone: no figure is shown of it
        p = float(np.average(happened, weights=own.w))
        share = Share(p, float(own.unit_count))
    w = rows.w[mine]
    influence = w * (happened - share.p) / w.sum()
    return Cell(
        rate, group, share, place[mine], happened, influence, float(w.sum()), own.unit_count
    )


@dataclass(frozen=True)
class Contrasted:
    """A measure: the largest of some contrasts of rates between groups, with either sign.

    `rest`: the rows of groups that are too small count in what groups are compared with.
    """

    name: str
    title: str
    over: tuple[Rate, ...]
    build: Build
    rest: bool = False

    def value(self, sample: Sample, question: Question) -> float:
        """The figure alone."""
        host = sample.host()
        parts, contrasts = self._parts(host, question)
        return float(np.abs(_sums(parts, contrasts).of(_shares(parts))).max())

    def estimate(self, sample: Sample, question: Question) -> Estimate:
        """The figure with its simultaneous interval, the pair that drives it and every cell."""
        host = sample.host()
        parts, contrasts = self._parts(host, question)
        every = [cell for part in parts.values() for cell in part.cells]
        sums = _sums(parts, contrasts)
        share = Share(*np.array([tuple(cell.share) for cell in every], dtype=float).T)
        correlation = correlation_of([(cell.rows, cell.influence) for cell in every], host)
        found = largest(OfShares(share), sums, correlation, question)
        driver = contrasts[found.contrast]
        used = [cell for cell in every if driver.weights.get((cell.rate, cell.group))]
        shown = [cell for cell in used if cell.group in driver.pair] or used
        details: dict[str, Any] = {
            **{k: v for part in parts.values() for k, v in part.few.items()},
            **driver.told(found.turned),
            "pairs": len(contrasts),
            "limiting_clusters": min(cell.units for cell in shown),
            **_tables(parts, host),
        }
        if question.rng is not None:
            drawn = largest_drawn(np.concatenate(_null(parts, host, question.rng), axis=1), sums)
            observed = float(np.abs(sums.of(_shares(parts))).max())
            details["permutation_p"] = permutation.p_value(observed, drawn)
        named = [cell for cell in every if cell.group != REST]
        return finished(
            msgspec.convert(
                {
                    **found.figures,
                    "n": sum(len(cell.rows) for cell in named),
                    "clusters": sum(cell.units for cell in named),
                    "method": "mover_simultaneous",
                    "details": details,
                },
                Estimate,
            )
        )

    def measure(self) -> Measure:
        """The gap as a measure."""
        columns = dict.fromkeys(c for rate in self.over for c in rate.columns)
        return Measure(
            name=self.name, title=self.title, columns=(*columns, "group"), better="lower",
            estimate=self.estimate, value=self.value,
            needs_positive=any(rate.needs_positive for rate in self.over),
        )  # fmt: skip

    def _parts(
        self, sample: Sample, question: Question
    ) -> tuple[dict[str, Celled], Sequence[Contrast]]:
        if sample.n == 0:
            raise NotEstimable("no rows")
        parts = {rate.name: celled(rate, sample, question, rest=self.rest) for rate in self.over}
        for name, part in parts.items():
            if len(part.names) < 2:
                raise NotEstimable(_fewer_than_two(name, part.excluded))
        contrasts = self.build(parts)
        if not contrasts:
            raise NotEstimable("fewer than two groups that have all the rates")
        if len(contrasts) > MOST:
            raise NotEstimable(f"{len(contrasts)} comparisons of groups, more than {MOST}")
        return parts, contrasts


def _sums(parts: Mapping[str, Celled], contrasts: Sequence[Contrast]) -> Contrasts:
    """The contrasts over all cells; a shorter one is filled up with cells of weight 0."""
    place = {
        (cell.rate, cell.group): k
        for k, cell in enumerate(cell for part in parts.values() for cell in part.cells)
    }
    width = max(len(contrast.weights) for contrast in contrasts)
    shape = (len(contrasts), width)
    cells, weights = np.zeros(shape, dtype=np.int64), np.zeros(shape)
    for k, contrast in enumerate(contrasts):
        own = len(contrast.weights)
        cells[k, :own] = [place[cell] for cell in contrast.weights]
        weights[k, :own] = list(contrast.weights.values())
    return Contrasts(cells, weights)


def _shares(parts: Mapping[str, Celled]) -> Floats:
    return np.array([cell.share.p for part in parts.values() for cell in part.cells])


def _tables(parts: Mapping[str, Celled], sample: Sample) -> dict[str, Any]:
    """`by_group` (or `by_rate`) and `excluded`, as the report shows them."""
    rows = Counter(sample.columns["group"].tolist())
    tables = {
        rate: {
            cell.group: {
                "value": float(cell.share.p), "n": rows[cell.group], "denominator": len(cell.rows),
            }
            for cell in part.cells
            if cell.group != REST
        }
        for rate, part in parts.items()
    }  # fmt: skip
    excluded = {name: why for part in parts.values() for name, why in part.excluded.items()}
    if len(tables) == 1:
        return {"by_group": next(iter(tables.values())), "excluded": excluded}
    return {"by_rate": tables, "excluded": excluded}


def _null(parts: Mapping[str, Celled], sample: Sample, rng: np.random.Generator) -> list[Floats]:
    """Shares of each rate's cells when groups are dealt anew to its rows: (draws, cells) each."""
    drawn = []
    for part in parts.values():
        rows = np.concatenate([cell.rows for cell in part.cells])
        codes = np.repeat(np.arange(len(part.cells)), [len(cell.rows) for cell in part.cells])
        events = np.concatenate([cell.events for cell in part.cells])
        order = np.argsort(rows)
        inside = np.zeros(sample.n, dtype=bool)
        inside[rows] = True
        drawn.append(
            permutation.null_shares(
                events[order], codes[order], len(part.cells), sample.take(inside), rng
            )
        )
    draws = min(len(found) for found in drawn)  # a large part is dealt fewer times
    return [found[:draws] for found in drawn]


def _fewer_than_two(rate: str, excluded: Mapping[str, str]) -> str:
    left = "; ".join(f"{name}: {reason}" for name, reason in list(excluded.items())[:5])
    reasons = f" ({left})" if left else ""
    return f"fewer than two groups with an estimable {rate.replace('_', ' ')}{reasons}"
