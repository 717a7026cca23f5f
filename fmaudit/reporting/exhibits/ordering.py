"""Which rows of a forest are drawn, and in which order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from fmaudit.reporting.exhibits.choice import Placed
from fmaudit.types import Finding

MOST_ROWS = 40


def value(finding: Finding) -> float:
    """A finding's value; NaN where it has none."""
    return math.nan if finding.estimate is None else finding.estimate.value


def kept(placed: Sequence[Placed], over_all: Finding | None) -> tuple[Placed, ...]:
    """At most MOST_ROWS, in their order: the worst by their rules, without a rule the farthest.

    Farthest from the value over all cases, without one from the median of the rows.
    """
    if len(placed) <= MOST_ROWS:
        return tuple(placed)
    middle = _middle(placed, over_all)

    def matters(k: int) -> tuple[bool, float]:
        finding = placed[k].finding
        away = beyond(finding) if finding.rule is not None else abs(value(finding) - middle)
        return finding.rule is None, math.inf if math.isnan(away) else -away

    chosen = sorted(range(len(placed)), key=matters)[:MOST_ROWS]
    return tuple(placed[k] for k in sorted(chosen))


def ordered(placed: Sequence[Placed], better: str) -> tuple[Placed, ...]:
    """Rows under a rule first, the worst first; then the worst, or the largest value, first."""

    def key(p: Placed) -> tuple[bool, float, float]:
        own = value(p.finding)
        if math.isnan(own):
            return True, 0.0, math.inf
        worst = -beyond(p.finding) if p.finding.rule is not None else 0.0
        return p.finding.rule is None, worst, own if better == "higher" else -own

    return tuple(sorted(placed, key=key))


def beyond(finding: Finding) -> float:
    """How far a figure lies on the bad side of its rule; −inf where it has no number."""
    assert finding.rule is not None
    signed = value(finding) - finding.rule.value
    signed = signed if finding.rule.op == "<=" else -signed
    return -math.inf if math.isnan(signed) else signed


def _middle(placed: Sequence[Placed], over_all: Finding | None) -> float:
    if over_all is not None:
        return value(over_all)
    finite = [own for p in placed if math.isfinite(own := value(p.finding))]
    return median(finite) if finite else 0.0
