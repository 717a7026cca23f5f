"""Explained texts of the evidence: why the model decided so, by one method or by two.

Shown are texts that a reviewer asks about, chosen by a rule that stands above them: decided
wrongly, decided rightly, and hardly moved by their words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from fmaudit.reporting import rows
from fmaudit.reporting.exhibits import certificates, maps, picks
from fmaudit.reporting.exhibits.certificates import Certificate, Tested, method, tested
from fmaudit.reporting.exhibits.changes import Part
from fmaudit.reporting.exhibits.maps import Map
from fmaudit.reporting.exhibits.picks import Pick, class_name
from fmaudit.reporting.exhibits.source import Nothing, Source
from fmaudit.reporting.words import count, number
from fmaudit.types import Exhibit

OPEN = 3
"""Texts that stand open; the others fold."""

LISTED = 12
"""Words in the table of a text."""

ROWS = ("case", "variant", "input", "target", *maps.COLUMNS)


class Recipe(Struct, frozen=True):
    """The options of an exhibit: how many texts; `beside`: a probe that explains the same."""

    top: int = 6
    beside: str = ""


@dataclass(frozen=True)
class Explanation:
    """A text's map by one method, and how it did."""

    method: str
    map: Map
    tested: Tested


@dataclass(frozen=True)
class Line:
    """A word in the table of a text: its score by each method, None where it has none."""

    word: maps.Word
    scores: tuple[str, ...]


@dataclass(frozen=True)
class Explained:
    """One text. `why`: why it is shown. `agreement`: of both methods' ranks, −1 to 1.

    `answer`: what a language model answered, in runs; () where a class was `predicted`.
    """

    case: str
    predicted: str
    answer: tuple[Part, ...]
    target: str | None
    why: str
    explanations: tuple[Explanation, ...]
    agreement: str
    lines: tuple[Line, ...]
    unlisted: int


@dataclass(frozen=True)
class Maps:
    """The explained texts of one exhibit, with the certificate of each method.

    `answers`: they are prompts, and explained is what a language model answered.
    """

    probe: str
    title: str
    rule: str
    note: str
    command: str
    certificates: tuple[Certificate, ...]
    shown: tuple[Explained, ...]
    folded: tuple[Explained, ...]
    answers: bool = False
    kind: str = "tokens"
    missing: str = ""


def tokens(source: Source, shown: Exhibit) -> Maps | Nothing:
    """The explained texts of one exhibit; see `Recipe` for its options."""
    try:
        recipe = msgspec.convert(shown.options, Recipe)
    except msgspec.ValidationError:
        return source.nothing(shown, source.say("its options cannot be read"))
    answers = picks.said_by(source, shown) == picks.ANSWER
    if reason := source.lacks(shown, _names(source, shown), texts=True):
        return source.nothing(shown, reason)
    methods, note = [shown], ""
    if recipe.beside:
        other = msgspec.structs.replace(shown, probe=recipe.beside)
        note = source.lacks(other, _names(source, other))
        methods += [] if note else [other]
    known = picks.texts(source, methods)
    texts = tuple(_explained(source, methods, known.mixed(max(1, recipe.top))))
    if not texts:
        return source.nothing(shown, source.say("no text could be explained"))
    vouched = (certificates.certificate(source, one.probe) for one in methods)
    return Maps(
        probe=shown.probe,
        title=source.title(shown),
        rule=_rule(source, len(texts), known, answers),
        note=note and source.say("%(probe)s: %(reason)s", probe=recipe.beside, reason=note),
        command=f"fmaudit evidence RUN {shown.probe} --sort difference --absolute --top 100",
        certificates=tuple(found for found in vouched if found),
        shown=texts[:OPEN],
        folded=texts[OPEN:],
        answers=answers,
    )


def _names(source: Source, shown: Exhibit) -> tuple[str, ...]:
    """The columns that an exhibit takes of a method's evidence."""
    return (*ROWS, picks.said_by(source, shown))


def _rule(source: Source, n: int, known: picks.Texts, answers: bool) -> str:
    say, figures = source.say, {"n": count(n), "total": count(len(known.moved))}
    if not known.known:
        return say("Shown are the first %(n)s of %(total)s explained texts.", **figures)
    if answers:
        return say(
            "Shown are %(n)s of %(total)s explained prompts, in turn: one whose words moved the "
            "answer most, and one whose words moved it least.",
            **figures,
        )
    return say(
        "Shown are %(n)s of %(total)s explained texts, in turn: one decided otherwise than "
        "labelled and one decided as labelled, those that their words moved most, and one that "
        "its words moved least.",
        **figures,
    )


def _explained(
    source: Source, methods: Sequence[Exhibit], chosen: Sequence[Pick]
) -> Iterator[Explained]:
    """The chosen texts with the map of each method."""
    places = zip(*(pick.places for pick in chosen), strict=True)
    read = [_rows(source, one, mine) for one, mine in zip(methods, places, strict=False)]
    for pick, *found in zip(chosen, *read, strict=True):
        if not all(row["word_scores"] for row in found):
            continue
        drawn = [maps.read(row) for row in found]
        lines, unlisted = _lines(drawn)
        agreement = found[0].get("agreement") if len(found) > 1 else None
        answer = found[0].get(picks.ANSWER)
        yield Explained(
            case=found[0]["case"],
            predicted="" if answer else class_name(source, found[0]["predicted"]),
            answer=maps.Word(answer).runs if answer else (),
            target=found[0]["target"],
            why=source.say(pick.why) if pick.why else "",
            explanations=tuple(
                Explanation(method(source, one.probe), map_, tested(source.say, row))
                for one, map_, row in zip(methods, drawn, found, strict=True)
            ),
            agreement="" if agreement is None else number(agreement),
            lines=lines,
            unlisted=unlisted,
        )


def _rows(source: Source, shown: Exhibit, places: Sequence[int]) -> list[dict[str, Any]]:
    """The rows of the chosen texts, in their order."""
    assert source.run is not None
    path = source.run / "evidence" / f"{shown.probe}.parquet"
    known = rows.columns(path)
    also = [name for name in (*certificates.COLUMNS, "agreement") if name in known]
    return rows.take(path, [*_names(source, shown), *also], places)


def _lines(drawn: Sequence[Map]) -> tuple[tuple[Line, ...], int]:
    """The strongest words by any method, with the scores of all; and how many more there are."""
    first, *_ = drawn
    scores = [[word.score for word in one.words if word.score is not None] for one in drawn]
    if len({len(each) for each in scores}) > 1:  # not the same words: those of the first alone
        scores = scores[:1]
    words = [word for word in first.words if word.score is not None]
    largest = [max(map(abs, each), default=0.0) or 1.0 for each in scores]
    strength = [
        max(abs(each[k]) / most for each, most in zip(scores, largest, strict=True))
        for k in range(len(words))
    ]
    order = sorted(range(len(words)), key=lambda k: -strength[k])
    lines = (Line(words[k], tuple(maps.signed(each[k]) for each in scores)) for k in order[:LISTED])
    return tuple(lines), max(0, len(words) - LISTED)
