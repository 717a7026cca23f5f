"""Figures of published sets of sentences, written anew.

A rate of stereotypes is a sum over rows of v·c, with c = ±w/(S·W): W the weight of the row's
stereotype, S how many stereotypes its side has. A correlation is a slope between z-scores.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.estimates import Ask, Smooth, enough, proportion, smooth
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.types import Estimate

Compute = Callable[[Rows, Ask], Estimate]


def strict(rows: Rows, ask: Ask) -> Estimate:
    """Share of pairs whose more stereotyped sentence scores higher at 3 decimals."""
    return proportion(_ahead(rows) > 0, rows, ask)


def untied(rows: Rows, ask: Ask) -> Estimate:
    """The same share of the pairs whose scores differ at 3 decimals."""
    ahead = _ahead(rows)
    return proportion(ahead[ahead != 0] > 0, rows.where(ahead != 0), ask)


def _ahead(rows: Rows) -> Array:
    more, less = (np.rint(1000 * rows.columns[c]) for c in ("more_logprob", "less_logprob"))
    return np.sign(more - less)


def correlation(*preferences: str) -> Compute:
    """Correlation over occupations with the share of women; of the first less of the second."""

    def found(rows: Rows, ask: Ask) -> Estimate:
        if rows.n == 0:
            raise NotEstimable("no rows")
        names = sorted({str(name) for name in rows.columns["occupation"]})
        code = np.array([names.index(str(name)) for name in rows.columns["occupation"]])
        belongs = (code == np.arange(len(names))[:, None]) * rows.w
        belongs = belongs / belongs.sum(axis=1, keepdims=True)
        units = Rows({}, *_alone(len(names)))
        enough(units, ask)
        women = _standard(belongs @ rows.columns["women"])
        value, influence = 0.0, np.zeros(len(names))
        for sign, column in zip((1, -1), preferences, strict=False):
            mean = _standard(belongs @ rows.columns[column])
            slope = float(women @ mean) / len(names)
            off = (mean - slope * women, women - slope * mean)
            value += sign * slope
            influence += sign * (women * off[0] + mean * off[1]) / 2 / len(names)
        width = float(len(preferences))
        figure = Smooth(value, influence, -width, width)
        return msgspec.structs.replace(smooth(figure, units, ask), n=rows.n)

    return found


def score(rows: Rows, ask: Ask) -> Estimate:
    """E to the mean log ratio."""
    value = float(np.average(rows.columns["log_ratio"], weights=rows.w)) if rows.n else math.nan
    moved = rows.w * (rows.columns["log_ratio"] - value) / rows.w.sum()
    return _raised(Smooth(value, moved, -math.inf, math.inf), rows, ask)


def rate(*columns: str) -> Compute:
    """E to the contrast of men's and women's stereotypes; of the first column less the second."""

    def found(rows: Rows, ask: Ask) -> Estimate:
        if rows.n == 0:
            raise NotEstimable("no rows")
        values = np.asarray(rows.columns[columns[0]], float)
        if len(columns) > 1:
            values = values - rows.columns[columns[1]]
        kinds = [f"{a} {s}" for a, s in zip(*(rows.columns[c] for c in _KINDS), strict=True)]
        names, code = np.unique(np.array(kinds), return_inverse=True)
        side = np.array([{"men": 1, "women": -1}.get(name.split()[0], 0) for name in names])
        if not {1, -1} <= set(side.tolist()):
            raise NotEstimable("stereotypes of one side alone")
        code = code.reshape(-1)
        weight = np.bincount(code, weights=rows.w)
        many = np.where(side > 0, (side > 0).sum(), (side < 0).sum())
        share = (side / many / weight)[code] * rows.w
        middles = np.bincount(code, weights=rows.w * values) / weight
        total = float(np.dot(share, values))
        units = [len(np.unique(rows.unit[code == k])) for k in range(len(names)) if side[k]]
        moved = share * (values - middles[code])
        figure = Smooth(total, moved, -math.inf, math.inf, limiting=min(units))
        return _raised(figure, rows, ask)

    return found


_KINDS = ("about", "stereotype")


def _raised(figure: Smooth, rows: Rows, ask: Ask) -> Estimate:
    """E to a figure and to its limits; its threshold is the logarithm of the rule's."""
    if ask.rule is not None:
        at = math.log(ask.threshold) if ask.threshold > 0 else -math.inf
        ask = replace(ask, rule=msgspec.structs.replace(ask.rule, value=at))
    found = smooth(figure, rows, ask)
    names = ("value", "low", "high", "low_adj", "high_adj")
    powers = {n: _power(getattr(found, n)) for n in names if getattr(found, n) is not None}
    if math.isinf(powers["value"]):
        raise NotEstimable("a value is not finite")
    return msgspec.structs.replace(found, **powers)


def _power(x: float) -> float:
    return math.exp(x) if x < 709 else math.inf


def _alone(n: int) -> tuple[Array, Array, Array, None]:
    """The design of n independent units that count alike."""
    return np.ones(n), np.arange(n), np.zeros(n, dtype=int), None


def _standard(column: Array) -> Array:
    """Z-scores. Raises `NotEstimable` where nothing varies."""
    spread = float(np.std(column))
    if not spread > 1e-12 * max(1.0, float(np.max(np.abs(column)))):
        raise NotEstimable("all occupations have the same value")
    return (column - np.mean(column)) / spread
