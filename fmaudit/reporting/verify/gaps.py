"""Gaps of rates between groups, by the rule that holds for all pairs at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.bounds import (
    Shares,
    difference,
    difference_test,
    ratio_limits,
)
from fmaudit.reporting.verify.classifier import Rate
from fmaudit.reporting.verify.estimates import Ask, enough, flagged, share
from fmaudit.reporting.verify.resampled import Drawn, p_value, permuted_shares
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.reporting.verify.spread import covariance
from fmaudit.types import Estimate

Kind = Literal["difference", "ratio"]


@dataclass(frozen=True)
class Cells:
    """One rate in the groups that allow it; `rows` and `events` are the denominator's."""

    names: tuple[str, ...]
    shares: tuple[Shares, ...]
    kept: tuple[Rows, ...]
    excluded: Mapping[str, str]
    rows: Rows
    events: Array

    @cached_property
    def code(self) -> Array:
        """Each row's place among `names`, −1 where its group is excluded."""
        place = {name: k for k, name in enumerate(self.names)}
        return np.array([place.get(group, -1) for group in self.rows.columns["group"]])

    @cached_property
    def correlation(self) -> Array:
        """Correlation of the shares: of cells that hold rows of the same units."""
        k = len(self.names)
        inside = self.code >= 0
        rows, code = self.rows.where(inside), self.code[inside]
        units = sum(cell.units for cell in self.kept)
        if units == rows.units:
            return np.eye(k)
        w = self.rows.w[inside]
        influence = np.zeros((rows.n, k))
        for j, found in enumerate(self.shares):
            mine = code == j
            influence[mine, j] = w[mine] * (self.events[inside][mine] - found.p) / w[mine].sum()
        spread, _ = covariance(influence, rows)
        scale = np.sqrt(np.outer(np.diag(spread), np.diag(spread)))
        return np.divide(spread, scale, out=np.zeros((k, k)), where=scale > 0)


@dataclass(frozen=True)
class Pairs:
    """All ordered pairs of cells of all rates."""

    one: Shares
    two: Shares
    r: Array
    names: tuple[tuple[str, str, str], ...]
    units: tuple[tuple[int, int], ...]

    @property
    def count(self) -> int:
        """Unordered pairs."""
        return len(self.names) // 2


def gap(rates: Mapping[str, Rate], kind: Kind) -> Callable[[Rows, Ask], Estimate]:
    """The largest difference, or the smallest ratio, of any of the rates between groups."""

    def found(rows: Rows, ask: Ask) -> Estimate:
        return over({name: cells(rate, rows, ask) for name, rate in rates.items()}, rows, ask, kind)

    return found


def over(parts: Mapping[str, Cells], rows: Rows, ask: Ask, kind: Kind) -> Estimate:
    """The largest gap of any part, all their pairs counted together."""
    for name, part in parts.items():
        if len(part.names) < 2:
            raise NotEstimable(f"fewer than two groups with an estimable {name}")
    pairs = _pairs(parts)
    figures = _differences(pairs, ask) if kind == "difference" else _ratios(pairs, ask)
    return _estimate(parts, pairs, figures, rows, _driver(pairs, figures, ask), kind)


def cells(rate: Rate, rows: Rows, ask: Ask) -> Cells:
    """A rate in the groups that allow it, and why the others do not."""
    inside = rate.denominator(rows, ask)
    events = rate.event(inside, ask)
    names, shares, kept, excluded = [], [], [], {}
    for name in sorted(set(inside.columns["group"])):
        mask = inside.columns["group"] == name
        cell = inside.where(mask)
        try:
            enough(cell, ask)
            shares.append(share(events[mask], cell))
        except NotEstimable as why:
            excluded[name] = str(why)
            continue
        names.append(name)
        kept.append(cell)
    return Cells(tuple(names), tuple(shares), tuple(kept), excluded, inside, events)


def _pairs(parts: Mapping[str, Cells]) -> Pairs:
    found = [
        (rate, part, a, b)
        for rate, part in parts.items()
        for a in range(len(part.names))
        for b in range(len(part.names))
        if a != b
    ]

    def side(at: int) -> Shares:
        shares = [(part.shares[(a, b)[at]]) for _, part, a, b in found]
        columns = ([s.p for s in shares], [s.n for s in shares], [s.df for s in shares])
        return Shares(*(np.array(column, dtype=float) for column in columns))

    return Pairs(
        one=side(0),
        two=side(1),
        r=np.array([part.correlation[a, b] for _, part, a, b in found]),
        names=tuple((rate, part.names[a], part.names[b]) for rate, part, a, b in found),
        units=tuple((part.kept[a].units, part.kept[b].units) for _, part, a, b in found),
    )


@dataclass(frozen=True)
class Figures:
    """A gap's figures. `ends`: for each pair that drives it (ties), the limit that is its own."""

    value: float
    drivers: Sequence[int]
    ends: Array
    other_end: float
    low_adj: float
    high_adj: float
    p: Mapping[str, float | None]


def _differences(pairs: Pairs, ask: Ask) -> Figures:
    gaps = pairs.one.p - pairs.two.p
    value = float(gaps.max())
    low, high = difference(pairs.one, pairs.two, r=pairs.r)
    strict, _ = difference(pairs.one, pairs.two, ask.adjusted / pairs.count, r=pairs.r)
    _, wide = difference(pairs.one, pairs.two, ask.adjusted, r=pairs.r)
    above, below = math.nan, math.nan
    if ask.rule is not None:
        p_above, p_below = difference_test(pairs.one, pairs.two, ask.threshold, r=pairs.r)
        above, below = min(1.0, pairs.count * float(p_above.min())), float(p_below.max())
    return Figures(
        value=value,
        drivers=np.flatnonzero(gaps >= value - 1e-12).tolist(),
        ends=np.maximum(low, 0.0),
        other_end=min(1.0, float(high.max())),
        low_adj=max(0.0, float(strict.max())),
        high_adj=min(1.0, float(wide.max())),
        p=ask.oriented(above, below),
    )


