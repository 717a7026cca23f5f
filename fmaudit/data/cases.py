"""A source of cases: read as often as wanted, a chunk at a time, in bounded memory.

Before the first chunk the whole source is surveyed once, so that everything wrong with it is
said at once and nothing is found out halfway through an audit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from fmaudit.data.columns import Reader, namer
from fmaudit.data.options import Reading, meant
from fmaudit.data.problems import Problems
from fmaudit.data.published import PublishedTable
from fmaudit.data.survey import Survey, Tally
from fmaudit.data.tables import Table
from fmaudit.downloads import sha256_of
from fmaudit.errors import DataError
from fmaudit.types import Case
from fmaudit.types import digest as digest_of


@dataclass(frozen=True)
class CaseSource:
    """Cases from tables that share their columns.

    `mapping` is all, beside the files' bytes, that decides what the cases are; `about` is what
    else a record should say of them (their card, their licence). `positive` is the favourable
    class that the spec or the card names. `where` names the spec.
    """

    tables: tuple[Table, ...]
    reader: Reader
    mapping: Mapping[str, Any]
    about: Mapping[str, Any]
    positive: str | None = None
    limit: int | None = None
    where: str = ""

    @property
    def attributes(self) -> tuple[str, ...]:
        """The names of people's attributes."""
        return tuple(self.reader.columns.grouped)

    def chunks(self, size: int) -> Iterator[list[Case]]:
        """The cases in the files' order, `size` at a time. Raises `DataError` before the first."""
        if size < 1:
            raise ValueError(f"a chunk holds at least one case, not {size}")
        # The survey raises what is wrong with any row before the first chunk is used.
        reading, name = self.survey.reading, namer()
        cases = (name(meant(self.reader.fill(cells), reading)) for _, cells in self._rows())
        while chunk := list(islice(cases, size)):
            yield chunk

    @cached_property
    def survey(self) -> Survey:
        """One pass over all rows. Raises `DataError` with all that is wrong, counted."""
        problems, tally, reading = Problems(), Tally(self.attributes), Reading()
        ids: dict[str, str] = {}
        rows = 0
        for place, cells in self._rows():
            rows += 1
            try:
                case = self.reader.fill(cells)
            except DataError as error:
                problems.add(str(error), place)
                continue
            if case.id in ids:
                problems.add(f"the id {case.id!r} was there before, in {ids[case.id]}", place)
            elif case.id:
                ids[case.id] = place
            reading.note(case, place)
            tally.add(case)
        problems.include(reading.problems)
        problems.raise_any(self.where, rows)
        if rows == 0:
            files = ", ".join(str(table.path) for table in self.tables)
            raise DataError(f"{self.where}: {files}: there are no rows.")
        return tally.survey(reading.chosen)

    @cached_property
    def digest(self) -> str:
        """sha256 over the files' bytes and the mapping; where the files lie does not count."""
        said = {"files": self.sums, "mapping": self.mapping, "limit": self.limit}
        beside = [digest_files(path) for path in self._beside]
        return digest_of(said | ({"beside": beside} if beside else {}))

    @cached_property
    def sums(self) -> tuple[str, ...]:
        """Each file's sha256."""
        return tuple(digest_files(table.path) for table in self.tables)

    def describe(self) -> dict[str, Any]:
        """What a record says of the data: files, columns, rows, labels, groups."""
        found = self.survey
        return {
            **self.about,
            "files": [
                {"path": str(table.path), "sha256": sum_, "columns": list(table.columns)}
                for table, sum_ in zip(self.tables, self.sums, strict=True)
            ]
            + [{"path": str(path), "sha256": digest_files(path)} for path in self._beside],
            "mapping": dict(self.mapping),
            "positive": self.positive,
            "limit": self.limit,
            "rows": found.rows,
            "labels": dict(found.labels),
            "groups": {name: dict(counts) for name, counts in found.groups.items()},
            "ungrouped": dict(found.ungrouped),
            "digest": self.digest,
        } | found.counted

    @property
    def _beside(self) -> list[Path]:
        """Files that are read beside a table's own, each once."""
        found = [t.beside for t in self.tables if isinstance(t, PublishedTable) and t.beside]
        return list(dict.fromkeys(found))

    def _rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each row's place in words and its cells, up to the limit."""
        return islice(self._all_rows(), self.limit)

    def _all_rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        needed = self.reader.needed
        for table in self.tables:
            file = f"{table.path.name}, " if len(self.tables) > 1 else ""
            for number, values in table.rows(needed):
                yield f"{file}{table.unit} {number}", dict(zip(needed, values, strict=True))


def digest_files(path: Path) -> str:
    """sha256 of a file's bytes; of a folder, over its files' names and bytes."""
    if path.is_file():
        return sha256_of(path)
    names = sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file())
    joined = "".join(f"{name}\0{sha256_of(path / name)}\n" for name in names)
    return hashlib.sha256(joined.encode()).hexdigest()
