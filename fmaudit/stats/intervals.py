"""Closed forms over plain arrays: everything broadcasts, nothing is drawn.

One-sided level α throughout: `low` and `high` at α = 0.025 are the two ends of a 95 %
interval. q = t_{df}(1 − α), the normal quantile where df is infinite.

Wilson, from a share p of n (or effective n) units:

    (p + q²/2n ± q·sqrt(p(1 − p)/n + q²/4n²)) / (1 + q²/n)

Its inversion at a threshold τ is the score test: T = (p − τ)/sqrt(τ(1 − τ)/n), P(t_{df} ≥ T)
against "p ≤ τ". Where n is a count of independent rows, the exact binomial replaces it:
P(Bin(n, τ) ≥ x).

MOVER ("square and add"): for θ = p₁ − ρ·p₂ with Wilson limits (l, u) of each at level α and
correlation r of the two estimates,

    low  = p₁ − ρp₂ − sqrt((p₁ − l₁)² + ρ²(u₂ − p₂)² − 2rρ(p₁ − l₁)(u₂ − p₂))
    high = p₁ − ρp₂ + sqrt((u₁ − p₁)² + ρ²(p₂ − l₂)² − 2rρ(u₁ − p₁)(p₂ − l₂))

ρ = 1, r = 0 is Newcombe's interval of a difference. The ratio p₁/p₂ is below R at level α iff
high of p₁ − R·p₂ is below 0. The p-value against "θ ≤ δ" is the α at which low = δ where the
estimate exceeds δ, and 1 minus the α at which high = δ where it does not.

Wilson 1927; Newcombe 1998 (Stat. Med. 17:873); Zou and Donner 2008 (Stat. Med. 27:1693);
Donner and Zou 2012 (Stat. Methods Med. Res. 21:347); Bonett and Price 2012 (J. Educ. Behav.
Stat. 37:479); Dean and Pagano 2015 (J. Surv. Stat. Methodol. 3:484) for the effective n.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

ALPHA = 0.025
"""One-sided level of every unadjusted bound and of every verdict."""


class Share(NamedTuple):
    """One or many shares: value p in [0, 1], effective n, degrees of freedom (inf: normal)."""

    p: Any
    n: Any
    df: Any = np.inf


class Drop(NamedTuple):
    """Paired drops, each in [−1, 1]: their mean, mean square, effective n, degrees of freedom."""

    mean: float
    square: float
    n: float
    df: float = np.inf


def quantile(alpha: Any, df: Any = np.inf) -> Any:
    """Upper-tail quantile q of Student's t, P(t_df > q) = α; of the normal where df is inf."""
    from scipy import special

    df = np.asarray(df, dtype=float)
    finite = np.isfinite(df)
    student = -special.stdtrit(np.where(finite, df, 1.0), alpha)
    return np.where(finite, student, -special.ndtri(alpha))


def tail(score: Any, df: Any = np.inf) -> Any:
    """P(t_df ≥ score); the normal's where df is inf."""
    from scipy import special

    df = np.asarray(df, dtype=float)
    finite = np.isfinite(df)
    score = np.asarray(score, dtype=float)
    return np.where(finite, special.stdtr(np.where(finite, df, 1.0), -score), special.ndtr(-score))


def wilson(share: Share, alpha: Any = ALPHA) -> tuple[Any, Any]:
    """Wilson's limits of a share, each at one-sided level α; exact at 0 and 1."""
    p, n, df = (np.asarray(part, dtype=float) for part in share)
    p = np.clip(p, 0.0, 1.0)
    q = quantile(alpha, df)
    middle = p + q**2 / (2 * n)
    half = q * np.sqrt(p * (1 - p) / n + q**2 / (4 * n**2))
    scale = 1 + q**2 / n
    low = np.where(p <= 0, 0.0, (middle - half) / scale)
    high = np.where(p >= 1, 1.0, (middle + half) / scale)
    return low, high


def score_p(share: Share, threshold: float) -> tuple[float, float]:
    """P-values of Wilson's interval against "share ≤ threshold" and "share ≥ threshold"."""
    p, n, df = (float(part) for part in share)
    if not 0 < threshold < 1:
        return _beyond(p, threshold)
    score = (p - threshold) / np.sqrt(threshold * (1 - threshold) / n)
    return float(tail(score, df)), float(tail(-score, df))


def exact_p(events: int, n: int, threshold: float) -> tuple[float, float]:
    """Exact binomial p-values against "share ≤ threshold" and "share ≥ threshold"."""
    from scipy import special

    if not 0 < threshold < 1:
        return _beyond(events / n, threshold)
    above = 1.0 if events == 0 else float(special.bdtrc(events - 1, n, threshold))
    return above, float(special.bdtr(events, n, threshold))


