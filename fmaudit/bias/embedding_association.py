"""Do a model's vectors lie nearer to one group's words than to another's?

Of two lists of target words X, Y and two of attribute words A, B, the association of a target w is

    s(w, A, B) = mean over a in A of cos(w, a) − mean over b in B of cos(w, b)

(WEAT: Caliskan, Bryson and Narayanan 2017, https://doi.org/10.1126/science.aal4230). Where words
stand in templates, w, a and b are vectors of sentences (SEAT: May, Wang, Bordia, Bowman and
Rudinger 2019, https://doi.org/10.18653/v1/N19-1063). What of a test's words makes its effect size
is a measure (`stats/measures/association.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from fmaudit.bias import wordvectors
from fmaudit.bias.wordvectors import Floats, Reading, Word
from fmaudit.registry import Context, method
from fmaudit.types import Asks, Case, Input, Row

NEEDS = frozenset({"embed"})
TARGETS, ATTRIBUTES = ("X", "Y"), ("A", "B")
SIDES = (*TARGETS, *ATTRIBUTES)

COLUMNS: Mapping[str, Any] = {
    "language": str,
    "test": str,
    "side": str,
    "list": str,
    "text": Input,
    "tokens": int,
    "association": float,
    "base_association": float,
    "words_a": int,
    "words_b": int,
    "dropped": str,
}

NO_TEST = "the case names no test, or no list of it (X, Y, A or B)"


class Axis(NamedTuple):
    """What the targets of a test are held against: mean of A's unit vectors less that of B's.

    `words`: how many words of A and B are left. `reason`: why there is no axis.
    """

    direction: Floats | None
    words: tuple[int, int]
    reason: str = ""


@method(
    "embedding_association",
    needs={"target": set(NEEDS)},
    data={"text"},
    columns=COLUMNS,
    params=Reading,
    whole=True,
)
def embedding_association(
    cases: Sequence[Case], params: Reading, context: Context
) -> Asks[list[Row]]:
    """How much nearer each target word lies to one list of attribute words than to another.

    A case is a word; its groups are `test`, `set` (X, Y, A or B), `name` and `language`.
    """
    fit = [case for case in cases if not unfit(case)]
    beside = context.beside.get("base", frozenset()) >= NEEDS
    found = {}
    for role in ("target", "base") if beside else ("target",):
        found[role] = yield from wordvectors.words(fit, params, role)
    rows = {case.id: [Row(case, {}, reason=NO_TEST)] for case in cases if unfit(case)}
    by_test: dict[tuple[str, str], list[Case]] = {}
    for case in fit:
        by_test.setdefault((case.groups.get("language", ""), case.groups["test"]), []).append(case)
    for test in by_test.values():
        rows |= score(test, params, found["target"], found.get("base"))
    return [row for case in cases for row in rows[case.id]]


def unfit(case: Case) -> bool:
    """Whether a case belongs to no test."""
    return not case.groups.get("test") or case.groups.get("set") not in SIDES


def score(
    cases: Sequence[Case],
    how: Reading,
    target: Mapping[str, Word],
    base: Mapping[str, Word] | None = None,
) -> dict[str, list[Row]]:
    """Case id → the rows of one test's words, from what target and base make of them.

    A target word has a row for each text that it is read in, with its association in cosines, from
    −2 to 2: over 0 it lies nearer to A. An attribute word has one without. A word that is left out
    has its reason, and `dropped` names it in the test's other rows.
    """
    mine = axis(cases, how, target)
    before = None if base is None else axis(cases, how, base)
    common = {
        "words_a": mine.words[0],
        "words_b": mine.words[1],
        "dropped": ", ".join(str(case.input) for case in cases if not target[case.id].vectors),
    }
    rows = {}
    for case in cases:
        word, named = target[case.id], _named(case, target[case.id])
        if not word.vectors and not word.lost:
            rows[case.id] = [Row(case, named, reason=word.reason, failed=word.failed)]
        elif case.groups["set"] in ATTRIBUTES:
            rows[case.id] = [Row(case, named), *_lost(case, word, named)]
        elif mine.direction is None:
            rows[case.id] = [Row(case, named, reason=mine.reason), *_lost(case, word, named)]
        else:
            texts = wordvectors.sentences(case, how)
            there = [
                _row(case, name, named | common | {"text": texts[name]}, vector, mine.direction)
                for name, vector in word.vectors.items()
            ]
            if base is not None and before is not None:
                there = [_beside(row, base[case.id], before) for row in there]
            rows[case.id] = [*there, *_lost(case, word, named)]
    return rows


def axis(cases: Sequence[Case], how: Reading, found: Mapping[str, Word]) -> Axis:
    """What one model's targets are held against in a test."""
    sides = [
        [found[c.id] for c in cases if c.groups["set"] == side and found[c.id].vectors]
        for side in ATTRIBUTES
    ]
    left = len(sides[0]), len(sides[1])
    for side, n in zip(ATTRIBUTES, left, strict=True):
        if n < max(1, how.fewest):
            reason = f"{n} words of the list {side} are left, fewer than the {how.fewest} needed"
            return Axis(None, left, reason)
    means = [
        np.mean([vector for word in side for vector in word.vectors.values()], axis=0)
        for side in sides
    ]
    return Axis(means[0] - means[1], left)


def association(vector: Floats, direction: Floats) -> float:
    """s(w, A, B) of a vector of length 1; `direction` is A's mean unit vector less B's.

    >>> association(np.array([1.0, 0.0]), np.array([0.6, 0.0]) - np.array([-0.2, 0.5]))
    0.8
    """
    return float(vector @ direction)


def _named(case: Case, word: Word) -> dict[str, Any]:
    return {
        "language": case.groups.get("language", ""),
        "test": case.groups["test"],
        "side": case.groups["set"],
        "list": case.groups.get("name"),
        "text": case.input,
        "tokens": word.tokens,
    }


def _row(
    case: Case, variant: str, values: Mapping[str, Any], vector: Floats, direction: Floats
) -> Row:
    more = {"association": association(vector, direction)}
    return Row(case, {**values, **more}, variant=variant, input=values["text"])


def _beside(row: Row, word: Word, before: Axis) -> Row:
    """The row with what the base makes of its text, or why it makes nothing of it."""
    if row.variant in word.vectors and before.direction is not None:
        figure = association(word.vectors[row.variant], before.direction)
        values = {**row.values, "base_association": figure}
        return Row(row.case, values, variant=row.variant, input=row.input)
    lost = word.lost.get(row.variant)
    reason = word.reason or (lost.reason if lost else before.reason)
    failed = word.failed or (lost is not None and not lost.beyond)
    return Row(row.case, row.values, row.variant, row.input, f"base: {reason}", failed)


def _lost(case: Case, word: Word, named: Mapping[str, Any]) -> list[Row]:
    """A row for each text of a word that the model could not answer."""
    return [
        Row(case, named, variant=name, reason=why.reason, failed=not why.beyond)
        for name, why in word.lost.items()
    ]
