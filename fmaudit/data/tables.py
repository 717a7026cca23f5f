"""Tables on disk, read a row at a time: CSV, JSON lines, Parquet, templates, benchmarks.

A table knows its columns and gives its rows as tuples of the columns that are asked for, each
with its place in the file. Nothing is read ahead beyond a block.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import msgspec

from fmaudit.cards import CsvOptions
from fmaudit.data.counterfactuals import CounterfactualsTable
from fmaudit.data.frames import FramesTable
from fmaudit.data.published import FORMATS as PUBLISHED
from fmaudit.data.published import PublishedTable
from fmaudit.data.templates import TemplatesTable
from fmaudit.data.textfiles import lines_of
from fmaudit.errors import DataError, UnknownName

Row = tuple[int, tuple[Any, ...]]

WRITTEN: Mapping[str, Callable[[Path], TemplatesTable | CounterfactualsTable | FramesTable]] = {
    "templates": TemplatesTable,
    "counterfactuals": CounterfactualsTable,
    "frames": FramesTable,
}
"""Formats in which sentences with slots are written."""

SEPARATORS = {";": "';'", "\t": "tabs", "|": "'|'", ",": "commas"}
"""What columns are separated by, in words."""

_PEEK = 1000
_BLOCK = 4096


class Table(Protocol):
    """Rows under named columns. `unit` says what the rows' numbers count ("line", "row")."""

    @property
    def path(self) -> Path:
        """Where it lies."""
        ...

    @property
    def unit(self) -> str:
        """What the numbers of the rows count."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns."""
        ...

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Each row's number and its cells of these columns, in this order."""
        ...


@dataclass(frozen=True)
class CsvTable:
    """A CSV file (RFC 4180; quoted cells may hold line breaks), perhaps gzipped."""

    path: Path
    options: CsvOptions = CsvOptions()
    unit: str = "line"

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The header's names, or the options' where the file has no header."""
        with self._records() as records:
            first = next(records, None)
        if first is None:
            raise DataError(f"{self.path}: the file is empty.")
        names = tuple(first[1]) if self.options.header else self.options.names
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DataError(f"{self.path}: two columns are called {', '.join(map(repr, twice))}.")
        return names

    @property
    def delimiter(self) -> str:
        """What separates its columns, as far as options and name say."""
        return self.options.delimiter or ("\t" if ".tsv" in self.path.suffixes else ",")

    @property
    def other_delimiter(self) -> str | None:
        """What seems to separate them, where the whole header reads as a single column."""
        header, *more = self.columns
        others = (sign for sign in SEPARATORS if sign in header and sign != self.delimiter)
        return None if more else next(others, None)

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Each row's number and its cells of these columns, in this order."""
        width = len(self.columns)
        wanted = [self.columns.index(name) for name in columns]
        null = self.options.null
        with self._records() as records:
            for number, cells in islice(records, int(self.options.header), None):
                if len(cells) != width:
                    raise DataError(
                        f"{self.path}, line {number}: {len(cells)} cells, but there are {width} "
                        "columns. A cell that holds the delimiter or a quote must stand in quotes."
                    )
                yield number, tuple(None if cells[i] == null else cells[i] for i in wanted)

    @contextmanager
    def _records(self) -> Iterator[Iterator[tuple[int, list[str]]]]:
        options = self.options
        with lines_of(self.path, options.encoding) as lines:
            counted = _Counted(lines, options.skip, options.comment)
            yield self._parsed(counted)

    def _parsed(self, lines: _Counted) -> Iterator[tuple[int, list[str]]]:
        strip = self.options.strip
        reader = csv.reader(lines, delimiter=self.delimiter, skipinitialspace=strip, strict=True)
        try:
            for cells in reader:
                if cells:
                    yield lines.number, [c.strip() for c in cells] if strip else cells
        except csv.Error as error:
            cure = "Write the data as JSON lines or Parquet." if "limit" in str(error) else ""
            raise DataError(f"{self.path}, line {lines.number}: {error}. {cure}".strip()) from None


