"""What two models answer to the same rows, compared: the score test of paired shares, written anew.

Shares u of gains and d of losses, their difference m = u − d, their sum a = u + d. Under a change
δ the likeliest share of rows that change is the larger root of

    s² − (a + δm)·s + δm − (1 − a)·δ² = 0,

so that a row's change has variance v = s − δ² and third central moment δ − 3δs + 2δ³. The score
T = (m − δ)·sqrt(n/v), and z with T = z + g·(z² − 1), where 6g is the skewness of the mean; beyond
the turn of that parabola z = 2(T + g). The p-values are the more cautious ones of T and z, the
limits the changes at which they meet the level.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.bounds import ALPHA, critical, upper_tail
from fmaudit.reporting.verify.estimates import Ask, enough, estimate, flagged, kish
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.reporting.verify.spread import variance
from fmaudit.types import Estimate

_FAR = 1e6
"""A score beyond every critical value."""


@dataclass(frozen=True)
class Moved:
    """Shares of gains and losses, the pairs that they are worth, degrees of freedom."""

    gained: float
    lost: float
    n: float
    df: float

    def scores(self, at: float) -> tuple[float, float]:
        """T and z, the lesser first, of a change `at` between −1 and 1."""
        m, a = self.gained - self.lost, self.gained + self.lost
        h, k = a + at * m, at * m - (1 - a) * at * at
        s = max((h + math.sqrt(max(h * h - 4 * k, 0.0))) / 2, abs(at))
        v = s - at * at
        if v <= 0 or abs(at) >= 1:
            t = math.inf * np.sign(m - at) if m != at else 0.0
            return t, t
        t = (m - at) / math.sqrt(v / self.n)
        g = (at - 3 * at * s + 2 * at**3) / v / math.sqrt(v * self.n) / 6
        turn = 1 + 4 * g * (t + g)
        z = 2 * (t + g) / (1 + math.sqrt(turn)) if turn > 0 else 2 * (t + g)
        return (t, z) if t < z else (z, t)

    def limits(self, alpha: float) -> tuple[float, float]:
        """The changes at which the p-values are α."""
        m, q = self.gained - self.lost, float(critical(alpha, self.df))
        low = _root(lambda at: self.scores(at)[0] - q, -1.0, m)
        return low, _root(lambda at: self.scores(at)[1] + q, m, 1.0)


def change(first: str, second: str) -> Callable[[Rows, Ask], Estimate]:
    """Mean of one column less another, each from 0 to 1 or true and false."""

    def found(rows: Rows, ask: Ask) -> Estimate:
        enough(rows, ask)
        one, two = (np.asarray(rows.columns[c], float) for c in (first, second))
        gained, lost = (
            float(np.average(np.clip(part, 0, None), weights=rows.w))
            for part in (one - two, two - one)
        )
        moved = Moved(gained, lost, *worth(one - two, rows))
        above = below = math.nan
        if ask.rule is not None:
            lower, upper = moved.scores(ask.threshold)
            above, below = float(upper_tail(lower, moved.df)), float(upper_tail(-upper, moved.df))
        return estimate(
            rows, float(np.average(one - two, weights=rows.w)), moved.limits(ALPHA),
            moved.limits(ask.adjusted), f"tango{design(rows)}", ask.oriented(above, below),
            flagged(rows),
        )  # fmt: skip

    return found


def worth(differences: Array, rows: Rows) -> tuple[float, float]:
    """How many pairs the rows are worth, and degrees of freedom.

    Their number for independent rows that count alike; else s²/V, at most their number.
    """
    if not rows.designed:
        return float(rows.n), math.inf
    value = float(np.average(differences, weights=rows.w))
    spread, df = variance(rows.w * (differences - value) / rows.w.sum(), rows)
    if df < 1:
        raise NotEstimable("as many strata as units")
    if differences.min() == differences.max():
        return kish(rows), df
    square = float(np.average(np.square(differences), weights=rows.w))
    return min(float(rows.n), (square - value * value) / spread) if spread > 0 else rows.n, df


def design(rows: Rows) -> str:
    """What a method's name adds where rows are more than independent ones that count alike."""
    if rows.weighted or rows.stratified:
        return "_weighted"
    return "_clustered" if rows.clustered else ""


def _root(score: Callable[[float], float], left: float, right: float) -> float:
    """Where a falling score is 0; an end of the interval that it does not cross."""
    from scipy import optimize

    def held(at: float) -> float:
        return max(-_FAR, min(_FAR, score(at)))

    if held(left) <= 0:
        return left
    if held(right) >= 0:
        return right
    return float(optimize.brentq(held, left, right, xtol=1e-15, rtol=1e-15, maxiter=500))
