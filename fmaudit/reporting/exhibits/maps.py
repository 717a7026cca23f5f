"""One map of word scores as it is drawn: each word with its strength, the strongest signed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fmaudit.reporting.exhibits.changes import Part, Piece
from fmaudit.reporting.exhibits.folding import drawn, parts_of, shortened
from fmaudit.reporting.words import number

STEPS = 4
"""Strengths of each sign."""

STRONGEST = 5
"""Words of a text that carry a sign and are listed below it."""

LONG = 120
"""Words of a text that is shown whole; of a longer one, what stands around the strongest words."""

AROUND = 8
"""Pieces that stay on both sides of a strong word in a folded text."""

COLUMNS = ("word_parts", "word_starts", "word_ends", "word_scores")


@dataclass(frozen=True)
class Word:
    """A run of a text: a word with its score, or what stands between (no score).

    `level`: from −STEPS (strongest against the prediction) to STEPS (strongest for it).
    `sign`: "+" or "−" on the strongest words. `runs`: the text as it is shown.
    """

    text: str
    score: float | None = None
    level: int = 0
    sign: str = ""

    @property
    def runs(self) -> tuple[Part, ...]:
        """The text, cut where it is long, with what cannot be seen drawn."""
        (piece,) = drawn([Piece(tuple(shortened(Part(self.text))))])
        return piece.parts

    @property
    def written(self) -> str:
        """The score with its sign and two significant digits."""
        return signed(self.score or 0.0)


@dataclass(frozen=True)
class Gap:
    """Characters of a folded text that are not shown."""

    runs: tuple[Part, ...]
    level: int = 0


@dataclass(frozen=True)
class Map:
    """The words of a text in their order; `brief` is what is seen of a long one, else ()."""

    words: tuple[Word, ...]
    brief: tuple[Word | Gap, ...]

    @property
    def strongest(self) -> tuple[Word, ...]:
        """The words with the largest scores, either sign, the largest first."""
        return _strongest(self.words)


def read(row: Mapping[str, Any]) -> Map:
    """The map of a row of evidence."""
    words = tuple(_words(parts_of(row["input"]), row))
    strong = _strongest(words)
    found = tuple(_signed(word, any(word is one for one in strong)) for word in words)
    long = sum(word.score is not None for word in found) > LONG
    return Map(found, tuple(_brief(found)) if long else ())


def signed(score: float) -> str:
    """A score with its sign, "+0.99"."""
    return f"+{number(score)}" if score > 0 else number(score)


def _strongest(words: Sequence[Word]) -> tuple[Word, ...]:
    scored = [word for word in words if word.score]
    return tuple(sorted(scored, key=lambda word: -abs(word.score or 0.0))[:STRONGEST])


def _signed(word: Word, strong: bool) -> Word:
    if not strong or not word.level:
        return word
    return Word(word.text, word.score, word.level, "+" if word.level > 0 else "−")


def _words(parts: Sequence[str], row: Mapping[str, Any]) -> Iterator[Word]:
    """The words in their order, with what stands between them."""
    words = sorted(zip(*(row[name] for name in COLUMNS), strict=True))
    largest = max((abs(score) for *_, score in words), default=0.0)
    for part, text in enumerate(parts):
        at = 0
        for _, start, end, score in (word for word in words if word[0] == part):
            if start > at:
                yield Word(text[at:start])
            yield Word(text[start:end], score, _level(score, largest))
            at = end
        yield Word(text[at:] + ("\n" if part + 1 < len(parts) else ""))


def _level(score: float, largest: float) -> int:
    """A step away from 0 for each quarter of the largest score; 0 under an eighth of it."""
    if largest <= 0:
        return 0
    return int(math.copysign(math.floor(STEPS * abs(score) / largest + 0.5), score))


def _brief(words: Sequence[Word]) -> Iterator[Word | Gap]:
    """The strongest words with what stands around them."""
    strong = [at for at, word in enumerate(words) if word.sign]
    kept = {k for at in strong or [0] for k in range(at - AROUND, at + AROUND + 1)}
    left_out = 0
    for at, word in enumerate(words):
        if at in kept:
            if left_out:
                yield _gap(left_out)
            yield word
            left_out = 0
        else:
            left_out += len(word.text)
    if left_out:
        yield _gap(left_out)


def _gap(characters: int) -> Gap:
    return Gap((Part("", left_out=characters),))
