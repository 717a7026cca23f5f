"""Which members and others can be compared: told apart, fit for the model, each text once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fmaudit.data.membership import Text, words
from fmaudit.types import Case, Pair

EMPTY = "the text is empty"
UNLABELLED = "no label: name its column as `label` in `membership` or in `data`"
PAIRED = "a pair of texts: write `text` as a template over both columns, in place of `text_pair`"
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


def sides(cases: Sequence[Case], *, classified: bool = True) -> Sides:
    """Sort out the cases that say nothing of membership.

    `classified`: they are asked of a classifier, and need a label; else a language model reads
    them, each one text.

    Texts are equal where they are up to white space. One on both sides is taken from both: the
    model was trained on it. One that repeats on its side is kept once, as the case with the
    smallest id, so that the order of the rows decides nothing.
    """
    unfit = unlabelled if classified else unreadable
    dropped = {case.id: why for case in cases if (why := unfit(case))}
    fit = [case for case in cases if case.id not in dropped]
    found = {
        side: once(case for case in fit if bool(case.member) is side) for side in (True, False)
    }
    shared = found[True].keys() & found[False].keys()
    for case in fit:
        text = words(case.input)
        if text in shared:
            dropped[case.id] = SHARED
        elif found[bool(case.member)][text] != case.id:
            dropped[case.id] = REPEATED
    smaller = min(len(side) for side in found.values())
    kept = tuple(case for case in cases if case.id not in dropped)
    return Sides(kept, dropped, len(shared) / smaller if smaller else 0.0)


def once(cases: Iterable[Case]) -> dict[Text, str]:
    """Each different text, and the smallest id of the cases that hold it."""
    found: dict[Text, str] = {}
    for case in cases:
        text = words(case.input)
        found[text] = min(found.get(text, case.id), case.id)
    return found


def unlabelled(case: Case) -> str:
    """Why a classifier's answer to a case says nothing of membership; "" where it does."""
    if case.target is None:
        return UNLABELLED
    return "" if any(words(case.input)) else EMPTY


def unreadable(case: Case) -> str:
    """Why a language model cannot read a case as one text; "" where it can."""
    if isinstance(case.input, Pair):
        return PAIRED
    return "" if any(words(case.input)) else EMPTY
