"""Which members and others can be compared: labelled, told apart, each text once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fmaudit.data.membership import Text, words
from fmaudit.types import Case

EMPTY = "the text is empty"
UNLABELLED = "no label: name its column as `label` in `membership` or in `data`"
SHARED = "the same text stands among members and non-members"
REPEATED = "the same text stands on its side already"


@dataclass(frozen=True)
class Sides:
    """The cases that can be compared, in their order.

    `dropped`: id → why a case is none of them. `overlap`: which share of a side's different
    texts stands on the other side too, 0 to 1; the larger of the two sides'.
    """

    kept: tuple[Case, ...]
    dropped: Mapping[str, str]
    overlap: float

    def of(self, member: bool) -> int:
        """How many members, or non-members, are kept."""
        return sum(case.member is member for case in self.kept)


def sides(cases: Sequence[Case]) -> Sides:
    """Sort out the cases that say nothing of membership.

    Texts are equal where they are up to white space. One on both sides is taken from both: the
    model was trained on it. One that repeats on its side is kept once, as the case with the
    smallest id, so that the order of the rows decides nothing.
    """
    dropped = {case.id: why for case in cases if (why := _unfit(case))}
    found: dict[bool, dict[Text, str]] = {True: {}, False: {}}
    for case in cases:
        if case.id not in dropped:
            side, text = found[bool(case.member)], words(case.input)
            side[text] = min(side.get(text, case.id), case.id)
    shared = found[True].keys() & found[False].keys()
    for case in cases:
        if case.id in dropped:
            continue
        text = words(case.input)
        if text in shared:
            dropped[case.id] = SHARED
        elif found[bool(case.member)][text] != case.id:
            dropped[case.id] = REPEATED
    smaller = min(len(side) for side in found.values())
    kept = tuple(case for case in cases if case.id not in dropped)
    return Sides(kept, dropped, len(shared) / smaller if smaller else 0.0)


def _unfit(case: Case) -> str:
    if case.target is None:
        return UNLABELLED
    return "" if any(words(case.input)) else EMPTY
