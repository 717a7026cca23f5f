"""What a gap between groups would be if group membership meant nothing.

Whole units are dealt anew to groups of the sizes that were seen (a unit with rows in several
groups: its rows' groups are dealt anew within it), and the shares computed again, 999 times
(199 where more than 50,000 units must be dealt one by one). The p-value is
(1 + draws at least as extreme)/(draws + 1). It is context beside a gap, and never decides.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fmaudit.stats.sample import Bools, Floats, Ints, Sample
from fmaudit.stats.variance import unit_totals

DRAWS = 999
FEWER_DRAWS = 199
MANY = 50_000
TABLE_CELLS = 5_000


def draws_for(n: int) -> int:
    """How many draws are made where each deals `n` rows one by one."""
    return DRAWS if n <= MANY else FEWER_DRAWS


def p_value(observed: float, drawn: Floats) -> float:
    """Share of draws at least as large as observed, itself counted among them."""
    return float((1 + np.count_nonzero(drawn >= observed - 1e-12)) / (drawn.size + 1))


def null_shares(
    events: Bools, group: Ints, k: int, sample: Sample, rng: np.random.Generator
) -> Floats:
    """Shares of `events` in k groups under the null: (draws, k). `group`: codes 0 … k − 1."""
    units = sample.units
    of_unit = np.zeros(sample.unit_count, dtype=np.int64)
    of_unit[units] = group
    if np.any(of_unit[units] != group):
        return _within_units(events, group, k, sample, rng)
    weight = unit_totals(sample.w, sample)
    event = unit_totals(sample.w * events, sample)
    kinds, kind, counts = np.unique(
        np.stack([weight, event]), axis=1, return_inverse=True, return_counts=True
    )
    if counts.size * k <= TABLE_CELLS:
        return _by_tables(kinds, counts, np.bincount(of_unit, minlength=k), rng)

    def redealt() -> tuple[Ints, Floats, Floats]:
        return rng.permutation(of_unit), weight, event

    return _by_dealing(redealt, k, weight.size)


def _by_tables(kinds: Floats, counts: Ints, sizes: Ints, rng: np.random.Generator) -> Floats:
    """Units that are alike are counted, not dealt: tables with fixed margins, all at once."""
    k = sizes.size
    room = np.tile(sizes, (DRAWS, 1))
    weight, event = np.zeros((DRAWS, k)), np.zeros((DRAWS, k))
    for (one_weight, one_event), count in zip(kinds.T, counts, strict=True):
        left = np.full(DRAWS, count)
        for g in range(k):
            others = room[:, g + 1 :].sum(axis=1)
            dealt = rng.hypergeometric(room[:, g], others, left)
            left, room[:, g] = left - dealt, room[:, g] - dealt
            weight[:, g] += one_weight * dealt
            event[:, g] += one_event * dealt
    return event / weight


def _within_units(
    events: Bools, group: Ints, k: int, sample: Sample, rng: np.random.Generator
) -> Floats:
    order = np.argsort(sample.units, kind="stable")
    unit, dealt = sample.units[order], group[order]
    weight, event = sample.w[order], (sample.w * events)[order]

    def redealt() -> tuple[Ints, Floats, Floats]:
        return dealt[np.argsort(unit + rng.random(unit.size))], weight, event

    return _by_dealing(redealt, k, weight.size)


def _by_dealing(redealt: Callable[[], tuple[Ints, Floats, Floats]], k: int, n: int) -> Floats:
    shares = np.empty((draws_for(n), k))
    for draw in range(len(shares)):
        group, weight, event = redealt()
        total = np.bincount(group, weights=weight, minlength=k)
        shares[draw] = np.bincount(group, weights=event, minlength=k) / total
    return shares
