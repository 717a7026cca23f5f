"""Differences between groups of figures that are no shares: scores, areas, losses, calibration."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify import ece as calibration
from fmaudit.reporting.verify.bounds import Shares, critical, wilson
from fmaudit.reporting.verify.contrasts import Largest, correlation, enough_rows
from fmaudit.reporting.verify.estimates import FEWEST_UNITS, Ask, Smooth, enough, flagged, smooth
from fmaudit.reporting.verify.probabilities import auroc
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.reporting.verify.spread import variance
from fmaudit.types import Estimate

Figure = Callable[[Rows, Ask], Smooth]


@dataclass(frozen=True)
class Score:
    """A group's figure, linearised. `at`: places of its rows; `floor`: where low limits start."""

    name: str
    found: Smooth
    floor: float
    at: Array
    error: float
    df: float
    units: int
    few: Mapping[str, Any]


def gap(figure: Figure, low: float, high: float, *, even: bool = False) -> Any:
    """The largest difference of the figure, of the range `low` to `high`, between two groups.

    `even`: of equally many rows of each group, by confidence.
    """

    def found(rows: Rows, ask: Ask) -> Estimate:
        enough_rows(rows)
        scores, excluded = _scores(figure, rows, ask, (low, high), even)
        pairs = list(combinations(range(len(scores)), 2))
        largest = Largest(
            np.array([s.found.value for s in scores]),
            lambda alpha: _ends(scores, (low, high), alpha, even),
            [{a: 1.0, b: -1.0} for a, b in pairs],
            correlation([(s.at, s.found.influence) for s in scores], rows),
            ask,
        )
        at, turned = largest.driver
        two = [scores[j] for j in pairs[at]]
        higher, lower = two[::-1] if turned else two
        group = rows.columns["group"]
        return Estimate(
            **largest.figures(top=high - low),
            n=sum(len(s.at) for s in scores),
            clusters=sum(s.units for s in scores),
            method="mover_smooth",
            details={
                **{key: v for s in scores for key, v in s.few.items()},
                "pair": [lower.name, higher.name],
                "pairs": len(pairs),
                "limiting_clusters": min(lower.units, higher.units),
                "by_group": {
                    s.name: {
                        "value": s.found.value,
                        "n": int((group == s.name).sum()),
                        "denominator": len(s.at),
                    }
                    for s in scores
                },
                "excluded": excluded,
            },
        )

    return found


def _scores(
    figure: Figure, rows: Rows, ask: Ask, span: tuple[float, float], even: bool
) -> tuple[list[Score], dict[str, str]]:
    places: dict[str, Array] = {}
    excluded: dict[str, str] = {}
    group = rows.columns["group"]
    for name in sorted(set(group)):
        at = np.flatnonzero(group == name)
        try:
            enough(_at(rows, at), ask)
            places[name] = at
        except NotEstimable as why:
            excluded[name] = str(why)
    if even and places:
        smallest = min(map(len, places.values()))
        places = {name: _evenly(rows, at, smallest) for name, at in places.items()}
    scores = []
    for name, at in places.items():
        try:
            scores.append(_score(name, figure, rows, at, ask, span))
        except NotEstimable as why:
            excluded[name] = str(why)
    if len(scores) < 2:
        raise NotEstimable("fewer than two groups")
    return scores, excluded


def _score(
    name: str, figure: Figure, rows: Rows, at: Array, ask: Ask, span: tuple[float, float]
) -> Score:
    own = _at(rows, at)
    if own.units < FEWEST_UNITS:
        raise NotEstimable("too few units")
    found = figure(own, ask)
    spread, df = variance(found.influence, own)
    if found.limiting is not None:
        df = min(df, found.limiting - 1)
    if df < 1:
        raise NotEstimable("one row in a denominator")
    error = math.sqrt(max(spread, 0.0))
    ends = min(found.value - span[0], span[1] - found.value) <= 1e-12
    if error <= 1e-12 * max(1.0, abs(found.value)) and not ends:
        raise NotEstimable("nothing varies")
    floor = float(found.details.get("floor", found.value))
    return Score(name, found, floor, at, error, df, own.units, flagged(own))


def _ends(
    scores: list[Score], span: tuple[float, float], alpha: Any, cut: bool
) -> tuple[Array, Array]:
    """Limits of each group's figure: one row, or a row a level where `alpha` is a column."""
    ends = [_limits(score, span, np.asarray(alpha, float), cut) for score in scores]
    low, high = (np.concatenate([np.atleast_1d(e[k]) for e in ends], axis=-1) for k in (0, 1))
    return low, high


