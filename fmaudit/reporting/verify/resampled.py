"""Figures that were drawn at random: drawn again by another generator.

A p-value from D draws (999, or 199 over more than 50,000 rows) has the standard error
sqrt(p(1 − p)/D); two of them, from D and D′, differ by sqrt(p(1 − p)(1/D + 1/D′)) with p pooled
over both. They agree within four of these, and the step 1/(D + 1) of the stored one.

A limit that is the quantile α of D draws lies, in D′ draws of another generator, between two
quantiles of them, β with |arcsin √β − arcsin √α| = 4·sqrt(1/D + 1/D′)/2: on that scale a share
of few draws varies alike to both sides.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fmaudit.reporting.verify.rows import Array, Rows

STORED_DRAWS = 999
STORED_DRAWS_OF_MANY = 199
MANY_ROWS = 50_000
ERRORS = 4.0
SEED = 20_250_117

Draw = Callable[[np.random.Generator, int], float]


@dataclass(frozen=True)
class Drawn:
    """A p-value over `rows` rows that is to be drawn: `again(rng, draws)` draws it.

    `stored`: how many draws the stored one is of, where that does not hang on its rows.
    """

    again: Draw
    rows: int
    draws: int
    stored: int = 0

    def check(self, stored: float) -> tuple[float, bool, float]:
        """A fresh draw, whether the stored one agrees, and the Monte-Carlo error of both."""
        by_rows = STORED_DRAWS if self.rows <= MANY_ROWS else STORED_DRAWS_OF_MANY
        before = self.stored or by_rows
        drawn = self.again(np.random.default_rng(SEED), self.draws)
        pooled = (stored * before + drawn * self.draws) / (before + self.draws)
        spread = max(pooled * (1 - pooled), 0.0)
        error = math.sqrt(spread * (1 / before + 1 / self.draws))
        return drawn, abs(stored - drawn) <= ERRORS * error + 1 / (before + 1), error


class Limit(float):
    """A limit that was drawn: its value in the fresh draws, and where another may lie."""

    least: float
    most: float

    def __new__(cls, value: float, least: float, most: float) -> Limit:
        """The value, with the two between which a limit of other draws may lie."""
        made = super().__new__(cls, value)
        made.least, made.most = least, most
        return made

    @classmethod
    def of(cls, drawn: Array, alpha: float, stored_draws: int) -> Limit:
        """The quantile α of the draws; those that are not a number are left out."""
        draws = drawn[~np.isnan(drawn)]
        apart = ERRORS * math.sqrt(1 / stored_draws + 1 / len(draws)) / 2
        angle = math.asin(math.sqrt(alpha))
        ends = (max(0.0, angle - apart), min(math.pi / 2, angle + apart))
        at = [alpha, *(math.sin(end) ** 2 for end in ends)]
        value, least, most = (float(q) for q in np.quantile(draws, at))
        return cls(value, least, most)

    def agrees(self, stored: float) -> bool:
        """Whether a stored limit lies where one of other draws may."""
        return self.least - 1e-9 <= stored <= self.most + 1e-9

    def held(self, figure: float, *, below: bool) -> Limit:
        """The limit, on its side of the figure: a lower one at most, an upper one at least it."""
        cut = min if below else max
        return Limit(cut(self, figure), cut(self.least, figure), cut(self.most, figure))


def p_value(observed: float, drawn: Array) -> float:
    """(1 + draws at least as large)/(draws + 1)."""
    return (1 + int((drawn >= observed - 1e-12).sum())) / (len(drawn) + 1)


def permuted_shares(
    events: Array, cell: Array, k: int, rows: Rows, rng: np.random.Generator, draws: int
) -> Array:
    """Shares of `events` in k cells when the cells are dealt anew to whole units: (draws, k).

    A unit with rows in several cells has its own rows' cells dealt anew among them.
    """
    if not rows.clustered and not rows.weighted:
        sizes = np.bincount(cell, minlength=k)
        dealt = rng.multivariate_hypergeometric(
            sizes, int(events.sum()), size=draws, method="marginals"
        )
        return np.asarray(dealt / sizes)
    _, unit = np.unique(rows.unit, return_inverse=True)
    unit = unit.reshape(-1)
    _, first = np.unique(unit, return_index=True)
    whole = np.array_equal(cell[first][unit], cell)
    found = np.empty((draws, k))
    for draw in range(draws):
        dealt = rng.permutation(cell[first])[unit] if whole else _within(cell, unit, rng)
        total = np.bincount(dealt, weights=rows.w, minlength=k)
        found[draw] = np.bincount(dealt, weights=rows.w * events, minlength=k) / total
    return found


def calibration_null(
    confidence: Array, bins: Array, w: Array, plugin: float, rng: np.random.Generator, draws: int
) -> float:
    """P-value of a plug-in calibration error where the top label is right as often as it says."""
    found = np.empty(draws)
    count = int(bins.max()) + 1
    for draw in range(draws):
        right = rng.random(len(w)) < confidence
        residual = np.bincount(bins, weights=w * (right - confidence), minlength=count)
        found[draw] = np.abs(residual).sum() / w.sum()
    return p_value(plugin, found)


def _within(cell: Array, unit: Array, rng: np.random.Generator) -> Array:
    """The cells of each unit's rows in a new order."""
    there = np.lexsort((rng.random(len(cell)), unit))
    here = np.argsort(unit, kind="stable")
    dealt = np.empty_like(cell)
    dealt[here] = cell[there]
    return dealt
