"""An attack's share of members found, at so many false alarms, with its limits.

At a false positive rate of k of n₀ non-members it is the share of members above the (k + 1)-th
largest score of the non-members: at most k false alarms, nothing interpolated, as the record's
rates are (`stats.measures.membership`). Its limits hold at each rate for itself: the 95 % limits
of the bootstrap of both sides, of which nothing is drawn (`stats.measures.resampled`). Carlini et
al. 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

POINTS = 60
"""False positive rates at which the curve is read, evenly on its axis."""

BANDED = 4
"""Every so many of them the band is computed, and the table has a line."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sides:
    """Scores of members and of non-members, the attack's and the blind one's."""

    member: npt.NDArray[np.bool_]
    score: Floats
    blind: Floats

    @property
    def inside(self) -> int:
        """Members."""
        return int(self.member.sum())

    @property
    def others(self) -> int:
        """Non-members."""
        return len(self.member) - self.inside


@dataclass(frozen=True)
class Point:
    """The curve at one false positive rate: the attack with its limits, and the blind one."""

    rate: float
    attack: float
    low: float
    high: float
    blind: float


def allowed(others: int) -> tuple[int, ...]:
    """The numbers of false alarms at which the curve is read, of so many non-members."""
    return tuple(int(k) for k in np.unique(np.round(np.geomspace(1, others, POINTS))))


def shares(member: Any, score: Floats, ks: Sequence[int]) -> Floats:
    """For each k the share of members (n,) whose score is above all but k of non-members."""
    outside, inside = np.sort(score[~member]), np.sort(score[member])
    last = outside.size - 1 - np.asarray(ks)
    above = inside.size - np.searchsorted(inside, outside[np.maximum(last, 0)], side="right")
    return np.where(last < 0, 1.0, above / inside.size)


def limits(member: Any, score: Floats, k: int) -> tuple[float, float]:
    """The 95 % limits of that share; at k of all, 1."""
    from fmaudit.stats.intervals import ALPHA
    from fmaudit.stats.measures.resampled import resampled

    if k >= int((~member).sum()):
        return 1.0, 1.0
    return resampled(member, score, k).limits(ALPHA)


def points(sides: Sides, ks: Sequence[int]) -> tuple[Point, ...]:
    """The curves at each k false alarms."""
    attack, blind = (shares(sides.member, score, ks) for score in (sides.score, sides.blind))
    return tuple(
        Point(k / sides.others, float(one), *limits(sides.member, sides.score, k), float(other))
        for k, one, other in zip(ks, attack, blind, strict=True)
    )
