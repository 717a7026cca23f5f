"""Counterfactual texts: sentences about one group, the same about another, and a control.

Each row is a sentence with the words of a group in its slots (`text`), word for word the same with
those of another (`swapped`), and once more about the first group, changed by as little (`control`):
with another of its words, or where it has one word only, with another neutral word.
`datasets/README.md` explains the file; no Python is needed to write one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from fmaudit.data.slots import Grammar, check, forms, parsed, slots, written
from fmaudit.data.templates import Names, WordList
from fmaudit.documents import Int, Name, Strict, Text, read, validate
from fmaudit.errors import DataError

COLUMNS = (
    "id", "language", "attribute", "template", "about", "instead", "text", "swapped", "control",
)  # fmt: skip

Neutral = Annotated[tuple[Name, ...], Field(min_length=2)]
Versions = Annotated[tuple[Text, ...], Field(min_length=1)]


class Attribute(Strict):
    """The groups of an attribute, the words for them, and sentences about them.

    `templates` are its own, beside the file's. `texts` are written out whole: group → its text, and
    a second one in other words, which is the control. `pairs`: for how many pairs of groups each
    template is written, all where nothing is said.
    """

    groups: Annotated[Names, Field(min_length=2)]
    words: dict[Name, WordList] = Field(default_factory=dict)
    templates: dict[Name, Text] = Field(default_factory=dict)
    texts: dict[Name, dict[Name, Versions]] = Field(default_factory=dict)
    pairs: Annotated[Int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Attribute:
        if len(set(self.groups)) < len(self.groups):
            raise ValueError("`groups` must name each group once.")
        for name, words in self.words.items():
            for row in words.rows:
                if len(row) != len(self.groups):
                    raise ValueError(
                        f"words.{name}: the row {list(row)} must have a cell for each of "
                        f"{', '.join(self.groups)} (~ where there is no word)."
                    )
        for name, text in self.texts.items():
            _check_versions(name, text, self.groups)
        return self

    @property
    def slots(self) -> list[str]:
        """The slots that its words fill."""
        return [slot for words in self.words.values() for slot in words.slots]


class CounterfactualFile(Strict):
    """Counterfactual texts of one language.

    `templates` are written for each attribute that has words for their slots. `neutral`: slot →
    words that say nothing of a group, of which a template takes one.
    """

    language: Text
    grammar: Grammar = Grammar()
    neutral: dict[Name, Neutral] = Field(default_factory=dict)
    templates: dict[Name, Text] = Field(default_factory=dict)
    attributes: Annotated[dict[Name, Attribute], Field(min_length=1)]

    @model_validator(mode="after")
    def _fits(self) -> CounterfactualFile:
        every = {slot for attribute in self.attributes.values() for slot in attribute.slots}
        for name, text in self.templates.items():
            check(f"templates.{name}", text, [*every, *self.neutral])
        for attribute, content in self.attributes.items():
            for name, text in content.templates.items():
                known = [*content.slots, *self.neutral]
                check(f"attributes.{attribute}.templates.{name}", text, known)
        return self

    def of(self, attribute: str) -> dict[str, str]:
        """The templates of an attribute: the file's that it has words for, and its own."""
        content = self.attributes[attribute]
        fits = {
            name: text
            for name, text in self.templates.items()
            if (used := _used(text) - set(self.neutral)) and used <= set(content.slots)
        }
        return fits | content.templates


@dataclass(frozen=True)
class CounterfactualsTable:
    """A file of counterfactual texts, a row a template and pair of groups."""

    path: Path
    unit: str = "text"
    columns: tuple[str, ...] = COLUMNS

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Each text's number and its cells of these columns, in this order."""
        for number, row in enumerate(self.texts, start=1):
            yield number, tuple(row[name] for name in columns)

    @cached_property
    def texts(self) -> tuple[dict[str, str], ...]:
        """All rows, in the file's order. Raises `SpecError`, `DataError`."""
        file = validate(CounterfactualFile, read(self.path, "file of counterfactual texts"))
        return tuple(expand(file, self.path))