class _Counted:
    """The lines of a file that hold data, with the number of the last one given out."""

    def __init__(self, lines: Iterator[str], skip: int, comment: str | None) -> None:
        self.number = 0
        self._lines = lines
        self._skip = skip
        self._comment = comment

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.number += 1
            if self.number > self._skip and not (self._comment and line.startswith(self._comment)):
                yield line


@dataclass(frozen=True)
class JsonlTable:
    """A file of JSON objects, one a line, perhaps gzipped."""

    path: Path
    encoding: str = "utf-8"
    unit: str = "line"

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The keys of the first thousand records."""
        found: dict[str, None] = {}
        for _, record in islice(self._records(), _PEEK):
            found.update(dict.fromkeys(record))
        if not found:
            raise DataError(f"{self.path}: the file is empty.")
        return tuple(found)

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Each row's number and its cells of these columns; a key left out is null."""
        for number, record in self._records():
            yield number, tuple(record.get(name) for name in columns)

    def _records(self) -> Iterator[tuple[int, dict[str, Any]]]:
        decoder = msgspec.json.Decoder(dict[str, Any])
        with lines_of(self.path, self.encoding) as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    yield number, decoder.decode(line)
                except msgspec.DecodeError as error:
                    raise DataError(
                        f"{self.path}, line {number}: not a JSON object: {error}. "
                        'Each line must hold one object: {"text": …, "label": …}.'
                    ) from None


@dataclass(frozen=True)
class ParquetTable:
    """A Parquet file, read a block of rows at a time."""

    path: Path
    unit: str = "row"

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns."""
        with self._open() as file:
            return tuple(file.schema_arrow.names)

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Each row's number and its cells of these columns, in this order."""
        number = 0
        with self._open() as file:
            for batch in file.iter_batches(batch_size=_BLOCK, columns=list(dict.fromkeys(columns))):
                cells = [batch.column(name).to_pylist() for name in columns]
                for values in zip(*cells, strict=True) if columns else [()] * batch.num_rows:
                    number += 1
                    yield number, values

    @contextmanager
    def _open(self) -> Iterator[Any]:
        import pyarrow
        from pyarrow.parquet import ParquetFile

        if self.path.stat().st_size == 0:
            raise DataError(f"{self.path}: the file is empty.")
        try:
            with ParquetFile(self.path) as file:
                yield file
        except (pyarrow.ArrowException, OSError) as error:
            raise DataError(f"{self.path}: not a whole Parquet file: {error}.") from error


FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}


def format_of(path: Path, where: str) -> str:
    """The format that the file's name says. Raises `UnknownName` where it says none."""
    suffixes = [s.lower() for s in path.suffixes if s.lower() != ".gz"]
    suffix = suffixes[-1] if suffixes else ""
    if suffix == ".json":
        raise DataError(
            f"{where}: {path} may be any JSON; write one object a line and call it .jsonl."
        )
    if suffix not in FORMATS:
        raise UnknownName("file format", suffix or path.name, FORMATS, f"{where} ({path})")
    return FORMATS[suffix]


def open_table(path: Path, kind: str, options: CsvOptions, beside: Path | None = None) -> Table:
    """The table in a file of that format: "csv", "tsv", "jsonl", "parquet", one of `WRITTEN`.

    Or one of `published.FORMATS`, some of which read the file `beside` as well.
    """
    if kind in PUBLISHED:
        return PublishedTable(path, kind, beside)
    if kind in WRITTEN:
        return WRITTEN[kind](path)
    if kind == "parquet":
        return ParquetTable(path)
    if kind == "jsonl":
        return JsonlTable(path, options.encoding)
    if kind == "tsv" and options.delimiter is None:
        options = options.model_copy(update={"delimiter": "\t"})
    return CsvTable(path, options)
