"""How unevenly decisions benefit people, and how much they give away of a group, written anew.

Benefits are 0 (due and refused), 1 (right) or 2 (granted undue), so that their shares q₀, q₁, q₂
say all: μ = q₁ + 2q₂, GE(2) = ½·((q₁ + 4q₂)/μ² − 1), GE(1) = 2q₂·ln 2/μ − ln μ.
"""

from __future__ import annotations

import math
from itertools import permutations
from typing import Any

import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.bounds import Shares, difference_test, ratio_limits
from fmaudit.reporting.verify.classifier import SELECTION
from fmaudit.reporting.verify.contrasts import correlation, enough_rows
from fmaudit.reporting.verify.estimates import Ask, Smooth, enough, flagged, share, smooth
from fmaudit.reporting.verify.resampled import Drawn, p_value
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.types import Estimate


def entropy(rows: Rows, ask: Ask) -> Estimate:
    """GE(2) of benefits."""
    b, q, mu = _benefits(rows, ask)
    square = q[1] + 4 * q[2]
    value = max(0.0, (square / mu**2 - 1) / 2)
    z = (b * b - square) / (2 * mu**2) - (b - mu) * square / mu**3
    return smooth(Smooth(value, rows.w * z / rows.w.sum(), 0.0, math.inf), rows, ask)


def theil(rows: Rows, ask: Ask) -> Estimate:
    """GE(1) of benefits."""
    b, q, mu = _benefits(rows, ask)
    mean = 2 * q[2] * math.log(2)
    value = max(0.0, mean / mu - math.log(mu))
    own = np.where(b == 2, 2 * math.log(2), 0.0)
    z = (own - mean) / mu - (b - mu) * (mean / mu**2 + 1 / mu)
    return smooth(Smooth(value, rows.w * z / rows.w.sum(), 0.0, math.inf), rows, ask)


def between(rows: Rows, ask: Ask) -> Estimate:
    """GE(2) of the groups' mean benefits."""
    enough_rows(rows)
    group = rows.columns["group"]
    kept, excluded = [], {}
    for name in sorted(set(group)):
        try:
            enough(rows.where(group == name), ask)
            kept.append(name)
        except NotEstimable as why:
            excluded[name] = str(why)
    if len(kept) < 2:
        raise NotEstimable("fewer than two groups")
    code = np.array([kept.index(g) if g in kept else -1 for g in group])
    own, code = rows.where(code >= 0), code[code >= 0]
    b, q, mu = _benefits(own, ask)
    mass, means = _means(b, code, own)
    value = _between(mass, means)
    total = max(0.0, ((q[1] + 4 * q[2]) / mu**2 - 1) / 2)
    order = sorted(range(len(kept)), key=lambda j: (means[j], j))

    def drawn(rng: np.random.Generator, draws: int) -> float:
        found = [
            _between(mass, _means(b, dealt, own)[1]) for dealt in _dealt(code, own, rng, draws)
        ]
        return p_value(value, np.array(found))

    return Estimate(
        value, None, None, own.n, own.units, "none",
        details={
            "pair": [kept[order[0]], kept[order[-1]]],
            "total": total,
            "within": total - value,
            "by_group": {
                name: {
                    "value": float(means[j]),
                    "n": int((group == name).sum()),
                    "denominator": int((code == j).sum()),
                }
                for j, name in enumerate(kept)
            },
            "excluded": excluded,
            "no_interval": "",
            "permutation_p": Drawn(drawn, own.n, 499),
        },
    )  # fmt: skip