def _limits(score: Score, span: tuple[float, float], alpha: Array, cut: bool) -> tuple[Any, Any]:
    (a, b), v = span, score.found.value
    if score.error <= 1e-12 * max(1.0, abs(v)):
        units = score.units if score.found.limiting is None else score.found.limiting
        if math.isinf(b):
            share = wilson(Shares(0.0, float(units), score.df), alpha)[1]
            return np.full_like(share, a), a + 1 / (1 / share - 1)
        low, high = wilson(Shares(float(round((v - a) / (b - a))), float(units), score.df), alpha)
        return a + (b - a) * low, a + (b - a) * high
    reach = critical(alpha, score.df) * score.error
    if cut:
        return np.maximum(a, score.floor - reach), np.minimum(b, v + reach)
    if a < v < b and math.isfinite(b - a):
        odds = (v - a) / (b - v)
        step = np.exp(np.minimum(reach * (b - a) / ((v - a) * (b - v)), 600.0))
        return a + (b - a) / (1 + step / odds), a + (b - a) / (1 + 1 / (odds * step))
    if math.isfinite(a) and v > a:
        step = np.exp(np.minimum(reach / (v - a), 300.0))
        return a + (v - a) / step, a + (v - a) * step
    return v - reach, v + reach


def _evenly(rows: Rows, at: Array, count: int) -> Array:
    """`count` of the rows, at even steps of their order by confidence, correctness, weight."""
    probs = rows.columns["probs"][at]
    right = probs.argmax(axis=1) == rows.columns["label"][at]
    weight = _at(rows, at).w
    keys = zip(probs.max(axis=1).tolist(), right.tolist(), weight.tolist(), strict=True)
    order = [k for _, k in sorted((key, k) for k, key in enumerate(keys))]
    return np.array(sorted(at[order[(2 * i + 1) * len(at) // (2 * count)]] for i in range(count)))


def _at(rows: Rows, at: Array) -> Rows:
    mask = np.zeros(rows.n, dtype=bool)
    mask[at] = True
    return rows.where(mask)


# ── the figures ──────────────────────────────────────────────────────────────────────────


def mean_score(rows: Rows, ask: Ask) -> Smooth:
    """Mean probability of the positive class."""
    return _mean(rows.columns["probs"][:, ask.positive], rows)


def area(rows: Rows, ask: Ask) -> Smooth:
    """Area under the ROC curve of the positive class."""
    y = rows.columns["label"] == ask.positive
    if y.all() or not y.any():
        raise NotEstimable("one side only")
    value, z = auroc(y, rows.columns["probs"][:, ask.positive], rows.w)
    return Smooth(value, z, limiting=min(rows.where(y).units, rows.where(~y).units))


def brier(rows: Rows, ask: Ask) -> Smooth:
    """Half the mean squared distance of the probabilities from the label."""
    probs, label = rows.columns["probs"], rows.columns["label"]
    target = (np.arange(probs.shape[1]) == label[:, None]).astype(float)
    return _mean(np.square(probs - target).sum(axis=1) / 2, rows)


def balanced(rows: Rows, ask: Ask) -> Smooth:
    """Mean recall of the classes among the labels."""
    label, hit = rows.columns["label"], rows.columns["label"] == rows.columns["predicted"]
    value, z, units = 0.0, np.zeros(rows.n), []
    classes = sorted(set(label.tolist()))
    for k in classes:
        mine = label == k
        mass = rows.w[mine].sum()
        recall = rows.w[mine & hit].sum() / mass
        value += recall / len(classes)
        z[mine] = rows.w[mine] * (hit[mine] - recall) / mass / len(classes)
        units.append(rows.where(mine).units)
    return Smooth(float(value), z, limiting=min(units))


def treatment(rows: Rows, ask: Ask) -> Smooth:
    """False negatives over false positives."""
    y, d = rows.columns["label"] == ask.positive, rows.columns["predicted"] == ask.positive
    misses, alarms = y & ~d, d & ~y
    if not alarms.any():
        raise NotEstimable("no false positives")
    below = rows.w[alarms].sum()
    value = float(rows.w[misses].sum() / below)
    least = min(rows.where(side).units for side in (misses, alarms) if side.any())
    return Smooth(value, rows.w * (misses - value * alarms) / below, 0.0, math.inf, least)


def in_the_large(rows: Rows, ask: Ask) -> Smooth:
    """Mean of the label less the probability of the positive class."""
    y = (rows.columns["label"] == ask.positive).astype(float)
    return _mean(y - rows.columns["probs"][:, ask.positive], rows)


def ece(rows: Rows, ask: Ask) -> Smooth:
    """Debiased calibration error; its lower limits start from `details.floor`."""
    return calibration.linearised(rows)


def mean_score_estimate(rows: Rows, ask: Ask) -> Estimate:
    """The mean score with its interval."""
    enough(rows, ask)
    return smooth(mean_score(rows, ask), rows, ask)


def treatment_estimate(rows: Rows, ask: Ask) -> Estimate:
    """False negatives over false positives, with their interval."""
    enough(rows, ask)
    return smooth(treatment(rows, ask), rows, ask)


def _mean(values: Array, rows: Rows) -> Smooth:
    value = float(np.average(values, weights=rows.w))
    return Smooth(value, rows.w * (values - value) / rows.w.sum())
