"""Gaps that are sums of several rates' differences, and of groups from all cases, written anew."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, permutations
from typing import Any

import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.bounds import Shares, wilson
from fmaudit.reporting.verify.classifier import Rate
from fmaudit.reporting.verify.contrasts import Largest, correlation, enough_rows
from fmaudit.reporting.verify.estimates import Ask, enough, flagged, share
from fmaudit.reporting.verify.resampled import Drawn, p_value, permuted_shares
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.types import Estimate

OTHERS, OVERALL = "", "overall"
MOST = 100_000


@dataclass(frozen=True)
class Part:
    """A rate in a group. `at`: places of its rows in the slice; `z`: their influence values."""

    rate: str
    group: str
    found: Shares
    at: Array
    events: Array
    z: Array
    mass: float
    units: int


@dataclass(frozen=True)
class Sum:
    """Weights by (rate, group), and what it is called: as `details` of the estimate say it."""

    weights: Mapping[tuple[str, str], float]
    up: str
    down: str
    rate: str = ""
    beside: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Gaps:
    """What was found of one rate in all groups."""

    parts: list[Part]
    excluded: dict[str, str]
    few: dict[str, Any]

    @property
    def names(self) -> list[str]:
        """Groups with the rate."""
        return [part.group for part in self.parts if part.group != OTHERS]


Sums = Callable[[Mapping[str, Gaps]], Sequence[Sum]]


def gap(rates: Mapping[str, Rate], sums: Sums, *, others: bool = False) -> Any:
    """The largest of the sums; `others`: groups that are too small count in the overall rate."""

    def found(rows: Rows, ask: Ask) -> Estimate:
        enough_rows(rows)
        gaps = {name: _gaps(name, rate, rows, ask, others) for name, rate in rates.items()}
        if any(len(one.names) < 2 for one in gaps.values()):
            raise NotEstimable("fewer than two groups")
        wanted = sums(gaps)
        if not wanted:
            raise NotEstimable("fewer than two groups with all the rates")
        if len(wanted) > MOST:
            raise NotEstimable(f"more than {MOST} comparisons")
        parts = [part for one in gaps.values() for part in one.parts]
        place = {(part.rate, part.group): k for k, part in enumerate(parts)}
        sums_ = [{place[cell]: w for cell, w in one.weights.items()} for one in wanted]
        shares = Shares(
            *(np.array([getattr(p.found, k) for p in parts], float) for k in ["p", "n", "df"])
        )
        r = correlation([(part.at, part.z) for part in parts], rows)
        largest = Largest(np.asarray(shares.p), lambda alpha: wilson(shares, alpha), sums_, r, ask)
        k, turned = largest.driver
        chosen = wanted[k]
        touched = [p for p in parts if chosen.weights.get((p.rate, p.group))]
        own = [p for p in touched if p.group in (chosen.up, chosen.down)] or touched
        named = [part for part in parts if part.group != OTHERS]
        return Estimate(
            **largest.figures(top=1.0),
            n=sum(len(part.at) for part in named),
            clusters=sum(part.units for part in named),
            method="mover_simultaneous",
            details={
                **{key: v for one in gaps.values() for key, v in one.few.items()},
                **_called(chosen, turned),
                "pairs": len(wanted),
                "limiting_clusters": min(part.units for part in own),
                **_tables(gaps, rows),
                "permutation_p": _permuted(gaps, largest, rows),
            },
        )

    return found


def average_odds(gaps: Mapping[str, Gaps]) -> list[Sum]:
    """Half of both rates' differences, added."""
    return [_odds(gaps, a, b, 1) for a, b in _both(gaps)]


def absolute_odds(gaps: Mapping[str, Gaps]) -> list[Sum]:
    """Half of both rates' differences, added and subtracted."""
    return [_odds(gaps, a, b, sign) for a, b in _both(gaps) for sign in (1, -1)]


def mean_odds(gaps: Mapping[str, Gaps]) -> list[Sum]:
    """Half of any difference of the first rate and of any of the second."""
    one, two = gaps
    return [
        Sum({(one, a): 0.5, (one, b): -0.5, (two, c): 0.5, (two, d): -0.5}, a, b, one,
            {two: (c, d)})
        for a, b in combinations(gaps[one].names, 2)
        for c, d in permutations(gaps[two].names, 2)
    ]  # fmt: skip


