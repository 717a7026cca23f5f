"""A share of simulated audits, with bounds."""

from __future__ import annotations

from fmaudit.types import Rate

LEVEL = 0.05

MOST_FALSE_ALARMS = 0.05
LEAST_POWER = 0.9
"""What is promised of every rule (`fmaudit selftest` says where it is not kept)."""


def rate(hits: int, seeds: int) -> Rate:
    """`hits` of `seeds` with one-sided 95 % bounds: exact, Clopper and Pearson 1934.

    >>> rate(0, 400).high < 0.01
    True
    """
    from scipy import special

    if not 0 <= hits <= seeds or seeds < 1:
        raise ValueError(f"{hits} of {seeds}")
    low = 0.0 if hits == 0 else float(special.betaincinv(hits, seeds - hits + 1, LEVEL))
    high = 1.0 if hits == seeds else float(special.betaincinv(hits + 1, seeds - hits, 1 - LEVEL))
    return Rate(hits / seeds, low, high, seeds)