def mover(
    first: Share, second: Share, *, alpha: Any = ALPHA, ratio: Any = 1.0, correlation: Any = 0.0
) -> tuple[Any, Any]:
    """Limits of p₁ − ratio·p₂ (formula above), each at one-sided level α."""
    low1, high1 = wilson(first, alpha)
    low2, high2 = wilson(second, alpha)
    gap = np.asarray(first.p) - ratio * np.asarray(second.p)
    down = _add(first.p - low1, ratio * (high2 - second.p), correlation)
    up = _add(high1 - first.p, ratio * (second.p - low2), correlation)
    return gap - down, gap + up


def mover_p(
    first: Share, second: Share, *, threshold: Any = 0.0, ratio: Any = 1.0, correlation: Any = 0.0
) -> tuple[Any, Any]:
    """P-values against "p₁ − ratio·p₂ ≤ threshold" and "… ≥ threshold", inverting `mover`."""
    above = np.asarray(first.p) - ratio * np.asarray(second.p) > threshold
    # The level is searched on a log scale: 1e-12 of relative precision after 60 halvings.
    shape = np.broadcast(above, first.n, second.n, correlation).shape
    low, high = np.full(shape, np.log(1e-300)), np.full(shape, np.log(0.5))
    for _ in range(60):
        middle = (low + high) / 2
        bounds = mover(first, second, alpha=np.exp(middle), ratio=ratio, correlation=correlation)
        excluded = np.where(above, bounds[0] > threshold, bounds[1] < threshold)
        low, high = np.where(excluded, low, middle), np.where(excluded, middle, high)
    level = np.exp((low + high) / 2)
    return np.where(above, level, 1 - level), np.where(above, 1 - level, level)


def mover_ratio(
    first: Share, second: Share, *, alpha: Any = ALPHA, correlation: Any = 0.0
) -> tuple[Any, Any]:
    """Limits of p₁/p₂: the R at which `mover`'s bound of p₁ − R·p₂ is 0; high may be inf.

    With A = p₁p₂ − r·d₁d₂, the limits are the roots of R²·(p₂² − d₂²) − 2RA + (p₁² − d₁²) = 0,
    where d₁ = p₁ − l₁, d₂ = u₂ − p₂ for the lower and d₁ = u₁ − p₁, d₂ = p₂ − l₂ for the upper.
    """
    low1, high1 = wilson(first, alpha)
    low2, high2 = wilson(second, alpha)
    down = _root(first.p, second.p, first.p - low1, high2 - second.p, correlation, upper=False)
    up = _root(first.p, second.p, high1 - first.p, second.p - low2, correlation, upper=True)
    return down, up


def bonett_price(drop: Drop, alpha: float = ALPHA) -> tuple[float, float]:
    """Limits of a mean paired drop, each at one-sided level α, within [−1, 1].

    One pair that drops by 1 and one that drops by −1 are added: with mean′ = n·mean/(n + 2) and
    square′ = (n·square + 2)/(n + 2), mean′ ± q·sqrt((square′ − mean′²)/(n + 2)). Where every drop
    is −1, 0 or 1 this is Bonett and Price's interval; partial drops are read the same way.
    """
    middle, error = _adjusted(drop)
    half = float(quantile(alpha, drop.df)) * error
    return max(-1.0, middle - half), min(1.0, middle + half)


def bonett_price_p(drop: Drop, threshold: float) -> tuple[float, float]:
    """P-values against "drop ≤ threshold" and "drop ≥ threshold", inverting `bonett_price`."""
    middle, error = _adjusted(drop)
    score = (middle - threshold) / error
    return float(tail(score, drop.df)), float(tail(-score, drop.df))


def _adjusted(drop: Drop) -> tuple[float, float]:
    n = drop.n + 2
    mean, square = drop.n * drop.mean / n, (drop.n * drop.square + 2) / n
    return mean, float(np.sqrt((square - mean**2) / n))


def _add(one: Any, two: Any, correlation: Any) -> Any:
    return np.sqrt(np.maximum(one**2 + two**2 - 2 * correlation * one * two, 0.0))


def _root(p1: Any, p2: Any, d1: Any, d2: Any, correlation: Any, *, upper: bool) -> Any:
    middle = p1 * p2 - correlation * d1 * d2
    leading, last = p2**2 - d2**2, p1**2 - d1**2
    root = np.sqrt(np.maximum(middle**2 - leading * last, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        if upper:
            return np.where(leading > 0, (middle + root) / leading, np.inf)
        # The smaller root, written so that nothing cancels; 0 where p₁ may be 0.
        return np.where(middle + root > 0, np.maximum(last, 0.0) / (middle + root), 0.0)


def _beyond(p: float, threshold: float) -> tuple[float, float]:
    """P-values where the threshold lies at or beyond an end of [0, 1]."""
    if p == threshold:
        return 1.0, 1.0
    return (0.0, 1.0) if p > threshold else (1.0, 0.0)