def to_overall(gaps: Mapping[str, Gaps]) -> list[Sum]:
    """Each group's rate less that of all rows."""
    found = []
    for rate, one in gaps.items():
        every = sum(part.mass for part in one.parts)
        for name in one.names:
            weights = {
                (rate, p.group): (1.0 if p.group == name else 0.0) - p.mass / every
                for p in one.parts
            }
            found.append(Sum(weights, name, OVERALL, rate if len(gaps) > 1 else ""))
    return found


def _odds(gaps: Mapping[str, Gaps], a: str, b: str, sign: int) -> Sum:
    one, two = gaps
    half = sign / 2
    return Sum({(one, a): 0.5, (one, b): -0.5, (two, a): half, (two, b): -half}, a, b)


def _both(gaps: Mapping[str, Gaps]) -> Iterator[tuple[str, str]]:
    one, two = gaps.values()
    return combinations([name for name in one.names if name in two.names], 2)


def _gaps(name: str, rate: Rate, rows: Rows, ask: Ask, others: bool) -> Gaps:
    inside = np.ones(rows.n, dtype=bool) if rate.among is None else rate.among(rows, ask)
    place, own = np.flatnonzero(inside), rows.where(inside)
    events = rate.event(own, ask).astype(float)
    gaps, left = Gaps([], {}, {}), np.zeros(own.n, dtype=bool)
    for group in sorted(set(rows.columns["group"])):
        mine = own.columns["group"] == group
        cell = own.where(mine)
        try:
            enough(cell, ask)
            found = share(events[mine], cell)
        except NotEstimable as why:  # or it has no row in the denominator
            gaps.excluded[group] = str(why)
            left |= mine
            continue
        gaps.few.update(flagged(cell))
        gaps.parts.append(_part(name, group, found, mine, place, events, own))
    if others and left.any():
        cell = own.where(left)
        try:
            found = share(events[left], cell)
        except NotEstimable:
            p = float(np.average(events[left], weights=cell.w))
            found = Shares(p, float(cell.units), math.inf)
        gaps.parts.append(_part(name, OTHERS, found, left, place, events, own))
    return gaps


def _part(
    rate: str, group: str, found: Shares, mine: Array, place: Array, events: Array, own: Rows
) -> Part:
    w = own.w[mine]
    z = w * (events[mine] - found.p) / w.sum()
    units = own.where(mine).units
    return Part(rate, group, found, place[mine], events[mine], z, float(w.sum()), units)


def _called(chosen: Sum, turned: bool) -> dict[str, Any]:
    def ordered(up: str, down: str) -> list[str]:
        return [up, down] if turned else [down, up]

    said: dict[str, Any] = {"pair": ordered(chosen.up, chosen.down)}
    said |= {"rate": chosen.rate} if chosen.rate else {}
    return said | {f"pair_of_{rate}": ordered(*two) for rate, two in chosen.beside.items()}


def _tables(gaps: Mapping[str, Gaps], rows: Rows) -> dict[str, Any]:
    group = rows.columns["group"]
    tables = {
        rate: {
            part.group: {
                "value": part.found.p,
                "n": int((group == part.group).sum()),
                "denominator": len(part.at),
            }
            for part in one.parts
            if part.group != OTHERS
        }
        for rate, one in gaps.items()
    }
    excluded = {key: why for one in gaps.values() for key, why in one.excluded.items()}
    if len(tables) == 1:
        return {"by_group": next(iter(tables.values())), "excluded": excluded}
    return {"by_rate": tables, "excluded": excluded}


def _permuted(gaps: Mapping[str, Gaps], largest: Largest, rows: Rows) -> Drawn:
    dealt = [_dealt(one, rows) for one in gaps.values()]
    designed = any(own.clustered or own.weighted for _, _, own in dealt)
    observed = float(largest.either.max())

    def drawn(rng: np.random.Generator, draws: int) -> float:
        shares = [
            permuted_shares(events, code, int(code.max()) + 1, own, rng, draws)
            for events, code, own in dealt
        ]
        return p_value(observed, largest.of_draws(np.concatenate(shares, axis=1)))

    return Drawn(drawn, max(own.n for _, _, own in dealt), 499 if designed else 1999)


def _dealt(one: Gaps, rows: Rows) -> tuple[Array, Array, Rows]:
    """Events, cells and rows of a rate, in the order of the rows."""
    code, events = np.full(rows.n, -1), np.zeros(rows.n)
    for k, part in enumerate(one.parts):
        code[part.at], events[part.at] = k, part.events
    inside = code >= 0
    return events[inside], code[inside], rows.where(inside)
