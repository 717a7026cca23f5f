"""Debiased expected calibration error of the top label, written anew.

Rows are put in min(15, n // 50) bins of equal mass by how many rows have a lower confidence. With
each bin's mass, mean residual d and its standard error σ, the bias of the plug-in Σ mass·|d| is
Σ mass·(E|N(δ, σ²)| − δ): at δ = |d| for the figure and its upper limits, at δ = max(0, |d| − σ)
for the lower limits and the p-value against "≤ τ".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.estimates import Ask, Smooth, enough, smooth
from fmaudit.reporting.verify.resampled import Drawn, calibration_null
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.reporting.verify.spread import variance
from fmaudit.types import Estimate

FOR_THE_NULL = 999


@dataclass(frozen=True)
class Bin:
    """A bin: its share of the weight, and what its rows show."""

    mass: float
    confidence: float
    accuracy: float
    n: int
    gap: float
    error: float

    def bias(self, gap: float) -> float:
        """How much larger |gap + noise| is than |gap|, on average."""
        if self.error == 0:
            return 0.0
        from scipy import stats

        return float(stats.foldnorm.mean(gap / self.error, scale=self.error)) - gap


def ece(rows: Rows, ask: Ask) -> Estimate:
    """The error with its limits, its bins, and its null distribution where rows are alone."""
    enough(rows, ask)
    found = linearised(rows)
    details = dict(found.details)
    if not rows.clustered:
        confidence, plugin = rows.columns["probs"].max(axis=1), details["plugin"]
        place = _places(confidence)
        details["null_p"] = Drawn(
            lambda rng, draws: calibration_null(confidence, place, rows.w, plugin, rng, draws),
            rows=rows.n,
            draws=FOR_THE_NULL,
        )
    above = smooth(replace(found, details=details), rows, ask)
    below = smooth(replace(found, value=details["floor"], details={}), rows, ask)
    p = {"p_fail": below.p_fail, "p_pass": above.p_pass}
    if ask.rule is not None and ask.rule.op == ">=":
        p = {"p_fail": above.p_fail, "p_pass": below.p_pass}
    return msgspec.structs.replace(above, low=below.low, low_adj=below.low_adj, **p)


def linearised(rows: Rows) -> Smooth:
    """The error, its influence values, and in its details the bins, plug-in and floor."""
    probs = rows.columns["probs"]
    confidence = probs.max(axis=1)
    right = (probs.argmax(axis=1) == rows.columns["label"]).astype(float)
    place = _places(confidence)
    bins = [_bin(rows, place == b, confidence, right) for b in range(int(place.max()) + 1)]
    plugin = sum(found.mass * abs(found.gap) for found in bins)
    value = max(0.0, plugin - sum(b.mass * b.bias(abs(b.gap)) for b in bins))
    shy = [max(0.0, abs(b.gap) - b.error) for b in bins]
    floor = max(0.0, plugin - sum(b.mass * b.bias(d) for b, d in zip(bins, shy, strict=True)))
    sign = np.sign([found.gap for found in bins])[place]
    influence = rows.w * (sign * (right - confidence) - plugin) / rows.w.sum()
    details = {"plugin": plugin, "floor": floor, "bins": _table(bins, rows.n)}
    return Smooth(value, influence, clip=True, details=details)


def _places(confidence: Array) -> Array:
    """Each row's bin."""
    n = len(confidence)
    count = min(15, n // 50)
    if count < 1:
        raise NotEstimable(f"{n} rows: a bin needs 50")
    _, inverse, sizes = np.unique(confidence, return_inverse=True, return_counts=True)
    lower = np.cumsum(sizes) - sizes
    return np.asarray((lower * count // n)[inverse.reshape(-1)])


def _bin(rows: Rows, mask: Array, confidence: Array, right: Array) -> Bin:
    inside, w = rows.where(mask), rows.w[mask]
    if inside.n == 0:
        return Bin(0.0, 0.0, 0.0, 0, 0.0, 0.0)
    residual = right[mask] - confidence[mask]
    gap = float(np.average(residual, weights=w))
    error = 0.0
    if inside.units > 1:
        spread, _ = variance(inside.w * (residual - gap) / inside.w.sum(), inside)
        error = math.sqrt(max(spread, 0.0))
    return Bin(
        mass=float(w.sum() / rows.w.sum()),
        confidence=float(np.average(confidence[mask], weights=w)),
        accuracy=float(np.average(right[mask], weights=w)),
        n=inside.n,
        gap=gap,
        error=error,
    )


def _table(bins: list[Bin], n: int) -> list[dict[str, float]]:
    """The reliability curve; the last bins are empty where many confidences are equal."""
    empty = [Bin(0.0, 0.0, 0.0, 0, 0.0, 0.0)] * (min(15, n // 50) - len(bins))
    return [
        {"weight": b.mass, "confidence": b.confidence, "accuracy": b.accuracy, "n": b.n}
        for b in (*bins, *empty)
    ]
