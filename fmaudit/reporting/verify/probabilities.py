"""Figures of a classifier's probabilities: losses, ranking, calibration of one class."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.estimates import Ask, Smooth, enough, mean, smooth
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.types import Estimate

Ranked = Callable[[Array, Array, Array], tuple[float, Array]]


def log_loss(rows: Rows, ask: Ask) -> Estimate:
    """Mean of −log of the label's probability, clipped to float64's ε."""
    enough(rows, ask)
    of_label = rows.columns["probs"][np.arange(rows.n), rows.columns["label"]]
    tiny = np.finfo(float).eps
    return mean(-np.log(np.clip(of_label, tiny, 1 - tiny)), rows, ask, 0.0, math.inf)


def brier(rows: Rows, ask: Ask) -> Estimate:
    """Mean squared distance of the probabilities from the label; halved for two classes."""
    enough(rows, ask)
    probs, label = rows.columns["probs"], rows.columns["label"]
    k = probs.shape[1]
    squared = sum((probs[:, j] - (label == j)) ** 2 for j in range(k))
    halved = k == 2
    return mean(squared / 2 if halved else squared, rows, ask, 0.0, 1.0 if halved else 2.0)


def ranking(figure: Ranked, *, macro: bool) -> Callable[[Rows, Ask], Estimate]:
    """A figure of one class's scores against the rest, or its mean over all classes."""

    def found(rows: Rows, ask: Ask) -> Estimate:
        enough(rows, ask)
        probs, label = rows.columns["probs"], rows.columns["label"]
        classes = range(probs.shape[1]) if macro else [ask.positive]
        values, influence, limiting = [], np.zeros(rows.n), rows.units
        for k in classes:
            y = label == k
            if y.all() or not y.any():
                raise NotEstimable(f"class {k} has rows on one side only")
            value, z = figure(y, probs[:, k], rows.w)
            values.append(value)
            influence = influence + z / len(classes)
            limiting = min(limiting, rows.where(y).units, rows.where(~y).units)
        return smooth(Smooth(sum(values) / len(values), influence, limiting=limiting), rows, ask)

    return found


def auroc(y: Array, score: Array, w: Array) -> tuple[float, Array]:
    """P(s₊ > s₋) + ½P(s₊ = s₋), and each row's placement less it, over its side's weight."""
    level, positive, negative = _levels(y, score, w)
    below_n = np.cumsum(negative) - negative / 2
    above_p = positive.sum() - np.cumsum(positive) + positive / 2
    placement = np.where(y, below_n[level] / negative.sum(), above_p[level] / positive.sum())
    value = float((positive * below_n).sum() / positive.sum() / negative.sum())
    side = np.where(y, positive.sum(), negative.sum())
    return value, w * (placement - value) / side


def auprc(y: Array, score: Array, w: Array) -> tuple[float, Array]:
    """Average precision Σ (R_t − R_{t−1})·P_t, and its influence values."""
    level, positive, negative = _levels(y, score, w)
    tp = positive[::-1].cumsum()[::-1]
    n = (positive + negative)[::-1].cumsum()[::-1]
    value = float((positive * tp / n).sum() / positive.sum())
    gained, spent = np.cumsum(positive / n), np.cumsum(positive * tp / n**2)
    own = np.where(y, (tp / n)[level] - value + gained[level], 0.0)
    return value, w * (own - spent[level]) / positive.sum()


def in_the_large(rows: Rows, ask: Ask) -> Estimate:
    """Mean of label minus probability of the positive class."""
    enough(rows, ask)
    y = rows.columns["label"] == ask.positive
    return mean(y - rows.columns["probs"][:, ask.positive], rows, ask, -1.0, 1.0)


def slope(rows: Rows, ask: Ask) -> Estimate:
    """Slope of the logistic regression of the label on the logit of its probability."""
    enough(rows, ask)
    y = (rows.columns["label"] == ask.positive).astype(float)
    p = np.clip(rows.columns["probs"][:, ask.positive], 1e-12, 1 - 1e-12)
    if y.min() == y.max() or p.min() == p.max():
        raise NotEstimable("a slope needs both outcomes and different probabilities")
    x = np.column_stack([np.ones(rows.n), np.log(p) - np.log1p(-p)])
    beta = _logistic(x, y, rows.w)
    mu = 1 / (1 + np.exp(-x @ beta))
    hessian = x.T @ (x * (rows.w * mu * (1 - mu))[:, None])
    influence = np.linalg.solve(hessian, (x * (rows.w * (y - mu))[:, None]).T)[1]
    return smooth(Smooth(float(beta[1]), influence, -math.inf, math.inf), rows, ask)


def _logistic(x: Array, y: Array, w: Array) -> Array:
    """Newton's method, steps halved while they lose likelihood."""

    def likelihood(beta: Array) -> float:
        eta = x @ beta
        return float((w * (y * eta - np.logaddexp(0, eta))).sum())

    beta = np.zeros(2)
    for _ in range(200):
        mu = 1 / (1 + np.exp(-np.clip(x @ beta, -700, 700)))
        hessian = x.T @ (x * (w * mu * (1 - mu))[:, None])
        if np.linalg.cond(hessian) > 1e14:
            break
        step = np.linalg.solve(hessian, x.T @ (w * (y - mu)))
        while likelihood(beta + step) < likelihood(beta) - 1e-9 and np.abs(step).max() > 1e-12:
            step = step / 2
        beta = beta + step
        if np.abs(step).max() <= 1e-12 * max(1.0, np.abs(beta).max()):
            return beta
    raise NotEstimable("the logistic regression has no finite slope")


def _levels(y: Array, score: Array, w: Array) -> tuple[Array, Array, Array]:
    """Each row's rank among the distinct scores; weights of both sides at each of them."""
    _, level = np.unique(score, return_inverse=True)
    level = level.reshape(-1)
    return level, np.bincount(level, weights=w * y), np.bincount(level, weights=w * ~y)
