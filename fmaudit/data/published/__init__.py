"""Published benchmarks, read in the formats that their authors gave them.

A format is one module here: the columns that an item has, and how a file is read into them. What
a column means to a case is said by the data set's card, as of any table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmaudit.data.published import (
    bbq,
    bold,
    cbbq,
    crows_pairs,
    holisticbias,
    honest,
    madlibs,
    stereoset,
    weat,
    winobias,
    winogender,
)
from fmaudit.data.published.base import Format
from fmaudit.errors import DataError

FORMATS: Mapping[str, Format] = {
    "crows_pairs": crows_pairs.FORMAT,
    "winogender": winogender.FORMAT,
    "bbq": bbq.FORMAT,
    "cbbq": cbbq.FORMAT,
    "stereoset": stereoset.FORMAT,
    "madlibs": madlibs.FORMAT,
    "winobias": winobias.FORMAT,
    "weat": weat.FORMAT,
    "honest": honest.FORMAT,
    "bold": bold.FORMAT,
    "holisticbias": holisticbias.FORMAT,
}
"""Name, as a card's `format` has it → format."""


@dataclass(frozen=True)
class PublishedTable:
    """A benchmark's file, a row an item; `beside` is the second file that some formats read."""

    path: Path
    format: str
    beside: Path | None = None
    unit: str = "item"

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns."""
        return FORMATS[self.format].columns

    @property
    def files(self) -> tuple[Path, ...]:
        """All the files whose bytes decide what its rows are."""
        return (self.path,) if self.beside is None else (self.path, self.beside)

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Each item's number, from 1, and its cells of these columns, in this order.

        Raises `DataError` for a file that is not of the format, with the item and the cure.
        """
        kind = FORMATS[self.format]
        if kind.beside and self.beside is None:
            raise DataError(
                f"{self.path}: the format {self.format} reads a second file ({kind.beside}); name "
                "it as `beside` of the file in the card."
            )
        for number, item in enumerate(kind.read(self.path, self.beside), start=1):
            yield number, tuple(item[name] for name in columns)
