"""Figures of language models: ratios of sums over texts, means over answers, written anew.

A ratio Q = Σ w·a / Σ w·b moves by w·(a − Q·b) / Σ w·b with a row. Perplexity is e^Q of nats by
tokens, and its limits and thresholds are those of Q.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.estimates import Ask, Smooth, enough, mean, smooth
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.types import Estimate

Compute = Callable[[Rows, Ask], Estimate]


def bits_per_byte(rows: Rows, ask: Ask) -> Estimate:
    """Nats by bytes, in bits."""
    return _by_bytes(rows.columns["nats"], rows, ask, low=0.0)


def bits_per_byte_change(rows: Rows, ask: Ask) -> Estimate:
    """Nats less the base's by bytes, in bits; it has no bounds."""
    return _by_bytes(rows.columns["nats"] - rows.columns["base_nats"], rows, ask, low=-math.inf)


def perplexity(rows: Rows, ask: Ask) -> Estimate:
    """The exponential of nats by tokens."""
    if ask.rule is not None:
        nats = math.log(ask.threshold) if ask.threshold > 0 else -math.inf
        ask = replace(ask, rule=msgspec.structs.replace(ask.rule, value=nats))
    found = _ratio(rows.columns["nats"], rows.columns["scored_tokens"], rows, ask, low=0.0)
    if math.isinf(_power(found.value)):
        raise NotEstimable("a value is not finite")
    names = ("value", "low", "high", "low_adj", "high_adj")
    nats_by_name = {name: getattr(found, name) for name in names}
    powers = {name: _power(x) for name, x in nats_by_name.items() if x is not None}
    return msgspec.structs.replace(found, **powers)


def average(
    first: str, second: str = "", *, low: float = -math.inf, high: float = math.inf
) -> Compute:
    """The mean of a column between `low` and `high`, or of it less another."""

    def found(rows: Rows, ask: Ask) -> Estimate:
        values = np.asarray(rows.columns[first], float)
        if second:
            values = values - np.asarray(rows.columns[second], float)
        return mean(values, rows, ask, low, high)

    return found


def _by_bytes(nats: Array, rows: Rows, ask: Ask, low: float) -> Estimate:
    return _ratio(nats / math.log(2), rows.columns["bytes"], rows, ask, low)


def _ratio(top: Array, bottom: Array, rows: Rows, ask: Ask, low: float) -> Estimate:
    enough(rows, ask)
    below = float(np.dot(rows.w, bottom))
    if not below > 0:
        raise NotEstimable("nothing in the denominator")
    value = float(np.dot(rows.w, top)) / below
    if not math.isfinite(value):
        raise NotEstimable("a value is not finite")
    influence = rows.w * (top - value * bottom) / below
    return smooth(Smooth(value, influence, low, math.inf), rows, ask)


def _power(nats: float) -> float:
    return math.exp(nats) if nats < 709 else math.inf
