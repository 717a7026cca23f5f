"""How many units would decide what this many did not."""

from __future__ import annotations

import math

from fmaudit.types import Estimate, Rule

EIGHTY = 2.04
"""((1.96 + 0.84) / 1.96)²: from a half-width at 95 % to a verdict at 80 % power."""


def needed_n(estimate: Estimate, rule: Rule) -> int | None:
    """Independent units for a verdict in 80 % of audits *if the true value is the estimate*.

    n · (half-width / |estimate − τ|)² · 2.04, half-width = (high − low)/2, n the units of the
    estimate, or of the limiting cell (`details.limiting_clusters`) of a gap; rounded up. None
    where the estimate lies within a tenth of τ of the threshold, or has no interval. Adding
    data until it decides voids the level: fix n beforehand.
    """
    distance = abs(estimate.value - rule.value)
    if estimate.low is None or estimate.high is None:
        return None
    if distance == 0 or distance < 0.1 * abs(rule.value):
        return None
    units = estimate.details.get("limiting_clusters", estimate.clusters)
    half = (estimate.high - estimate.low) / 2
    return math.ceil(units * (half / distance) ** 2 * EIGHTY)
