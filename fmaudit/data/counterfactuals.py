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
from fmaudit.errors import DataError, UnknownName

COLUMNS = (
    "id", "language", "attribute", "template", "about", "instead", "text", "swapped", "control",
)  # fmt: skip
"""The columns of the table; `text` and `control` are about `about`, `swapped` about `instead`."""

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
        for attribute, content in self.attributes.items():
            known = [*content.slots, *self.neutral]
            if twice := sorted({slot for slot in known if known.count(slot) > 1}):
                raise ValueError(
                    f"attributes.{attribute}: two lists have a slot {twice[0]!r}; a slot belongs "
                    "to one."
                )
        every = {slot for attribute in self.attributes.values() for slot in attribute.slots}
        for name, text in self.templates.items():
            check(f"templates.{name}", text, [*every, *self.neutral])
            if not any(self._fit(text, content) for content in self.attributes.values()):
                raise ValueError(
                    f"templates.{name}: no attribute has words for all its slots and for one that "
                    "is not neutral."
                )
        for attribute, content in self.attributes.items():
            known = [*content.slots, *self.neutral]
            for name, text in content.templates.items():
                where = f"attributes.{attribute}.templates.{name}"
                check(where, text, known)
                if not self._fit(text, content):
                    raise ValueError(f"{where}: all slots are neutral; one must be of the groups.")
            for name in content.texts:
                if name in self.of(attribute):
                    raise ValueError(
                        f"attributes.{attribute}.texts.{name}: a template has this name too; give "
                        "one of them another."
                    )
        return self

    def of(self, attribute: str) -> dict[str, str]:
        """The templates of an attribute by name: its own, and the file's that it has words for."""
        content = self.attributes[attribute]
        fits = {n: text for n, text in self.templates.items() if self._fit(text, content)}
        return fits | content.templates

    def _fit(self, text: str, content: Attribute) -> bool:
        """Whether a text has slots of the groups, and all of them are the attribute's."""
        used = _used(text) - set(self.neutral)
        return bool(used) and used <= set(content.slots)


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
    from its name, so that no other line of the file changes them. A template of the file is the
    same `template` under every attribute: its texts share all but the words.

    Raises `DataError` for a template that has no control.
    """
    for attribute, content in file.attributes.items():
        for name, text in file.of(attribute).items():
            key = f"{file.language}.{attribute}.{name}"
            template = key if name in content.templates else f"{file.language}.{name}"
            for pair in _pairs(content, key, list(combinations(content.groups, 2))):
                told = _sides(file, content, key, text, pair, where)
                yield _row(file, attribute, key, template, pair, told, where)
        for name, versions in content.texts.items():
            key = f"{file.language}.{attribute}.{name}"
            for pair in _pairs(content, key, _held(content, versions)):
                first, again = versions[pair[0]][:2]
                told = (first, versions[pair[1]][0], again)
                yield _row(file, attribute, key, key, pair, told, where)


def _row(
    file: CounterfactualFile,
    attribute: str,
    key: str,
    template: str,
    pair: tuple[str, str],
    told: tuple[str, str, str],
    where: Path | str,
) -> dict[str, str]:
    text, swapped, control = told
    if text in (swapped, control):
        side = f"about {pair[1]!r}" if text == swapped else "the control"
        raise DataError(f"{where}: {key}: {side} reads like the text itself: {text!r}.")
    return {
        "id": f"{key}.{pair[0]}:{pair[1]}",
        "language": file.language,
        "attribute": attribute,
        "template": template,
        "about": pair[0],
        "instead": pair[1],
        "text": text,
        "swapped": swapped,
        "control": control,
    }


def _pairs(
    content: Attribute, key: str, every: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """Those pairs of groups that a template is written for."""
    drawn = sorted(every, key=lambda pair: _number(key, *sorted(pair, key=content.groups.index)))
    yield from drawn[: content.pairs]


def _held(content: Attribute, versions: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """The pairs of groups that a written out text has, the one with a control first."""
    pairs = [
        pair if len(versions[pair[0]]) > 1 else pair[::-1]
        for pair in combinations([group for group in content.groups if group in versions], 2)
    ]
    return [(first, other) for first, other in pairs if len(versions[first]) > 1]


def _sides(
    file: CounterfactualFile,
    content: Attribute,
    key: str,
    text: str,
    pair: tuple[str, str],
    where: Path | str,
) -> tuple[str, str, str]:
    """The text about the first group, about the other, and the control."""
    used = _used(text)
    told: list[dict[str, str]] = [{}, {}, {}]
    changed = False
    for name, words in content.words.items():
        if not used & set(words.slots):
            continue
        cells = _cells(content, key, name, pair)
        if cells is None:
            raise DataError(
                f"{where}: {key}: no row of {name!r} has a word for {pair[0]!r} and for "
                f"{pair[1]!r}; add one, or take the slot out."
            )
        changed |= cells[2] != cells[0]
        for side, cell in zip(told, cells, strict=True):
            side.update(zip(words.slots, forms(cell), strict=True))
    for slot in sorted(used & set(file.neutral)):
        choice = file.neutral[slot]
        at = _number(key, slot) % len(choice)
        for side in told:
            side[slot] = choice[at]
        if not changed:
            told[2][slot] = choice[(at + 1) % len(choice)]
            changed = True
    if not changed:
        raise DataError(
            f"{where}: {key}: nothing can be changed without changing the group. Give "
            f"{pair[0]!r} a second word, or put a slot of `neutral` into the sentence."
        )
    a, b, c = (written(text, side, file.grammar) for side in told)
    return a, b, c


def _cells(
    content: Attribute, key: str, name: str, pair: tuple[str, str]
) -> tuple[str, str, str] | None:
    """A word of the first group, the other's in its row, and the first's next that is different.

    The first word once more where it has no other; None where no row has a word for both.
    """
    first, other = (content.groups.index(group) for group in pair)
    rows = [(row[first], row[other]) for row in content.words[name].rows]
    whole = [place for place, cells in enumerate(rows) if None not in cells]
    if not whole:
        return None
    at = whole[_number(key, name, *sorted(pair)) % len(whole)]
    mine = [cell for cell, _ in rows[at:] + rows[:at] if cell is not None]
    again = next((cell for cell in mine if cell != mine[0]), mine[0])
    return mine[0], str(rows[at][1]), again


def _used(text: str) -> set[str]:
    return {parsed(slot).name for slot in slots(text)}


def _number(*parts: str) -> int:
    """A number that looks drawn at random and follows from the names alone."""
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:8], "big")


def _check_versions(name: str, text: Mapping[str, Sequence[str]], groups: Sequence[str]) -> None:
    for group, versions in text.items():
        if group not in groups:
            raise ValueError(f"texts.{name}: {UnknownName('group', group, groups)}")
        if any("{" in version or "}" in version for version in versions):
            raise ValueError(f"texts.{name}: a text is written out whole, without slots.")
    if len(text) < 2 or not any(len(versions) > 1 for versions in text.values()):
        raise ValueError(
            f"texts.{name}: two groups are needed, and for one of them a second text in other "
            "words, which is the control."
        )
