"""The bootstrap of a true positive rate at few false positives, exactly, with nothing drawn.

See `membership`; Hutson and Ernst 2000, https://doi.org/10.1111/1467-9868.00221.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fmaudit.stats.sample import Bools, Floats


@dataclass(frozen=True)
class Resampled:
    """The bootstrap distribution of n·TPR: Bin(n, share) with probability `chance`, summed.

    `above`: shares of members above each threshold, `reached`: at or above it.
    """

    n: int
    above: Floats
    reached: Floats
    chance: Floats

    def at_most(self, events: int) -> float:
        """P(n·TPR* ≤ events), ties with the threshold not counted."""
        from scipy import special

        if events < 0:
            return 0.0
        return float(self.chance @ special.bdtr(min(events, self.n), self.n, self.above))

    def at_least(self, events: int) -> float:
        """P(n·TPR* ≥ events), ties with the threshold counted."""
        from scipy import special

        if events > self.n:
            return 0.0
        tails = special.bdtrc(events - 1, self.n, self.reached) if events > 0 else 1.0
        return float(np.sum(self.chance * tails))

    def p(self, threshold: float) -> tuple[float, float]:
        """P(TPR* ≤ threshold) and P(TPR* ≥ threshold)."""
        events = self.n * threshold
        return self.at_most(math.floor(events + 1e-9)), self.at_least(math.ceil(events - 1e-9))

    def limits(self, alpha: float) -> tuple[float, float]:
        """The smallest share with P(TPR* ≤ share) > α, the largest with P(TPR* ≥ share) > α."""
        low = _first(lambda x: self.at_most(x) > alpha, self.n)
        high = self.n - _first(lambda x: self.at_least(self.n - x) > alpha, self.n)
        return low / self.n, high / self.n


def resampled(member: Bools, score: Floats, allowed: int) -> Resampled:
    """The bootstrap of both sides, `allowed` false positives a resample."""
    from scipy import special

    others, inside = np.sort(score[~member]), np.sort(score[member])
    level = np.unique(others)[::-1]
    alarms = others.size - np.searchsorted(others, level, side="left")
    highest = special.bdtrc(allowed, others.size, alarms / others.size)
    chance = np.diff(highest, prepend=0.0)
    there, n = chance > 0, inside.size
    above = n - np.searchsorted(inside, level[there], side="right")
    reached = n - np.searchsorted(inside, level[there], side="left")
    return Resampled(n, above / n, reached / n, chance[there])


def _first(holds: Callable[[int], bool], last: int) -> int:
    """The smallest number from 0 to `last` at which what then stays true is true."""
    start = 0
    while start < last:
        middle = (start + last) // 2
        start, last = (start, middle) if holds(middle) else (middle + 1, last)
    return start
