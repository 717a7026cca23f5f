"""Slots in a sentence: how they are written, checked and filled.

`{person}` is filled as it stands, `{Person}` with a capital, `{a person}` and `{A person}` with the
English article that fits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fmaudit.documents import Name, Strict
from fmaudit.errors import UnknownName

_SLOT = re.compile(r"\{([^{}]*)\}")


class Grammar(Strict):
    """Beginnings of words that take "an" though they begin with a consonant, and the reverse."""

    an_before: tuple[Name, ...] = ()
    a_before: tuple[Name, ...] = ()


PLAIN = Grammar()
"""Articles by the first letter alone."""


class Slot(NamedTuple):
    """A slot's name, and whether it wants an article and a capital."""

    name: str
    article: bool
    capital: bool


def slots(text: str) -> list[str]:
    """What stands in the braces of a text, in order."""
    return _SLOT.findall(text)


def parsed(slot: str) -> Slot:
    """`person`, `Person` at the beginning of a sentence, `a person` and `A person`."""
    first, _, rest = slot.rpartition(" ")
    capital = slot[:1] != slot[:1].lower()
    name = rest if first else rest[:1].lower() + rest[1:]
    return Slot(name, bool(first), capital)


def check(name: str, text: str, known: Sequence[str]) -> None:
    """Raise `ValueError` that begins with `name` where a text's braces are not slots of `known`."""
    found = slots(text)
    if not found or len(found) != text.count("{") or len(found) != text.count("}"):
        raise ValueError(f"{name}: the text must have slots, each in its own braces.")
    for slot in found:
        if slot.rpartition(" ")[0] not in ("", "a", "A"):
            raise ValueError(f"{name}: {{{slot}}} must be a slot, or 'a' and a slot.")
        if parsed(slot).name not in known:
            raise ValueError(f"{name}: {UnknownName('slot', parsed(slot).name, known)}")


def filled(slot: str, side: Mapping[str, str], grammar: Grammar = PLAIN) -> str:
    """What stands in a slot. `side`: the slots' fillings by name."""
    wanted = parsed(slot)
    word = side[wanted.name]
    said = f"{article(word, grammar)} {word}" if wanted.article else word
    return said[:1].upper() + said[1:] if wanted.capital else said


def written(text: str, side: Mapping[str, str], grammar: Grammar = PLAIN) -> str:
    """The text with its slots filled."""
    return _SLOT.sub(lambda found: filled(found[1], side, grammar), text)


def put(text: str, words: Sequence[str]) -> str:
    """The text with these words in its slots, in order."""
    fillings = iter(words)
    return _SLOT.sub(lambda _: next(fillings), text)


def article(word: str, grammar: Grammar) -> str:
    """The English indefinite article before a word: "a" or "an"."""
    low = word.casefold()
    if low.startswith(tuple(start.casefold() for start in grammar.an_before)):
        return "an"
    if low.startswith(tuple(start.casefold() for start in grammar.a_before)):
        return "a"
    return "an" if low[:1] in "aeiou" else "a"


def forms(cell: str) -> list[str]:
    """The forms of a word, divided by "/"."""
    return [form.strip() for form in cell.split("/")]
