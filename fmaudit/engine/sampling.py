"""Which cases a probe is handed, where it is not handed all.

Cases are ranked by a hash of the audit's seed and of their ids. Every sample is the head of this
one ranking, so that a small sample lies within a larger one, and what several probes ask of the
same case is asked once.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import Protocol

from fmaudit.seeds import Seeds
from fmaudit.types import Case, digest


class Cases(Protocol):
    """Cases that can be gone through again."""

    def chunks(self, size: int) -> Iterator[list[Case]]:
        """Lists of at most `size` cases, in a fixed order."""
        ...


def draw(cases: Cases, seeds: Seeds, count: int, chunk: int) -> list[Case]:
    """The first `count` cases of the ranking, in its order; memory grows with `count` alone."""
    ranked = (
        (digest([seeds.audit, "sample", case.id]), k, case) for k, case in _counted(cases, chunk)
    )
    return [case for _, _, case in heapq.nsmallest(count, ranked)]


def _counted(cases: Cases, chunk: int) -> Iterable[tuple[int, Case]]:
    return enumerate(case for part in cases.chunks(chunk) for case in part)
