"""From a row's cells to a case: which column is what, and texts written from templates."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter
from typing import Any

from msgspec.structs import replace

from fmaudit.cards import ColumnMap
from fmaudit.data.cells import text_of, weight_of
from fmaudit.data.options import options_of, references_of
from fmaudit.errors import DataError, UnknownName
from fmaudit.types import Case, Input, Pair, encode

Cells = Mapping[str, Any]
MISSING = "unknown"
"""How a missing cell reads inside a template, where `values` says nothing else."""


@dataclass(frozen=True)
class Template:
    """Text written over columns: literal pieces and names in turn. A plain column is one name."""

    pieces: tuple[tuple[str, str | None], ...]
    values: Mapping[str, Mapping[str, str]]
    null: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""
        return tuple(name for _, name in self.pieces if name is not None)

    def write(self, cells: Cells) -> str | None:
        """The text of a row; None where it is one plain column and that cell is missing."""
        if self.pieces == (("", self.columns[0]),):
            return self._shown(self.columns[0], cells)
        parts = []
        for literal, name in self.pieces:
            parts.append(literal)
            if name is not None:
                shown = self._shown(name, cells)
                parts.append(MISSING if shown is None else shown)
        return "".join(parts)

    def _shown(self, name: str, cells: Cells) -> str | None:
        text = text_of(cells[name])
        written = self.values.get(name)
        if written is None:
            return text
        raw = self.null if text is None else text
        return text if raw is None else written.get(raw, text)


def template(
    text: str,
    known: Sequence[str],
    where: str,
    values: Mapping[str, Mapping[str, str]] | None = None,
    null: str | None = None,
) -> Template:
    """A column's name, or text with columns in braces ("{age} years old").

    Raises `UnknownName` for a column that is not there, `DataError` for other uses of braces.
    """
    if text in known or "{" not in text:
        return Template((("", column(text, known, where)),), values or {}, null)
    try:
        parsed = list(Formatter().parse(text))
    except ValueError as error:
        raise DataError(f"{where}: the template {text!r} cannot be read: {error}.") from None
    pieces: list[tuple[str, str | None]] = []
    for literal, name, spec, conversion in parsed:
        if spec or conversion or name == "":
            raise DataError(
                f"{where}: braces in a template hold a column's name alone, as in '{{age}}'; "
                "write '{{' and '}}' for the signs themselves."
            )
        pieces.append((literal, None if name is None else column(name, known, where)))
    return Template(tuple(pieces), values or {}, null)


def column(name: str, known: Sequence[str], where: str) -> str:
    """The name, where there is such a column. Raises `UnknownName` with the nearest one."""
    if name not in known:
        raise UnknownName("column", name, known, where)
    return name


@dataclass(frozen=True)
class Reader:
    """Makes a case of a row's cells.

    `text` of None: the prompt is empty. `parsed`: the file holds text alone, and a list in a cell
    is written as JSON. `fill` returns the case with an id only where a column holds one, and the
    attributes that the row says nothing of. It raises `DataError` for a cell that cannot be used.
    """

    text: Template | None
    pair: Template | None
    columns: ColumnMap
    target: Mapping[str, str] = field(default_factory=dict)
    parsed: bool = False

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns to read, each once."""
        plain = self.columns
        named = [plain.label, plain.id, plain.cluster, plain.weight, plain.stratum]
        texts = [name for t in (self.text, self.pair) if t is not None for name in t.columns]
        many = [*texts, *(plain.options or ()), *(plain.references or ())]
        many += plain.grouped.values()
        return tuple(dict.fromkeys([*many, *(n for n in named if n is not None)]))

    def fill(self, cells: Cells) -> Case:
        """The case of a row, its target as the label is written.

        Missing group values are left out of `groups`.
        """
        columns = self.columns
        groups = {name: text_of(cells[column]) for name, column in columns.grouped.items()}
        return Case(
            id=self._required("id", columns.id, cells) if columns.id else "",
            input=self._input(cells),
            target=self._target(cells) if columns.label else None,
            groups={name: value for name, value in groups.items() if value},
            cluster=(text_of(cells[columns.cluster]) or "") if columns.cluster else "",
            weight=weight_of(cells[columns.weight]) if columns.weight else 1.0,
            stratum=(text_of(cells[columns.stratum]) or "") if columns.stratum else "",
            options=options_of(cells, columns.options, self.parsed) if columns.options else (),
            references=references_of(cells, columns.references or (), self.parsed),
        )

    def _input(self, cells: Cells) -> Input:
        if self.text is None:
            return ""
        first = self.text.write(cells)
        second = "" if self.pair is None else self.pair.write(cells)
        if first is None or second is None:
            raise DataError("the text is missing")
        return first if self.pair is None else Pair(first, second)

    def _target(self, cells: Cells) -> str:
        label = self._required("label", self.columns.label, cells)
        if self.target and label not in self.target:
            raise DataError(f"the label {label!r} is not in the card's `target`")
        return self.target.get(label, label)

    def _required(self, what: str, name: str | None, cells: Cells) -> str:
        value = text_of(cells[name]) if name else None
        if value is None or not value.strip():
            raise DataError(f"the {what} (column {name!r}) is missing")
        return value


def namer() -> Callable[[Case], Case]:
    """Gives cases their ids, for one pass over a source.

    Without an id column the id is the first 16 hex digits of the sha256 of what the case says
    (input, target, groups, cluster; options and references where there are any), with "-2", "-3",
    … for repeats: other rows, their order and the weights do not change it.
    """
    seen: dict[str, int] = {}

    def name(case: Case) -> Case:
        if case.id:
            return case
        said: tuple[Any, ...] = (case.input, case.target, case.groups, case.cluster)
        if case.options or case.references:
            said = (*said, case.options, case.references)
        start = hashlib.sha256(encode(said)).hexdigest()[:16]
        repeats = seen[start] = seen.get(start, 0) + 1
        return replace(case, id=start if repeats == 1 else f"{start}-{repeats}")

    return name
