"""Associations of two lists of words (WEAT): their difference, its effect size, and splits of them.

With n rows of associations s, mean m and variance S² = (Σ s² − n·m²)/(n − 1), d = (m_X − m_Y)/S. A
row of X moves m_X − m_Y by u = (s − m_X)/n_X, one of Y by u = −(s − m_Y)/n_Y, and d by
u/S − d·(q − q̄)/(2·S²·(n − 1)), where q = s² − 2·m·s and q̄ is its mean in the row's own list.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.estimates import Ask, Smooth, smooth
from fmaudit.reporting.verify.resampled import Drawn, p_value
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.types import Estimate

ALL = 200_000
STORED = 9_999
AGAIN = 4_999
EQUAL = 1e-12


def difference(rows: Rows, ask: Ask) -> Estimate:
    """The mean association of X less that of Y."""
    of_x = _lists(rows, ask)
    value, moved = _difference(rows.columns["association"], of_x)
    figure = Smooth(value, moved, -math.inf, math.inf, details=_told(rows, of_x))
    return smooth(figure, _drawn(rows, of_x), ask)


def effect(rows: Rows, ask: Ask) -> Estimate:
    """The effect size d, and the p-value of its splits."""
    of_x, s = _lists(rows, ask), rows.columns["association"]
    value, moved = _size(s, of_x)
    x = int(of_x.sum())
    most = math.sqrt((len(s) - 1) / (x * (1 - x / len(s))))
    details = {**_told(rows, of_x), **_splits(s, rows.unit, of_x)}
    return smooth(Smooth(value, moved, -most, most, details=details), _drawn(rows, of_x), ask)


def effect_change(rows: Rows, ask: Ask) -> Estimate:
    """The effect size less the base's."""
    of_x = _lists(rows, ask)
    tuned, moved = _size(rows.columns["association"], of_x)
    base, before = _size(rows.columns["base_association"], of_x)
    details = {**_told(rows, of_x), "effect": tuned, "base_effect": base}
    figure = Smooth(tuned - base, moved - before, -math.inf, math.inf, details=details)
    return smooth(figure, _drawn(rows, of_x), ask)


def _difference(s: Array, of_x: Array) -> tuple[float, Array]:
    """m_X − m_Y, and what a row moves it by."""
    x, y = s[of_x], s[~of_x]
    moved = np.where(of_x, (s - np.average(x)) / len(x), -(s - np.average(y)) / len(y))
    return float(np.average(x) - np.average(y)), moved


def _size(s: Array, of_x: Array) -> tuple[float, Array]:
    """d, and what a row moves it by."""
    n, m = len(s), float(np.average(s))
    variance = float(np.dot(s - m, s - m)) / (n - 1)
    if not math.sqrt(variance) > EQUAL * max(1.0, abs(m)):
        raise NotEstimable("all associations are equal")
    apart, moved = _difference(s, of_x)
    d = apart / math.sqrt(variance)
    q = np.square(s) - 2 * m * s
    own = np.where(of_x, np.average(q[of_x]), np.average(q[~of_x]))
    return d, moved / math.sqrt(variance) - d * (q - own) / (2 * variance * (n - 1))


def _lists(rows: Rows, ask: Ask) -> Array:
    """Which rows are of X. Raises `NotEstimable` where they are no two lists of one test."""
    if rows.weighted:
        raise NotEstimable("weighted words")
    for name in ("language", "test"):
        if len(set(rows.columns[name])) > 1:
            raise NotEstimable("several tests")
    of_x = np.array([side == "X" for side in rows.columns["side"]], dtype=bool)
    of_y = np.array([side == "Y" for side in rows.columns["side"]], dtype=bool)
    x, y = set(rows.unit[of_x].tolist()), set(rows.unit[of_y].tolist())
    if min(len(x), len(y)) < max(2, ask.minimum_n):
        raise NotEstimable(f"{len(x)} and {len(y)} words")
    if x & y:
        raise NotEstimable("a word in both lists")
    return of_x


def _drawn(rows: Rows, of_x: Array) -> Rows:
    """The rows as words drawn within each list."""
    stratum = np.where(of_x, 0, 1)
    whole = np.array([len(np.unique(rows.unit[side])) for side in (of_x, ~of_x)])
    return Rows({}, np.ones(rows.n), rows.unit, stratum, whole)


def _told(rows: Rows, of_x: Array) -> Mapping[str, Any]:
    x, y = (len(np.unique(rows.unit[side])) for side in (of_x, ~of_x))
    a, b = (max(rows.columns[name].tolist()) for name in ("words_a", "words_b"))
    dropped = str(rows.columns["dropped"][0])
    words = f"X {x}, Y {y}, A {a}, B {b}"
    return {"words": words, "dropped": dropped} if dropped else {"words": words}


def _splits(s: Array, unit: Array, of_x: Array) -> dict[str, Any]:
    """The share of splits of the words that lie as far towards X: counted, or to be drawn."""
    own = [unit == code for code in np.unique(unit)]
    pairs = [(float(s[rows].sum()), int(rows.sum())) for rows in own]
    inside = [k for k, rows in enumerate(own) if of_x[rows][0]]
    gap = _gap_of(pairs)
    seen = gap(inside)
    number = math.comb(len(pairs), len(inside))
    if number <= ALL:
        far = sum(gap(c) >= seen - EQUAL for c in combinations(range(len(pairs)), len(inside)))
        return {"permutation_p": far / number, "splits": number}

    def again(rng: np.random.Generator, draws: int) -> float:
        found = [gap(rng.permutation(len(pairs))[: len(inside)].tolist()) for _ in range(draws)]
        return p_value(seen, np.array(found))

    return {"permutation_p": Drawn(again, len(s), AGAIN, STORED), "draws": STORED}


def _gap_of(pairs: list[tuple[float, int]]) -> Callable[[Any], float]:
    """The difference of two means, where words (sum, rows) with these places are the list X."""
    whole = math.fsum(total for total, _ in pairs)
    rows = sum(count for _, count in pairs)

    def gap(chosen: Any) -> float:
        total = sum(pairs[k][0] for k in chosen)
        count = sum(pairs[k][1] for k in chosen)
        return total / count - (whole - total) / (rows - count)

    return gap
