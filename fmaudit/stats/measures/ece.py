"""Expected calibration error of the top label, debiased.

The confidence c_i is the largest probability, y_i whether that class is the label,
r_i = y_i − c_i. B = min(15, n // 50) bins of equal mass: bin of a row = floor(rank·B/n), rank =
number of rows with a lower confidence, so that equal confidences share a bin. In bin b: W_b its
weight, d_b = Σ w·r/W_b, σ_b² the variance of d_b (`variance`, its influence values
w(r − d_b)/W_b over the bin's units; 0 where the bin has fewer than two).

    plugin = Σ_b W_b/W·|d_b|
    bias(δ) = Σ_b W_b/W·(m(δ_b, σ_b) − |δ_b|)
    m(δ, σ) = σ·sqrt(2/π)·exp(−δ²/2σ²) + δ·erf(δ/(σ·sqrt 2)), the mean of |N(δ, σ²)|
    ece    = max(0, plugin − bias(d))
    floor  = max(0, plugin − bias(δ)), δ_b = max(0, |d_b| − σ_b)

`ece` is the plug-in less the bias that normal resampling of each bin shows (Kumar, Liang, Ma
2019, the debiased estimator for p = 1, in closed form). It removes too little where the model
is nearly calibrated, so that the lower limits start from `floor`, where each bin's gap is one
standard error smaller. Limits and p-values are linearised with influence values
w_i(sign(d_b)·r_i − plugin)/W, on the figure's own scale, cut at [0, 1]: low, low_adj and the
p-value against "≤ τ" from `floor`, the others from `ece`.

`details`: plugin; floor; bins (weight share, mean confidence, accuracy, n); null_p, the share
of 999 draws (199 above 50,000 rows) y_i ~ Bernoulli(c_i) whose plug-in is at least the one
seen, rows independent (left out where they are clustered).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.stats.estimates import linearised, orient, require
from fmaudit.stats.measures.arrays import namespace
from fmaudit.stats.measures.base import Measure, on_device
from fmaudit.stats.permutation import draws_for, p_value
from fmaudit.stats.sample import Bools, Floats, Ints, Question, Sample, to_numpy
from fmaudit.stats.variance import design_variance, sums
from fmaudit.types import Estimate

ROWS_A_BIN = 50
MOST_BINS = 15


@dataclass(frozen=True)
class Bins:
    """Rows in bins of equal mass, on the host; arrays over rows (n,) and over bins (B,)."""

    confidence: Floats
    correct: Bools
    bin: Ints
    mass: Floats
    gap: Floats
    error: Floats

    @property
    def plugin(self) -> float:
        """Σ mass·|gap|."""
        return float(self.mass @ np.abs(self.gap))

    def debiased(self, shrink: float = 0.0) -> float:
        """The plug-in less its bias, were each gap `shrink` standard errors smaller."""
        gaps = np.maximum(0.0, np.abs(self.gap) - shrink * self.error)
        folded = np.array([folded_mean(d, s) for d, s in zip(gaps, self.error, strict=True)])
        return max(0.0, self.plugin - float(self.mass @ (folded - gaps)))


def bins_of(confidence: Any, count: int) -> Any:
    """Equal-mass bin 0 … count − 1 of each row (n,); NumPy or torch."""
    xp = namespace(confidence)
    rank = xp.searchsorted(xp.sort(confidence), confidence, side="left")
    return rank * count // confidence.shape[0]


def folded_mean(d: float, sigma: float) -> float:
    """Mean of |N(d, σ²)|."""
    if sigma == 0:
        return abs(d)
    flat = sigma * math.sqrt(2 / math.pi) * math.exp(-(d**2) / (2 * sigma**2))
    return flat + d * math.erf(d / (sigma * math.sqrt(2)))


def binned(sample: Sample) -> Bins:
    """The bins of a sample; the sort runs where its columns lie."""
    count = min(MOST_BINS, sample.n // ROWS_A_BIN)
    if count < 1:
        raise NotEstimable(f"{sample.n} rows: a bin of calibration needs {ROWS_A_BIN}")
    label, probs = sample.columns["label"], sample.columns["probs"]
    xp = namespace(probs)
    top = xp.max(probs, axis=1)
    confidence = to_numpy(top).astype(np.float64)
    correct = to_numpy(xp.argmax(probs, axis=1) == label)
    bins = to_numpy(bins_of(top, count)).astype(np.int64)
    residual = correct - confidence
    rows = replace(sample, columns={"residual": residual})
    weight = sums(bins, sample.w, count)
    gap = _per_bin(residual, bins, sample.w, count)
    error = [_error(rows.take(bins == b), float(gap[b])) for b in range(count)]
    return Bins(confidence, correct, bins, weight / weight.sum(), gap, np.array(error))


def _per_bin(values: Floats | Bools, bins: Ints, weight: Floats, count: int) -> Floats:
    total, gained = sums(bins, weight, count), sums(bins, weight * values, count)
    return np.divide(gained, total, out=np.zeros(count), where=total > 0)


def _error(rows: Sample, gap: float) -> float:
    """Standard error of a bin's mean residual."""
    if rows.unit_count < 2:
        return 0.0
    influence = rows.w * (rows.columns["residual"] - gap) / rows.w.sum()
    variance, _ = design_variance(influence, rows)
    return math.sqrt(max(variance, 0.0))


