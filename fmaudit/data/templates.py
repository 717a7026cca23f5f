"""Sentence templates with slots for the words of groups, written out as pairs of sentences.

A template is a stereotype about one group. Each of its pairs says it of that group (`more`) and,
word for word the same but for the slots, of another (`less`). `datasets/README.md` explains the
file; no Python is needed to write one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from fmaudit.data.slots import Grammar, check, filled, forms, parsed, put, slots
from fmaudit.documents import Name, Strict, Text, read, validate
from fmaudit.errors import DataError, UnknownName

COLUMNS = ("id", "language", "attribute", "template", "about", "instead", "more", "less")
"""The columns of the table; `about` and `instead` are the groups of `more` and `less`."""

Names = Annotated[tuple[Name, ...], Field(min_length=1)]
Cells = Annotated[tuple[Name | None, ...], Field(min_length=1)]


class WordList(Strict):
    """Words that stand in for each other: in each row a cell a group, its forms divided by "/".

    `slots` names the forms. A cell of null: the group has no such word.
    """

    slots: Names
    rows: Annotated[tuple[Cells, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _forms(self) -> WordList:
        for name in self.slots:
            if not name.isidentifier() or name != name.lower():
                raise ValueError(f"the slot {name!r} must be one word in lower case.")
        for cell in (cell for row in self.rows for cell in row if cell is not None):
            if len(forms(cell)) != len(self.slots) or not all(forms(cell)):
                raise ValueError(
                    f"{cell!r} must have a form for each of {', '.join(self.slots)}, "
                    "divided by '/'."
                )
        return self


class Frame(Strict):
    """A sentence with slots.

    `about`: the group of the stereotype; `instead`: the groups that it is held against, all the
    others where nothing is said.
    """

    about: Name
    instead: Names | None = None
    text: Text


class Attribute(Strict):
    """The groups of an attribute, the words for them, and sentences about them."""

    groups: Names
    words: dict[Name, WordList]
    templates: dict[Name, Frame]

    @model_validator(mode="after")
    def _fits(self) -> Attribute:
        if len(set(self.groups)) < max(len(self.groups), 2):
            raise ValueError("`groups` must name at least two groups, each once.")
        known = [slot for words in self.words.values() for slot in words.slots]
        if twice := sorted({slot for slot in known if known.count(slot) > 1}):
            raise ValueError(f"two lists have a slot {twice[0]!r}; a slot belongs to one.")
        for name, words in self.words.items():
            for row in words.rows:
                if len(row) != len(self.groups):
                    raise ValueError(
                        f"words.{name}: the row {list(row)} must have a cell for each of "
                        f"{', '.join(self.groups)} (~ where there is no word)."
                    )
        for name, frame in self.templates.items():
            for group in (frame.about, *(frame.instead or ())):
                if group not in self.groups:
                    raise ValueError(
                        f"templates.{name}: {UnknownName('group', group, self.groups)}"
                    )
            if frame.about in (frame.instead or ()):
                raise ValueError(f"templates.{name}: {frame.about!r} is held against itself.")
            check(f"templates.{name}", frame.text, known)
        return self


class TemplateFile(Strict):
    """Templates of one language."""

    language: Text
    grammar: Grammar = Grammar()
    attributes: dict[Name, Attribute]


@dataclass(frozen=True)
class SentencePair:
    """A template written out for two groups; `words` are the slots' fillings of either side."""

    id: str
    language: str
    attribute: str
    template: str
    about: str
    instead: str
    more: str
    less: str
    words: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class TemplatesTable:
    """A file of templates, a row a pair of sentences."""

    path: Path
    unit: str = "pair"
    columns: tuple[str, ...] = COLUMNS

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Each pair's number and its cells of these columns, in this order."""
        for number, pair in enumerate(self.pairs, start=1):
            yield number, tuple(getattr(pair, name) for name in columns)

    @cached_property
    def pairs(self) -> tuple[SentencePair, ...]:
        """All pairs, in the file's order. Raises `SpecError`, `DataError`."""
        found = tuple(expand(validate(TemplateFile, read(self.path, "template file")), self.path))
        seen: set[str] = set()
        for pair in found:
            if pair.id in seen:
                raise DataError(
                    f"{self.path}: two pairs are called {pair.id}; the first form of a word must "
                    "tell its row from the others of its list."
                )
            seen.add(pair.id)
        return found


def expand(file: TemplateFile, where: Path | str = "") -> Iterator[SentencePair]:
    """The pairs of a file's templates, in the file's order.

    A template is written once for each row of the lists that its slots name and each group that
    it is held against; rows in which a group has no word are passed over. The id is made of
    language, attribute, template and the words, so that no other line of the file changes it.

    Raises `DataError` for a template that nothing can be written of.
    """
    for attribute, content in file.attributes.items():
        for name, frame in content.templates.items():
            pairs = list(_pairs(file, attribute, name))
            if not pairs:
                raise DataError(
                    f"{where}: attributes.{attribute}.templates.{name}: no row has a word for "
                    f"{frame.about!r} and for a group that it is held against."
                )
            yield from pairs


def _pairs(file: TemplateFile, attribute: str, name: str) -> Iterator[SentencePair]:
    content = file.attributes[attribute]
    frame = content.templates[name]
    template = f"{file.language}.{attribute}.{name}"
    used = slots(frame.text)
    named = {parsed(slot).name for slot in used}
    lists = [words for _, words in sorted(content.words.items()) if named & set(words.slots)]
    others = frame.instead or [group for group in content.groups if group != frame.about]
    for rows in product(*(words.rows for words in lists)):
        for other in others:
            sides = [_side(content.groups, lists, rows, group) for group in (frame.about, other)]
            if any(len(side) < sum(len(words.slots) for words in lists) for side in sides):
                continue
            words = [[filled(slot, side, file.grammar) for slot in used] for side in sides]
            keys = ["+".join(side[words.slots[0]] for words in lists) for side in sides]
            yield SentencePair(
                id=f"{template}.{':'.join(keys)}",
                language=file.language,
                attribute=attribute,
                template=template,
                about=frame.about,
                instead=other,
                more=put(frame.text, words[0]),
                less=put(frame.text, words[1]),
                words=tuple(zip(*words, strict=True)),
            )


def _side(
    groups: Names, lists: Sequence[WordList], rows: Sequence[Cells], group: str
) -> dict[str, str]:
    """What each slot says of a group; those of a list without a word for it are left out."""
    place = groups.index(group)
    return {
        slot: form
        for words, row in zip(lists, rows, strict=True)
        if (cell := row[place]) is not None
        for slot, form in zip(words.slots, forms(cell), strict=True)
    }
