"""How well scores rank: AUROC and AUPRC of one class against the rest, from `label`, `probs`.

AUROC = P(s₊ > s₋) + ½·P(s₊ = s₋), own code on NumPy and torch. With the placement
value v_i of a positive row = the weighted share of negative rows below it (ties ½), and of a
negative row = the weighted share of positive rows above it, the influence value of row i is
w_i(v_i − AUROC)/W_own, W_own the weight of its own side (DeLong, DeLong, Clarke-Pearson 1988;
summed over clusters: Obuchowski 1997).

AUPRC = Σ_thresholds (R_t − R_{t−1})·P_t (average precision, scikit-learn's; no interpolation).
With TP(s), N(s) the weights of positive and of all rows scored at least s, and P₊ the weight of
positive rows, the influence value of row j with label y_j (1 positive, else 0) is

    w_j/P₊ · { y_j·[TP(s_j)/N(s_j) − AUPRC]
               + Σ_{i: s_i ≤ s_j} w_i y_i·(y_j/N(s_i) − TP(s_i)/N(s_i)²) }

Intervals are linearised within (0, 1), U the units of the smaller side. The macro
figures are the plain means over all classes, and need each class to have rows on both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.stats.estimates import linearised
from fmaudit.stats.measures.arrays import dispatched, namespace, weights
from fmaudit.stats.measures.base import Measure, on_device
from fmaudit.stats.sample import Bools, Floats, Question, Sample
from fmaudit.types import Estimate

Curve = Callable[[Any, Any, Any], float]
Influence = Callable[[Bools, Floats, Floats], tuple[float, Floats]]


def auroc(positive: Any, score: Any, weight: Any) -> float:
    """Weighted AUROC of `score` (n,) for `positive` (n booleans); NumPy or torch."""
    xp = namespace(score)
    w = weight[positive]
    below = _share_below(score[positive], score[~positive], weight[~positive])
    return float(xp.sum(w * below) / xp.sum(w))


def auprc(positive: Any, score: Any, weight: Any) -> float:
    """Weighted average precision, by scikit-learn."""
    with dispatched(score) as metrics:
        return float(metrics.average_precision_score(positive, score, sample_weight=weight))


def auroc_influence(positive: Bools, score: Floats, weight: Floats) -> tuple[float, Floats]:
    """AUROC and its influence values (n,), host arrays."""
    w_pos, w_neg = weight[positive], weight[~positive]
    below = _share_below(score[positive], score[~positive], w_neg)
    above = 1 - _share_below(score[~positive], score[positive], w_pos)
    value = float((w_pos * below).sum() / w_pos.sum())
    z = np.empty(score.size)
    z[positive] = w_pos * (below - value) / w_pos.sum()
    z[~positive] = w_neg * (above - value) / w_neg.sum()
    return value, z


def auprc_influence(positive: Bools, score: Floats, weight: Floats) -> tuple[float, Floats]:
    """Average precision and its influence values (n,), host arrays."""
    _, level = np.unique(-score, return_inverse=True)  # 0 is the highest score
    level = level.reshape(-1)
    hits = np.bincount(level, weights=weight * positive)
    tp, total = np.cumsum(hits), np.cumsum(np.bincount(level, weights=weight))
    all_hits = tp[-1]
    value = float((hits * tp / total).sum() / all_hits)
    # Sums over rows scored at most s: from the last level upwards.
    gained = np.cumsum((hits / total)[::-1])[::-1]
    spent = np.cumsum((hits * tp / total**2)[::-1])[::-1]
    y = positive.astype(np.float64)
    terms = y * ((tp / total)[level] - value) + y * gained[level] - spent[level]
    return value, weight * terms / all_hits


def _share_below(scores: Any, others: Any, weight: Any) -> Any:
    """For each score, the weighted share of `others` below it, equal ones counted half."""
    xp = namespace(scores)
    order = xp.argsort(others)
    ranked, mass = xp.take(others, order), xp.cumulative_sum(xp.take(weight, order))
    mass = xp.concat([xp.zeros_like(mass[:1]), mass])
    down = xp.take(mass, xp.searchsorted(ranked, scores, side="left"))
    up = xp.take(mass, xp.searchsorted(ranked, scores, side="right"))
    return (down + up) / (2 * mass[-1])


def _sides(sample: Sample, k: int) -> tuple[Any, Any, Any]:
    """Whether each row is of class k, its score for k, its weight; both sides must have rows."""
    positive, score = sample.columns["label"] == k, sample.columns["probs"][:, k]
    rows = int(positive.sum())
    if rows == 0 or rows == sample.n:
        raise NotEstimable(f"all rows are on one side of class {k}: nothing to rank")
    return positive, score, weights(sample, score)


def _classes(sample: Sample, question: Question, macro: bool) -> range | tuple[int]:
    return range(sample.columns["probs"].shape[1]) if macro else (question.positive_class,)


def _measure(
    name: str, title: str, curve: Curve, influence: Influence, *, macro: bool = False
) -> Measure:
    def value(sample: Sample, question: Question) -> float:
        classes = _classes(sample, question, macro)
        return sum(curve(*_sides(sample, k)) for k in classes) / len(classes)

    def interval(sample: Sample, question: Question) -> Estimate:
        classes = _classes(sample, question, macro)
        z, total, limiting = np.zeros(sample.n), 0.0, sample.unit_count
        for k in classes:
            positive, score, w = _sides(sample, k)
            one, influences = influence(positive, score, w)
            total, z = total + one, z + influences
            sides = (sample.units[positive], sample.units[~positive])
            limiting = min(limiting, *(int(np.unique(units).size) for units in sides))
        count = len(classes)
        return linearised(total / count, z / count, sample, question, limiting=limiting)

    return Measure(
        name, title, ("label", "probs"), "higher", on_device(value, interval), value,
        needs_positive=not macro, unit="area",
    )  # fmt: skip


MEASURES = (
    _measure("auroc", "AUROC", auroc, auroc_influence),
    _measure("auroc_macro", "AUROC, mean over classes", auroc, auroc_influence, macro=True),
    _measure("auprc", "AUPRC", auprc, auprc_influence),
    _measure("auprc_macro", "AUPRC, mean over classes", auprc, auprc_influence, macro=True),
)
