"""The largest of some weighted sums of figures, by the rule that holds for all of them at once.

The limits of Σ c·v: from each term its distance to its own limit on that side, −(v − l)·c where
c is positive and (u − v)·c where it is negative, put together by their correlations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.bounds import ALPHA
from fmaudit.reporting.verify.estimates import Ask
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.reporting.verify.spread import covariance

Ends = Callable[[Any], tuple[Any, Any]]

BLOCK = 2_000


@dataclass(frozen=True)
class Largest:
    """The largest of some sums of figures, each with either sign.

    `sums`: of each, the figures' places and their weights. They are laid out over all the figures
    a block at a time: of many groups there are more pairs than fit.
    """

    value: Array
    ends: Ends
    sums: Sequence[Mapping[int, float]]
    r: Array
    ask: Ask

    @cached_property
    def either(self) -> Array:
        """The sums' values, and after them the same with their signs turned."""
        own = np.concatenate([c @ self.value for c in self._blocks()])
        return np.concatenate([own, -own])

    @cached_property
    def driver(self) -> tuple[int, bool]:
        """Which is the largest, and whether its sign is turned; of equal ones the first."""
        first = int(np.flatnonzero(self.either >= self.either.max() - 1e-12)[0])
        return first % len(self.sums), first >= len(self.sums)

    def figures(self, top: float) -> dict[str, Any]:
        """The estimate's numbers, of the range 0 to `top`."""
        q, ask = len(self.sums), self.ask
        k, turned = self.driver
        own = k + q * turned
        low, high = self.limits(ALPHA)
        narrow, _ = self.limits(ask.adjusted / q)
        _, wide = self.limits(ask.adjusted)
        above = below = math.nan
        if ask.rule is not None:
            p_above, p_below = self.p(ask.threshold)
            above, below = min(1.0, q * float(p_above.min())), float(p_below.max())
        return {
            "value": max(0.0, float(self.either[own])),
            "low": max(0.0, float(low[own])),
            "high": min(top, float(high.max())),
            "low_adj": max(0.0, float(narrow.max())),
            "high_adj": min(top, float(wide.max())),
            **ask.oriented(above, below),
        }

    def limits(self, alpha: Any) -> tuple[Array, Array]:
        """Of every sum with either sign; `alpha` is a number, or one for each."""
        found = [self._limits(c, a) for c, a in self._with_levels(alpha)]
        low, high = (np.concatenate(side) for side in zip(*found, strict=True))
        return low, high

    def p(self, threshold: float) -> tuple[Array, Array]:
        """P-values against "≤ threshold" and "≥ threshold": the level at which a limit meets it."""
        exceeds = self.either > threshold
        outer, inner = np.full(len(exceeds), -690.0), np.full(len(exceeds), math.log(0.5))
        for _ in range(70):
            level = (outer + inner) / 2
            low, high = self.limits(np.exp(level))
            clear = np.where(exceeds, low > threshold, high < threshold)
            outer, inner = np.where(clear, outer, level), np.where(clear, level, inner)
        p = np.exp((outer + inner) / 2)
        return np.where(exceeds, p, 1 - p), np.where(exceeds, 1 - p, p)

    def of_draws(self, drawn: Array) -> Array:
        """The largest sum of each draw of the figures (draws, k), with either sign."""
        return np.max([np.abs(drawn @ c.T).max(axis=1) for c in self._blocks()], axis=0)

    def _limits(self, c: Array, alpha: Any) -> tuple[Array, Array]:
        low, high = self.ends(alpha)
        under, over = self.value - low, high - self.value
        middle = c @ self.value
        return (
            middle - self._together(np.where(c > 0, c * under, c * over)),
            middle + self._together(np.where(c > 0, c * over, c * under)),
        )

    def _together(self, terms: Array) -> Array:
        if np.array_equal(self.r, np.eye(len(self.r))):
            return np.sqrt(np.square(terms).sum(axis=1))
        return np.sqrt(np.maximum(((terms @ self.r) * terms).sum(axis=1), 0.0))

    def _with_levels(self, alpha: Any) -> Iterator[tuple[Array, Any]]:
        """Blocks of the sums, then of the turned ones, each with its levels (as a column)."""
        at = 0
        for sign in (1.0, -1.0):
            for c in self._blocks():
                here = slice(at, at + len(c))
                at += len(c)
                yield sign * c, alpha if np.ndim(alpha) == 0 else alpha[here, None]

    def _blocks(self) -> Iterator[Array]:
        for start in range(0, len(self.sums), BLOCK):
            some = self.sums[start : start + BLOCK]
            c = np.zeros((len(some), len(self.value)))
            for row, weights in zip(c, some, strict=True):
                row[list(weights)] = list(weights.values())
            yield c


def enough_rows(rows: Rows) -> None:
    """Raise `NotEstimable` where there is no row."""
    if rows.n == 0:
        raise NotEstimable("no rows")


def correlation(parts: Sequence[tuple[Array, Array]], rows: Rows) -> Array:
    """Correlation of figures, each with the places of its rows and their influence values."""
    k = len(parts)
    units = [set(rows.unit[at].tolist()) for at, _ in parts]
    if sum(map(len, units)) == len(set().union(*units)):
        return np.eye(k)
    influence = np.zeros((rows.n, k))
    for j, (at, z) in enumerate(parts):
        influence[at, j] = z
    everywhere = np.zeros(rows.n, dtype=bool)
    everywhere[np.concatenate([at for at, _ in parts])] = True
    spread, _ = covariance(influence[everywhere], rows.where(everywhere))
    root = np.sqrt(np.diag(spread))
    scale = np.outer(root, root)
    found = np.divide(spread, scale, out=np.zeros((k, k)), where=scale > 0)
    np.fill_diagonal(found, 1.0)
    return found
