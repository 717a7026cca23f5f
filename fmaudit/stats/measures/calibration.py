"""Whether the probability of the positive class means what it says (top-label ECE: `ece`).

calibration_in_the_large: mean of y − p₊ (y: the label is the positive class), above 0 where
probabilities are too low; linearised within (−1, 1). calibration_slope: slope b of the logistic
regression of y on logit(p₊), p₊ clipped to [1e-12, 1 − 1e-12], weighted; 1 is calibrated, below
1 too extreme; influence values are row 2 of H⁻¹x_i·w_i(y_i − μ_i), x = (1, logit p₊),
H = Σ w μ(1 − μ)xxᵀ (Cox 1958; Van Calster et al. 2019).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.stats.estimates import linearised, mean, require
from fmaudit.stats.measures import ece
from fmaudit.stats.measures.arrays import namespace
from fmaudit.stats.measures.base import Measure, on_device
from fmaudit.stats.sample import Floats, Question, Sample, to_numpy
from fmaudit.types import Estimate

_CLIP = 1e-12


def _residuals(sample: Sample, question: Question) -> Any:
    k = question.positive_class
    probs = sample.columns["probs"]
    return namespace(probs).astype(sample.columns["label"] == k, probs.dtype) - probs[:, k]


def _large_value(sample: Sample, question: Question) -> float:
    if sample.n == 0:
        raise NotEstimable("no rows")
    residual = to_numpy(_residuals(sample, question))
    return float((sample.w * residual).sum() / sample.w.sum())


def _large_interval(sample: Sample, question: Question) -> Estimate:
    return mean(_residuals(sample, question), sample, question, span=(-1.0, 1.0))


def _regression(sample: Sample, question: Question) -> tuple[float, Floats]:
    """Slope of y on logit(p₊) and its influence values (n,), host arrays."""
    k = question.positive_class
    y = (sample.columns["label"] == k).astype(np.float64)
    p = np.clip(sample.columns["probs"][:, k].astype(np.float64), _CLIP, 1 - _CLIP)
    if y.min(initial=1) == y.max(initial=0) or np.ptp(p) == 0:
        raise NotEstimable("a slope needs both outcomes, and probabilities that differ")
    x = np.log(p) - np.log1p(-p)
    if _separated(x, y):
        raise NotEstimable("the probabilities separate the outcomes: no finite slope")
    beta, bread = _fit(x, y, sample.w)
    score = sample.w * (y - _logistic(beta[0] + beta[1] * x))
    return float(beta[1]), (bread[1, 0] + bread[1, 1] * x) * score


def _separated(x: Floats, y: Floats) -> bool:
    """Whether some cut of x parts the outcomes, but for rows on the cut itself."""
    high, low = x[y == 1], x[y == 0]
    return bool(low.max() <= high.min() or high.max() <= low.min())


def _fit(x: Floats, y: Floats, w: Floats) -> tuple[Floats, Floats]:
    """Newton's steps for intercept and slope, halved where they overshoot; and H⁻¹.

    Starts from (0, 1), where the probabilities are taken at their word.
    """
    beta = np.array([0.0, 1.0])
    loss = _loss(beta, x, y, w)
    for _ in range(100):
        mu = _logistic(beta[0] + beta[1] * x)
        spread, residual = w * mu * (1 - mu), w * (y - mu)
        cross = float(spread @ x)
        information = np.array([[spread.sum(), cross], [cross, float(spread @ x**2)]])
        if np.linalg.cond(information) > 1e15:
            break
        bread = np.linalg.inv(information)
        step = bread @ np.array([residual.sum(), float(residual @ x)])
        if np.max(np.abs(step)) <= 1e-12 * max(1.0, float(np.max(np.abs(beta)))):
            return beta, bread
        while (new := _loss(beta + step, x, y, w)) > loss * (1 + 1e-12):
            step = step / 2
        beta, loss = beta + step, new
    raise NotEstimable("the logistic regression did not converge")


def _loss(beta: Floats, x: Floats, y: Floats, w: Floats) -> float:
    eta = beta[0] + beta[1] * x
    return float(w @ (np.logaddexp(0, eta) - y * eta))


def _logistic(eta: Floats) -> Floats:
    found: Floats = np.exp(-np.logaddexp(0, -eta))
    return found


def _slope_value(sample: Sample, question: Question) -> float:
    return _regression(sample.host(), question)[0]


def _slope_interval(sample: Sample, question: Question) -> Estimate:
    require(sample, question)
    value, z = _regression(sample, question)
    return linearised(value, z, sample, question, span=(-math.inf, math.inf))


_COLUMNS = ("label", "probs")

MEASURES = (
    ece.MEASURE,
    Measure("calibration_in_the_large", "Calibration in the large", _COLUMNS, "zero",
            on_device(_large_value, _large_interval), _large_value, needs_positive=True,
            unit="probability"),
    Measure("calibration_slope", "Calibration slope", _COLUMNS, "neither",
            on_device(_slope_value, _slope_interval), _slope_value, needs_positive=True,
            unit="slope"),
)  # fmt: skip
