"""The score test of a share that changed between two answers to the same rows, and its interval.

A share `up` of the n rows gains the event, `down` loses it; the change θ̂ = up − down lies in
[−1, 1]. Held against a change δ, with p the share of losses that is likeliest where gains are
p + δ (the larger root of 2p² + Bp + C, B = (2 − θ̂)δ − up − down, C = −down·δ(1 − δ)):

    T = (θ̂ − δ)·sqrt(n/v),      v = 2p + δ − δ²                            (Tango 1998)
    T = z + g·(z² − 1),          g = (δ − 3δ(2p + δ) + 2δ³)/(6·v^1.5·sqrt(n))    (Gart and Nam 1990)

z is T with the skewness of few events taken out. Against "θ ≤ δ" the p-value is P(t_df ≥
min(T, z)), against "θ ≥ δ" P(t_df ≤ max(T, z)): of both tests the one that claims less. A limit at
one-sided level α is the δ at which its p-value is α. It exists where no row changed: 0 of 200
excludes a change of 0.019.

Why both: summed over all outcomes at δ = 0.02 and 0.05, 50 to 2,000 rows, from no loss to 20 %,
the test of nominal level 0.025 errs at most 0.033 above and 0.026 below; T alone 0.052 above, z
alone 0.048 below, Bonett and Price's interval 0.060 below.

Tango 1998 (Stat. Med. 17:891); Gart and Nam 1990 (Biometrics 46:637); Laud 2017 (Pharm. Stat.
16:334) for the root taken of z.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from fmaudit.stats.intervals import ALPHA, quantile, tail


class Change(NamedTuple):
    """Shares of rows that gained and that lost, from 0 to 1; effective n, degrees of freedom."""

    up: float
    down: float
    n: float
    df: float = math.inf


def change_p(change: Change, threshold: float) -> tuple[float, float]:
    """P-values against "change ≤ threshold" and "change ≥ threshold"."""
    lower, upper = _scores(change, threshold)
    return float(tail(lower, change.df)), float(tail(-upper, change.df))


def change_limits(change: Change, alpha: float = ALPHA) -> tuple[float, float]:
    """Limits of a change, each at one-sided level α, within [−1, 1]."""
    reach, value = float(quantile(alpha, change.df)), change.up - change.down
    low = _crossing(lambda at: _scores(change, at)[0] < reach, -1.0, value)
    return low, _crossing(lambda at: _scores(change, at)[1] <= -reach, value, 1.0)


def _scores(change: Change, at: float) -> tuple[float, float]:
    """The lesser and the greater of T and z at a change `at`; infinite where it cannot be."""
    if at < 0:
        lower, upper = _scores(change._replace(up=change.down, down=change.up), -at)
        return -upper, -lower
    away = change.up - change.down - at
    loss = _likeliest_loss(change, at)
    variance = 2 * loss + at - at**2
    if at >= 1 or variance <= 0:
        score = math.copysign(math.inf, away) if away else 0.0
        return score, score
    score = away * math.sqrt(change.n / variance)
    third = at - 3 * at * (2 * loss + at) + 2 * at**3
    g = third / variance / (6 * math.sqrt(variance * change.n))
    z = 2 * (score + g) / (1 + math.sqrt(max(0.0, 1 + 4 * g * (score + g))))
    return min(score, z), max(score, z)


def _likeliest_loss(change: Change, at: float) -> float:
    """The share of losses under a change `at` ≥ 0, written so that nothing cancels."""
    b = (2 - change.up + change.down) * at - change.up - change.down
    c = -change.down * at * (1 - at)
    root = math.sqrt(b * b - 8 * c)
    return -2 * c / (b + root) if b > 0 else (root - b) / 4


def _crossing(passed: Callable[[float], bool], left: float, right: float) -> float:
    """The place from which on `passed` is true, to the last bit; `right` where it never is."""
    while left < (middle := left + (right - left) / 2) < right:
        left, right = (left, middle) if passed(middle) else (middle, right)
    return right
