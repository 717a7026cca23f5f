"""A word list as a classifier of two classes: what scores texts where no better model is named.

A text's logits are 0 and 2·h − 1, with h = flags found − spares found: without a word of the list
its second class has the probability 0.27, with one flag more than spares 0.73. Shares of it are no
more than an order; what counts is which side of a half a text is on.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from fmaudit.errors import SpecError
from fmaudit.models.base import Facts, Model, Prepared, plain
from fmaudit.types import Classify, Failure, Logits, Request, Response, digest, one_text

REACH = 3
"""How many words before a hit a negation may stand."""

Entry = Annotated[str, Meta(min_length=1)]


class Words(Struct, frozen=True, forbid_unknown_fields=True):
    """The words of one language.

    `flags` speak for the second class, `spares` against it. `spaced`: words are divided by spaces
    and found whole, a "*" at an end standing for any letters; else they are found anywhere. After
    one of `negations` a flag spares and the reverse. Nothing counts in a phrase of `leave_alone`.
    """

    flags: tuple[Entry, ...]
    spaced: bool = True
    spares: tuple[Entry, ...] = ()
    negations: tuple[Entry, ...] = ()
    leave_alone: tuple[Entry, ...] = ()


class WordList(Struct, frozen=True, forbid_unknown_fields=True):
    """Two classes, of which the second is what the words speak for, and the words by language."""

    classes: tuple[str, str]
    languages: Mapping[str, Words]


def read_list(content: Any, where: str) -> WordList:
    """The word list that a file holds. Raises `SpecError` naming the key that is wrong."""
    try:
        found = msgspec.convert(content, WordList)
    except msgspec.ValidationError as error:
        raise SpecError(f"{where}: {error}. datasets/README.md shows such a list.") from error
    for language, words in found.languages.items():
        for key in ("flags", "spares", "negations", "leave_alone"):
            if blank := [e for e in getattr(words, key) if not e.strip("* ")]:
                raise SpecError(f"{where}: languages.{language}.{key}: {blank[0]!r} says nothing.")
    return found


@dataclass(frozen=True)
class Finder:
    """The words of one language, ready to be counted in a text."""

    words: Words

    def hits(self, text: str) -> int:
        """Flags less spares; phrases that are left alone hide what they cover.

        Where several begin at one place the longest counts.
        """
        found, at, seen = 0, 0, ""
        while (first := self._any.search(text, at)) is not None:
            kind, end = self._longest(text, first.start())
            seen += text[at : first.start()]
            if kind == "keep":
                seen += _COVERED
            else:
                found += 1 if (kind == "flag") != self._negated(seen) else -1
                seen += text[first.start() : end]
            at = end
        return found

    def _longest(self, text: str, at: int) -> tuple[str, int]:
        """Which kind of entry begins there, and where it ends; of equally long ones the first."""
        matches = ((kind, found.match(text, at)) for kind, found in self._kinds.items())
        ends = [(kind, match.end()) for kind, match in matches if match is not None]
        return max(ends, key=lambda found: found[1])

    @cached_property
    def _kinds(self) -> dict[str, re.Pattern[str]]:
        words = self.words
        kinds = {"keep": words.leave_alone, "flag": words.flags, "spare": words.spares}
        return {kind: _either(entries, words.spaced) for kind, entries in kinds.items() if entries}

    @cached_property
    def _any(self) -> re.Pattern[str]:
        words = self.words
        return _either([*words.leave_alone, *words.flags, *words.spares], words.spaced)

    @cached_property
    def _negations(self) -> re.Pattern[str] | None:
        found = self.words.negations
        return _either(found, self.words.spaced) if found else None

    def _negated(self, before: str) -> bool:
        """Whether a negation stands within reach, in the same clause."""
        if self._negations is None:
            return False
        clause = _CLAUSE.split(before)[-1]
        near = " ".join(clause.split()[-REACH:]) if self.words.spaced else clause[-REACH:]
        return self._negations.search(near) is not None


_COVERED = "\N{OBJECT REPLACEMENT CHARACTER}"
"""What stands for a phrase that is left alone where negations are looked for."""

_CLAUSE = re.compile(r"[.!?;:,\n。！？；：，]")


def _either(entries: Sequence[str], spaced: bool) -> re.Pattern[str]:
    """Any of the entries, the longest first."""
    ordered = sorted(entries, key=lambda e: (-len(e), e))
    if not spaced:
        return re.compile("|".join(map(re.escape, ordered)), re.IGNORECASE)
    whole = "|".join(_word(e) for e in ordered if not e.startswith("*"))
    ending = "|".join(_word(e) for e in ordered if e.startswith("*"))
    parts = [rf"(?<!\w)(?:{whole})"] * bool(whole) + [rf"\w*(?:{ending})"] * bool(ending)
    return re.compile("|".join(parts), re.IGNORECASE)


def _word(entry: str) -> str:
    word = re.escape(entry.strip("*").replace("’", "'"))
    loose = word.replace(r"\ ", r"\s+").replace("'", "['’]")
    return loose + (r"\w*" if entry.endswith("*") else r"(?!\w)")


class WordListClassifier:
    """A word list as a model. Offers `classify`.

    Args:
        content: the list.
        name: what the report calls it.
    """

    capabilities = frozenset({"classify"})

    def __init__(self, content: WordList, name: str) -> None:
        self._finders = [Finder(words) for words in content.languages.values()]
        self.facts = Facts(
            adapter="wordlist",
            name=name,
            classes=content.classes,
            device="cpu",
            dtype="float64",
            attention="none",
            window=0,
            parameters=0,
            digest=digest(content),
            libraries={},
        )

    def prepare(self, requests: Sequence[Request]) -> list[Prepared]:
        """Nothing to prepare: a list reads the text itself. Every length is 1."""
        return [Prepared(request, None, 1) for request in requests]

    def run(self, batch: Sequence[Prepared], *, length: int, rows: int) -> list[Response]:
        """The words counted in each text."""
        del length, rows
        return [self._answer(one.request) for one in batch]

    def _answer(self, request: Request) -> Response:
        if not isinstance(request, Classify):
            return Failure(f"{type(request).__name__} was asked of a word list")
        text = one_text(plain(request))
        return Logits((0.0, 2.0 * sum(finder.hits(text) for finder in self._finders) - 1.0))


@dataclass(frozen=True)
class WordListHandle:
    """A word list that is read already: there are no weights to load."""

    content: WordList
    name: str

    footprint = 0

    @property
    def key(self) -> str:
        """Digest of the words and of how they are counted."""
        return digest([self.content, hashlib.sha256(Path(__file__).read_bytes()).hexdigest()])

    def load(self) -> Model:
        """The list as a model."""
        return WordListClassifier(self.content, self.name)
