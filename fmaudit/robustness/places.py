"""Where a text can be edited without changing what it says: inside whole words of letters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from msgspec import Struct

from fmaudit.types import Input, Pair

Parts = tuple[str, ...]
"""An input as its texts: one, or the two of a pair."""

_STRETCH = re.compile(r"\S+")
_ADDRESS = re.compile(r"[@#/\\_]|www\.|[^\W\d_]\.[^\W\d_]", re.IGNORECASE)
_APOSTROPHES = "'’ʼ"


class Word(Struct, frozen=True):
    """A word of letters and their marks, at [start, end) of a part of the input."""

    part: int
    start: int
    end: int
    text: str


class Place(Struct, frozen=True):
    """A letter inside a word, `at` so many characters from the word's beginning."""

    word: Word
    at: int


def parts_of(given: Input) -> Parts:
    """The texts of an input."""
    return (given.first, given.second) if isinstance(given, Pair) else (given,)


def input_of(parts: Parts) -> Input:
    """The input of these texts: `input_of(parts_of(x)) == x`."""
    return Pair(*parts) if len(parts) == 2 else parts[0]


def letters(parts: Parts) -> int:
    """How many letters the texts have."""
    return sum(map(str.isalpha, (character for text in parts for character in text)))


def places(parts: Parts, shortest: int, left: frozenset[str]) -> list[Place]:
    """Every letter that may be edited, in the order of the text.

    It stands inside a word, between two letters that it forms no sign with: neither first nor
    last, with no combining mark beside it. The word has at least `shortest` letters, is none of
    the words `left` alone (in lower case), has no apostrophe, and no digit or address touches it.
    """
    return [
        Place(word, at)
        for word in words(parts)
        if len(word.text) >= shortest and word.text.casefold() not in left
        for at in range(1, len(word.text) - 1)
        if _free(word.text, at)
    ]


def _free(word: str, at: int) -> bool:
    """Whether a letter and those beside it are signs of their own, not halves of one."""
    if not word[at - 1 : at + 2].isalpha():
        return False  # a combining mark
    near = word[max(0, at - 2) : at + 2]
    return near.isascii() or len(unicodedata.normalize("NFC", near)) == len(near)


def words(parts: Parts) -> Iterator[Word]:
    """The words of letters that stand in no number, address, contraction or possessive."""
    for part, text in enumerate(parts):
        for stretch in _STRETCH.finditer(text):
            whole = stretch[0]
            if _ADDRESS.search(whole) or any(unicodedata.category(c)[0] == "N" for c in whole):
                continue
            for start, end in _runs(whole):
                if _contracted(whole, start - 1) or _contracted(whole, end):
                    continue
                at = stretch.start()
                yield Word(part, at + start, at + end, whole[start:end])


def _runs(text: str) -> Iterator[tuple[int, int]]:
    """Where letters and marks stand together."""
    start = None
    for at, character in enumerate(text):
        if unicodedata.category(character)[0] in "LM":
            start = at if start is None else start
        elif start is not None:
            yield start, at
            start = None
    if start is not None:
        yield start, len(text)


def _contracted(text: str, at: int) -> bool:
    """Whether an apostrophe stands at that place, between two letters."""
    inside = 0 < at < len(text) - 1 and text[at] in _APOSTROPHES
    return inside and text[at - 1].isalpha() and text[at + 1].isalpha()


def beginning(parts: Parts, share: float) -> Parts:
    """About so much of each text, from 0 to 1, cut between words; one word at the least."""
    return tuple(_beginning(text, share) for text in parts)


def _beginning(text: str, share: float) -> str:
    ends: Sequence[int] = [found.end() for found in _STRETCH.finditer(text)]
    inside = [end for end in ends if end <= share * len(text)]
    return text[: (inside or ends[:1] or [0])[-1]]