def expand(file: CounterfactualFile, where: Path | str = "") -> Iterator[dict[str, str]]:
    """The rows of a file.

    Which pairs of groups a template is written for and which row of a list of words is taken follow
    from its name, so that no other line of the file changes them.

    Raises `DataError` for a template that has no control.
    """
    for attribute, content in file.attributes.items():
        for name, text in file.of(attribute).items():
            template = f"{file.language}.{attribute}.{name}"
            for first, other in _pairs(content, template):
                sides = _sides(file, content, template, text, (first, other), where)
                yield _row(file, attribute, template, (first, other), sides)
        for name, versions in content.texts.items():
            template = f"{file.language}.{attribute}.{name}"
            for first, other in _pairs(content, template):
                if len(versions.get(first, ())) < 2:
                    first, other = other, first
                if len(versions.get(first, ())) >= 2 and other in versions:
                    text, control = versions[first][:2]
                    told = (text, versions[other][0], control)
                    yield _row(file, attribute, template, (first, other), told)


def _row(
    file: CounterfactualFile,
    attribute: str,
    template: str,
    pair: tuple[str, str],
    told: Sequence[str],
) -> dict[str, str]:
    text, swapped, control = told
    return {
        "id": f"{template}.{pair[0]}:{pair[1]}",
        "language": file.language,
        "attribute": attribute,
        "template": template,
        "about": pair[0],
        "instead": pair[1],
        "text": text,
        "swapped": swapped,
        "control": control,
    }


def _pairs(content: Attribute, template: str) -> Iterator[tuple[str, str]]:
    """The pairs of groups that a template is written for, in the order of `groups`."""
    every = list(combinations(content.groups, 2))
    every.sort(key=lambda pair: _number(template, *pair))
    yield from every[: content.pairs]


def _sides(
    file: CounterfactualFile,
    content: Attribute,
    template: str,
    text: str,
    pair: tuple[str, str],
    where: Path | str,
) -> tuple[str, str, str]:
    """The text about the first group, about the other, and the control."""
    used = _used(text)
    mine = {n: words for n, words in content.words.items() if used & set(words.slots)}
    both = [content.groups.index(group) for group in pair]
    told: list[dict[str, str]] = [{}, {}, {}]
    changed = False
    for name, words in mine.items():
        rows = [row for row in words.rows if all(row[place] is not None for place in both)]
        if not rows:
            raise DataError(f"{where}: {template}: no row of {name} has a word for both of {pair}.")
        at = _number(template, name, *sorted(pair)) % len(rows)
        again = next((r for r in _after(rows, at) if r[both[0]] != rows[at][both[0]]), rows[at])
        changed |= again is not rows[at]
        cells = (rows[at][both[0]], rows[at][both[1]], again[both[0]])
        for side, cell in zip(told, cells, strict=True):
            side.update(zip(words.slots, forms(str(cell)), strict=True))
    for slot in sorted(used & set(file.neutral)):
        choice = file.neutral[slot]
        at = _number(template, slot) % len(choice)
        for side in told:
            side[slot] = choice[at]
        if not changed:
            told[2][slot] = choice[(at + 1) % len(choice)]
            changed = True
    if not changed:
        raise DataError(
            f"{where}: {template}: nothing can be changed without changing the group. Give "
            f"{pair[0]!r} a second word, or put a slot of `neutral` into the sentence."
        )
    a, b, c = (written(text, side, file.grammar) for side in told)
    return a, b, c


def _after(rows: Sequence[Any], at: int) -> Iterator[Any]:
    """The rows that follow, round to the one before."""
    for step in range(1, len(rows)):
        yield rows[(at + step) % len(rows)]


def _used(text: str) -> set[str]:
    return {parsed(slot).name for slot in slots(text)}


def _number(*parts: str) -> int:
    """A number that looks drawn at random and follows from the names alone."""
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:8], "big")


def _check_versions(name: str, text: Mapping[str, Sequence[str]], groups: Sequence[str]) -> None:
    for group in text:
        if group not in groups:
            raise ValueError(f"texts.{name}: {group!r} is none of {', '.join(groups)}.")
    if len(text) < 2 or not any(len(versions) > 1 for versions in text.values()):
        raise ValueError(
            f"texts.{name}: two groups are needed, and for one of them a second text in other "
            "words, which is the control."
        )
