"""Limits and p-values of a share and of two, written anew from the papers.

A limit at one-sided level α uses q = t_df(1 − α), the normal quantile where df is infinite.
Wilson (1927): the p at which |p̂ − p| = q·sqrt(p(1 − p)/n). Newcombe (1998, method 10) and
Zou and Donner (2008): limits of a difference from those of its parts. Their p-values are found
by searching the level at which the limit meets the threshold, those of a ratio by searching the
ratio at which the limit of p₁ − R·p₂ is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fmaudit.reporting.verify.rows import Array

ALPHA = 0.025


@dataclass(frozen=True)
class Shares:
    """One share or an array of them: value, effective n, degrees of freedom."""

    p: Any
    n: Any
    df: Any


def critical(alpha: Any, df: Any) -> Any:
    """The value that a t variable exceeds with probability α (a normal one for infinite df)."""
    from scipy import stats

    if np.all(np.isinf(df)):
        return stats.norm.isf(alpha)
    finite = np.where(np.isinf(df), 1e18, df)  # at so many degrees of freedom t is normal
    return stats.t.isf(alpha, finite)


def upper_tail(score: Any, df: Any) -> Any:
    """P(t_df ≥ score)."""
    from scipy import stats

    return stats.norm.sf(score) if np.all(np.isinf(df)) else stats.t.sf(score, df)


def wilson(share: Shares, alpha: Any = ALPHA) -> tuple[Any, Any]:
    """Wilson's limits: the roots of (1 + q²/n)p² − (2p̂ + q²/n)p + p̂² = 0."""
    p, n = np.asarray(share.p, float), np.asarray(share.n, float)
    extra = critical(alpha, share.df) ** 2 / n
    b, root = 2 * p + extra, np.sqrt(extra * (extra + 4 * p * (1 - p)))
    # The smaller root through the product of both, so that nothing cancels near 0.
    high = (b + root) / (2 * (1 + extra))
    low = np.where(b + root > 0, 2 * p**2 / np.where(b + root > 0, b + root, 1.0), 0.0)
    return np.where(p <= 0, 0.0, low), np.where(p >= 1, 1.0, high)


def score_test(share: Shares, threshold: float) -> tuple[float, float]:
    """P-values against "share ≤ threshold" and "share ≥ threshold"."""
    if threshold <= 0 or threshold >= 1:
        return beyond(float(share.p), threshold)
    z = (share.p - threshold) / np.sqrt(threshold * (1 - threshold) / share.n)
    return float(upper_tail(z, share.df)), float(upper_tail(-z, share.df))


def binomial_test(events: int, n: int, threshold: float) -> tuple[float, float]:
    """Exact p-values against "share ≤ threshold" and "share ≥ threshold"."""
    from scipy import stats

    if threshold <= 0 or threshold >= 1:
        return beyond(events / n, threshold)
    above = stats.binomtest(events, n, threshold, alternative="greater").pvalue
    below = stats.binomtest(events, n, threshold, alternative="less").pvalue
    return float(above), float(below)


def beyond(p: float, threshold: float) -> tuple[float, float]:
    """P-values where the threshold is no share strictly between 0 and 1."""
    return float(p <= threshold), float(p >= threshold)


def difference(
    one: Shares, two: Shares, alpha: Any = ALPHA, ratio: Any = 1.0, r: Any = 0.0
) -> tuple[Any, Any]:
    """Limits of p₁ − ratio·p₂, whose estimates correlate by r."""
    l1, u1 = wilson(one, alpha)
    l2, u2 = wilson(two, alpha)
    middle = one.p - ratio * np.asarray(two.p)
    low = middle - _hypotenuse(one.p - l1, ratio * (u2 - two.p), r)
    high = middle + _hypotenuse(u1 - one.p, ratio * (two.p - l2), r)
    return low, high


def difference_test(
    one: Shares, two: Shares, threshold: Any = 0.0, ratio: Any = 1.0, r: Any = 0.0
) -> tuple[Array, Array]:
    """P-values against "p₁ − ratio·p₂ ≤ threshold" and "… ≥ threshold", of arrays of pairs."""
    one, two = _arrays(one), _arrays(two)
    exceeds = one.p - ratio * two.p > threshold
    outer = np.full(exceeds.shape, np.log(1e-300))
    inner = np.full(exceeds.shape, np.log(0.5))
    while np.max(inner - outer) > 1e-13 * 700:
        level = (outer + inner) / 2
        if np.all((level == outer) | (level == inner)):
            break
        low, high = difference(one, two, np.exp(level), ratio, r)
        clear = np.where(exceeds, low > threshold, high < threshold)
        outer, inner = np.where(clear, outer, level), np.where(clear, level, inner)
    p = np.exp((outer + inner) / 2)
    return np.where(exceeds, p, 1 - p), np.where(exceeds, 1 - p, p)


def ratio_limits(
    one: Shares, two: Shares, alpha: float = ALPHA, r: Any = 0.0
) -> tuple[Array, Array]:
    """Limits of p₁/p₂, of arrays of pairs: where the limit of p₁ − R·p₂ is 0; high may be inf."""
    one, two = _arrays(one), _arrays(two)
    l1, u1 = wilson(one, alpha)
    l2, u2 = wilson(two, alpha)

    def low_at(ratio: Array) -> Array:
        reach = _hypotenuse(one.p - l1, ratio * (u2 - two.p), r)
        return np.asarray(one.p - ratio * two.p - reach)

    def high_at(ratio: Array) -> Array:
        reach = _hypotenuse(u1 - one.p, ratio * (two.p - l2), r)
        return np.asarray(one.p - ratio * two.p + reach)

    low = np.where(l1 > 0, _crossing(low_at, l1 > 0), 0.0)
    return low, np.where(l2 > 0, _crossing(high_at, l2 > 0), np.inf)


def _crossing(limit: Any, there: Array) -> Array:
    """The R > 0 at which a limit that falls with R is 0, where there is one."""
    left, right = np.zeros(there.shape), np.ones(there.shape)
    while (short := there & (limit(right) > 0)).any():
        right = np.where(short, right * 2, right)
    while True:
        middle = (left + right) / 2
        if np.all((middle == left) | (middle == right) | ~there):
            return middle
        positive = limit(middle) > 0
        left, right = np.where(positive, middle, left), np.where(positive, right, middle)


def _hypotenuse(a: Any, b: Any, r: Any) -> Any:
    return np.sqrt(np.maximum(a * a + b * b - 2 * r * a * b, 0.0))


def _arrays(share: Shares) -> Shares:
    parts = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(x, float)) for x in (share.p, share.n, share.df))
    )
    return Shares(*parts)