def _value(sample: Sample, question: Question) -> float:
    return binned(sample).debiased()


def _interval(sample: Sample, question: Question) -> Estimate:
    require(sample, question)
    bins, w = binned(sample), sample.w
    residual = bins.correct - bins.confidence
    z = w * (np.sign(bins.gap)[bins.bin] * residual - bins.plugin) / w.sum()
    floor = bins.debiased(shrink=1.0)
    details: dict[str, Any] = {"plugin": bins.plugin, "floor": floor, "bins": _curve(bins, w)}
    if question.rng is not None and not sample.clustered:
        details["null_p"] = p_value(bins.plugin, _null(bins, w, question.rng))
    upper = linearised(bins.debiased(), z, sample, question, clip=True, details=details)
    lower = linearised(floor, z, sample, question, clip=True)
    above, _ = orient(question.rule, lower.p_fail, lower.p_pass)
    _, below = orient(question.rule, upper.p_fail, upper.p_pass)
    fail, good = orient(question.rule, above, below)
    return msgspec.structs.replace(
        upper, low=lower.low, low_adj=lower.low_adj, p_fail=fail, p_pass=good
    )


def _curve(bins: Bins, w: Floats) -> list[dict[str, float]]:
    """The reliability curve: one entry a bin."""
    count = bins.mass.size
    confidence = _per_bin(bins.confidence, bins.bin, w, count)
    accuracy = _per_bin(bins.correct, bins.bin, w, count)
    rows = np.bincount(bins.bin, minlength=count)
    return [
        {"weight": float(m), "confidence": float(c), "accuracy": float(a), "n": int(n)}
        for m, c, a, n in zip(bins.mass, confidence, accuracy, rows, strict=True)
    ]


def _null(bins: Bins, w: Floats, rng: np.random.Generator) -> Floats:
    """Plug-in ECE of draws from the model's own confidences: (draws,)."""
    order = np.argsort(bins.bin, kind="stable")
    confidence, w = bins.confidence[order], w[order]
    starts = np.flatnonzero(np.diff(bins.bin[order], prepend=-1))
    drawn = np.empty(draws_for(w.size))
    for draw in range(drawn.size):
        residual = w * ((rng.random(w.size) < confidence) - confidence)
        drawn[draw] = np.abs(np.add.reduceat(residual, starts)).sum()
    return drawn / w.sum()


MEASURE = Measure(
    "ece", "Expected calibration error", ("label", "probs"), "lower",
    on_device(_value, _interval), _value, unit="probability",
)  # fmt: skip
