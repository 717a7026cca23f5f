"""Answers to choose from, texts to hold an answer against, and which option a label means.

A label says its option by the text, by the number from 0, or by the letter. Which of the three is
meant is decided once for all rows, in this order, and never mixed: the first reading under which
every label means an option. A number or a letter is no place in the list where an option is
itself a number or a letter: "2" of the options "1", "2", "3" is the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from fmaudit.data.cells import text_of
from fmaudit.data.labels import by_number, by_text
from fmaudit.data.problems import Problems
from fmaudit.errors import DataError
from fmaudit.types import Case

Cells = Mapping[str, Any]
Texts = tuple[str, ...]
Read = Callable[[str, Texts], str | None]

_LETTER = re.compile(r"^[A-Za-z]$")
_NUMBER = re.compile(r"^[0-9]+$")


def options_of(cells: Cells, columns: Sequence[str], parsed: bool) -> Texts:
    """The options of a row: of several columns a text each, of one column all in a list.

    `parsed`: a text that reads as a JSON list of texts is one, as in a file of text alone.
    Raises `DataError` for fewer than two options, an empty one, two that are equal.
    """
    if len(columns) > 1:
        found = [_text(cells[name], f"the option in column {name!r}") for name in columns]
    else:
        cell = _list(cells[columns[0]], parsed)
        if cell is None:
            raise DataError(f"column {columns[0]!r} holds no list of options")
        found = [_text(value, f"option {place} of the list") for place, value in enumerate(cell, 1)]
    if len(found) < 2:
        raise DataError(f"{len(found)} options, where at least two are chosen from")
    stripped = [text.strip() for text in found]
    twice = sorted({text for text in stripped if stripped.count(text) > 1})
    if twice:
        raise DataError(f"two options are equal: {', '.join(map(repr, twice))}")
    return tuple(found)


def references_of(cells: Cells, columns: Sequence[str], parsed: bool) -> Texts:
    """The references of a row, in the columns' order; none where all of its cells are null.

    `parsed` as in `options_of`. Raises `DataError` for an empty reference, an empty list.
    """
    found: list[str] = []
    for name in columns:
        cell = cells[name]
        if _is_missing(cell):
            continue
        values = _list(cell, parsed)
        if values == []:
            raise DataError(f"the list of references in column {name!r} is empty; write null")
        found += [
            _text(value, f"a reference in column {name!r}")
            for value in ([cell] if values is None else values)
        ]
    return tuple(found)


def _is_missing(cell: Any) -> bool:
    """Whether a cell holds nothing: null, or a float's NaN."""
    return not isinstance(cell, (list, dict, bytes)) and text_of(cell) is None


def _text(value: Any, what: str) -> str:
    text = text_of(value)
    if text is None:
        raise DataError(f"{what} is missing")
    if not text.strip():
        raise DataError(f"{what} is empty")
    return text


def _list(cell: Any, parsed: bool) -> list[Any] | None:
    """The cell's list; None where it holds none."""
    if isinstance(cell, list):
        return cell
    if not (parsed and isinstance(cell, str)):
        return None
    try:
        return msgspec.json.decode(cell, type=list[str])
    except msgspec.DecodeError:
        return None


# ── which option a label means ───────────────────────────────────────────────────────────


def by_letter(label: str, options: Texts) -> str | None:
    """The option whose letter a label is ("A" or "a" the first); None where one is a letter."""
    word = label.strip()
    if not _LETTER.match(word) or any(_LETTER.match(text.strip()) for text in options):
        return None
    place = ord(word.upper()) - ord("A")
    return options[place] if place < len(options) else None


READINGS: Mapping[str, Read] = {"text": by_text, "number": by_number, "letter": by_letter}
"""How a label may say its option, in the order in which they are tried."""


def meant(case: Case, reading: str) -> Case:
    """The case with the option's text for its target; as it is where it has none to choose."""
    if case.target is None or not case.options:
        return case
    return replace(case, target=READINGS[reading](case.target, case.options))


class Reading:
    """Finds out, row by row, how a source's labels say their options."""

    def __init__(self) -> None:
        self._misfits = {name: Problems() for name in READINGS}

    def note(self, case: Case, place: str) -> None:
        """Take a row into account; `place` is where it stands, in words."""
        if case.target is None or not case.options:
            return
        for name, read in READINGS.items():
            if read(case.target, case.options) is None:
                self._misfits[name].add(_misfit(name, case), place)

    @property
    def chosen(self) -> str:
        """The first reading that fits all rows; where none does, the one that fits most."""
        return min(READINGS, key=lambda name: self._misfits[name].total)

    @property
    def problems(self) -> Problems:
        """The labels that mean no option under the chosen reading."""
        return self._misfits[self.chosen]


def _misfit(name: str, case: Case) -> str:
    if name != "text":
        return f"the label {case.target!r} is no option's {name}, as other rows' labels are"
    said = f"the label {case.target!r} is none of the options"
    words = {"number": _NUMBER, "letter": _LETTER}
    for kind, form in words.items():
        if form.match(str(case.target).strip()) and any(
            form.match(t.strip()) for t in case.options
        ):
            return f"{said} (where an option is itself a {kind}, a {kind} is read as a text)"
    return said