def _ratios(pairs: Pairs, ask: Ask) -> Figures:
    there = pairs.two.p > 0
    if not there.any():
        raise NotEstimable("the rate is 0 in every group")
    ratios = np.full(len(there), np.inf)
    ratios[there] = pairs.one.p[there] / pairs.two.p[there]
    for rate in {name for name, _, _ in pairs.names}:
        mine = np.array([name == rate for name, _, _ in pairs.names])
        if not np.isfinite(ratios[mine]).any():
            raise NotEstimable(f"the rate {rate} is 0 in every group")
    value = float(ratios.min())
    low, high = ratio_limits(pairs.one, pairs.two, r=pairs.r)
    wide, _ = ratio_limits(pairs.one, pairs.two, ask.adjusted, r=pairs.r)
    _, strict = ratio_limits(pairs.one, pairs.two, ask.adjusted / pairs.count, r=pairs.r)
    above, below = math.nan, math.nan
    if ask.rule is not None:
        tests = difference_test(pairs.one, pairs.two, 0.0, ask.threshold, pairs.r)
        above = float(tests[0].max())
        below = min(1.0, pairs.count * float(tests[1].min()))
    return Figures(
        value=value,
        drivers=np.flatnonzero(ratios <= value + 1e-12).tolist(),
        ends=np.minimum(high, 1.0),
        other_end=float(low.min()),
        low_adj=float(wide.min()),
        high_adj=min(1.0, float(strict.min())),
        p=ask.oriented(above, below),
    )


def _driver(pairs: Pairs, figures: Figures, ask: Ask) -> int:
    """The pair that drives the gap: of equal ones the one that is named, or the first."""
    named, rate = ask.driver
    for k in figures.drivers:
        if named == {*pairs.names[k][1:]} and rate in (None, pairs.names[k][0]):
            return k
    return figures.drivers[0]


def _estimate(
    parts: Mapping[str, Cells],
    pairs: Pairs,
    figures: Figures,
    rows: Rows,
    driver: int,
    kind: Kind,
) -> Estimate:
    own = float(figures.ends[driver])
    low, high = (own, figures.other_end) if kind == "difference" else (figures.other_end, own)
    names = "newcombe_simultaneous", "mover_ratio_simultaneous"
    return Estimate(
        value=figures.value,
        low=low,
        high=high,
        low_adj=figures.low_adj,
        high_adj=figures.high_adj,
        n=sum(cell.n for part in parts.values() for cell in part.kept),
        clusters=sum(cell.units for part in parts.values() for cell in part.kept),
        method=names[kind == "ratio"],
        details=_details(parts, pairs, driver, rows, figures.value, kind),
        **figures.p,
    )


def _details(
    parts: Mapping[str, Cells], pairs: Pairs, driver: int, rows: Rows, value: float, kind: Kind
) -> dict[str, Any]:
    rate, first, second = pairs.names[driver]
    lower_first = pairs.one.p[driver] <= pairs.two.p[driver]
    found: dict[str, Any] = {
        **{k: v for part in parts.values() for cell in part.kept for k, v in flagged(cell).items()},
        "pair": [first, second] if lower_first else [second, first],
        "pairs": pairs.count,
        "limiting_clusters": min(pairs.units[driver]),
        "excluded": {k: v for part in parts.values() for k, v in _excluded(part, rows).items()},
        "permutation_p": Drawn(
            _null(parts, value, kind),
            rows=max(part.rows.n for part in parts.values()),
            draws=_draws(parts),
        ),
    }
    tables = {name: table(part, rows) for name, part in parts.items()}
    if len(parts) == 1:
        return {**found, "by_group": tables[rate]}
    return {**found, "rate": rate, "by_rate": tables}


def _excluded(part: Cells, rows: Rows) -> dict[str, str]:
    """The groups that are not compared, those without a row in the denominator among them."""
    absent = {*rows.columns["group"]} - {*part.rows.columns["group"]}
    return {**part.excluded, **dict.fromkeys(absent, "no row in the denominator")}


def table(part: Cells, rows: Rows) -> dict[str, dict[str, Any]]:
    """Each group's rate, its rows, and those of the denominator."""
    group = rows.columns["group"]
    return {
        name: {"value": shares.p, "n": int((group == name).sum()), "denominator": cell.n}
        for name, shares, cell in zip(part.names, part.shares, part.kept, strict=True)
    }


def _draws(parts: Mapping[str, Cells]) -> int:
    """Fewer where each draw deals all rows anew."""
    dealt = any(part.rows.clustered or part.rows.weighted for part in parts.values())
    return 499 if dealt else 1999


def _null(
    parts: Mapping[str, Cells], value: float, kind: Kind
) -> Callable[[np.random.Generator, int], float]:
    def drawn(rng: np.random.Generator, draws: int) -> float:
        found = []
        for part in parts.values():
            inside = part.code >= 0
            shares = permuted_shares(
                part.events[inside], part.code[inside], len(part.names),
                part.rows.where(inside), rng, draws,
            )  # fmt: skip
            low, high = shares.min(axis=1), shares.max(axis=1)
            even = np.divide(low, high, out=np.ones(draws), where=high > 0)
            found.append(high - low if kind == "difference" else 1 - even)
        return p_value(value if kind == "difference" else 1 - value, np.max(found, axis=0))

    return drawn