def differential(rows: Rows, ask: Ask) -> Estimate:
    """The largest log ratio of smoothed shares, selected or not, of any two groups."""
    enough_rows(rows)
    chosen, group = SELECTION.event(rows, ask).astype(float), rows.columns["group"]
    shares, cells = {}, {}
    excluded: dict[str, str] = {}
    few: dict[str, Any] = {}
    for name in sorted(set(group)):
        cell = rows.where(group == name)
        try:
            enough(cell, ask)
            shares[name], cells[name] = share(chosen[group == name], cell), cell
            few |= flagged(cell)
        except NotEstimable as why:
            excluded[name] = str(why)
    if len(shares) < 2:
        raise NotEstimable("fewer than two groups")
    names = list(shares)
    r = correlation([_influence(rows, group == g, chosen, shares[g].p) for g in names], rows)
    ways = [(how, a, b) for how in ("selected", "not selected") for a, b in permutations(names, 2)]

    def side(at: int) -> Shares:
        found = []
        for way in ways:
            cell, own = cells[way[at]], shares[way[at]]
            p = (own.p * cell.n + 0.5) / (cell.n + 1)
            found.append((p if way[0] == "selected" else 1 - p, own.n, own.df))
        return Shares(*(np.array(column, float) for column in zip(*found, strict=True)))

    one, two = side(1), side(2)
    rho = np.array([r[names.index(a), names.index(b)] for _, a, b in ways])
    logs = np.log(one.p / two.p)
    value, q = float(logs.max()), len(ways) // 2
    equal = [k for k in range(len(ways)) if logs[k] >= value - 1e-12]
    driver = next((k for k in equal if {*ways[k][1:]} == ask.driver[0]), equal[0])
    low, high = ratio_limits(one, two, r=rho)
    narrow, _ = ratio_limits(one, two, ask.adjusted / q, r=rho)
    _, wide = ratio_limits(one, two, ask.adjusted, r=rho)
    above = below = math.nan
    if ask.rule is not None:
        tests = difference_test(one, two, 0.0, math.exp(ask.threshold), rho)
        above, below = min(1.0, q * float(tests[0].min())), float(tests[1].max())
    how, a, b = ways[driver]
    with np.errstate(divide="ignore"):
        ends = [np.log(x) for x in (low, high, narrow, wide)]
    return Estimate(
        value=value, low=max(0.0, float(ends[0][driver])), high=float(ends[1].max()),
        low_adj=max(0.0, float(ends[2].max())), high_adj=float(ends[3].max()),
        n=sum(c.n for c in cells.values()), clusters=sum(c.units for c in cells.values()),
        method="mover_ratio_simultaneous",
        details={
            **few,
            "pair": [b, a],
            "outcome": how,
            "pairs": q // 2,
            "limiting_clusters": min(cells[a].units, cells[b].units),
            "by_group": {
                g: {"value": shares[g].p, "n": cells[g].n, "denominator": cells[g].n}
                for g in names
            },
            "excluded": excluded,
        },
        **ask.oriented(above, below),
    )  # fmt: skip


def _influence(rows: Rows, mine: Array, events: Array, p: float) -> tuple[Array, Array]:
    w = rows.w[mine]
    return np.flatnonzero(mine), w * (events[mine] - p) / w.sum()


def _benefits(rows: Rows, ask: Ask) -> tuple[Array, Array, float]:
    """Each row's benefit, the shares of 0, 1 and 2, and the mean."""
    enough(rows, ask)
    y, d = rows.columns["label"] == ask.positive, rows.columns["predicted"] == ask.positive
    b = np.where(y == d, 1.0, np.where(d, 2.0, 0.0))
    q = np.array([rows.w[b == k].sum() for k in (0, 1, 2)]) / rows.w.sum()
    mu = float(q[1] + 2 * q[2])
    if mu == 0:
        raise NotEstimable("no benefit")
    return b, q, mu


def _means(b: Array, code: Array, rows: Rows) -> tuple[Array, Array]:
    mass = np.bincount(code, weights=rows.w)
    return mass, np.bincount(code, weights=rows.w * b) / mass


def _between(mass: Array, means: Array) -> float:
    part = mass / mass.sum()
    mu = float(part @ means)
    return max(0.0, float(part @ np.square(means)) / mu**2 / 2 - 0.5)


def _dealt(code: Array, rows: Rows, rng: np.random.Generator, draws: int) -> list[Array]:
    """The groups dealt anew to whole units; within a unit that has rows in several."""
    _, unit = np.unique(rows.unit, return_inverse=True)
    unit = unit.reshape(-1)
    _, first = np.unique(unit, return_index=True)
    if np.array_equal(code[first][unit], code):
        return [rng.permutation(code[first])[unit] for _ in range(draws)]
    found = []
    for _ in range(draws):
        there, here = np.lexsort((rng.random(len(code)), unit)), np.argsort(unit, kind="stable")
        dealt = np.empty_like(code)
        dealt[here] = code[there]
        found.append(dealt)
    return found
