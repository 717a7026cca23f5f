"""What an exhibit is drawn from, and what every drawn exhibit has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from fmaudit import evidence
from fmaudit.reporting.language import Language
from fmaudit.reporting.words import Names
from fmaudit.types import AuditRecord, Exhibit


class Drawn(Protocol):
    """An exhibit ready for its template, `exhibits/<kind>.html.jinja`.

    `missing` says why there is nothing to see, where there is nothing.
    """

    @property
    def kind(self) -> str:
        """Which template draws it."""

    @property
    def probe(self) -> str:
        """Whose it is."""

    @property
    def title(self) -> str:
        """What stands above it, in the page's language."""

    @property
    def missing(self) -> str:
        """A reason, "" where there is something to see."""


@dataclass(frozen=True)
class Nothing:
    """An exhibit that cannot be drawn: its title and the reason."""

    probe: str
    title: str
    missing: str
    kind: str = "nothing"


@dataclass(frozen=True)
class Source:
    """A record, the folder of its evidence (None: not at hand), and how to speak of it.

    `texts`: whether texts of the data may be shown.
    """

    record: AuditRecord
    run: Path | None
    names: Names
    say: Language
    texts: bool = True

    def title(self, exhibit: Exhibit) -> str:
        """The exhibit's title in the page's language."""
        return self.say.content(exhibit.title)

    def nothing(self, exhibit: Exhibit, reason: str) -> Nothing:
        """The exhibit, not drawn for that reason."""
        return Nothing(exhibit.probe, self.title(exhibit), reason)

    def lacks(self, exhibit: Exhibit, columns: Iterable[str], *, texts: bool = False) -> str:
        """Why these columns of the evidence cannot be read; "" where they can.

        `texts`: the exhibit shows texts of the data.
        """
        if texts and not self.texts:
            return self.say("this report was made without the texts of the data")
        if texts and self.record.audit.get("evidence_texts") == "hash":
            return self.say("the spec asks to keep digests in place of texts")
        path = self._path(exhibit)
        if path is None or not path.is_file():
            return self.say(
                "the evidence is not beside the record; copy evidence/%(probe)s.parquet of the run "
                "there, and render the report again",
                probe=exhibit.probe,
            )
        import pyarrow.parquet as pq

        try:
            known = pq.read_schema(path).names
        except (OSError, ValueError) as error:  # pyarrow's own errors are of these
            return self.say("the evidence cannot be read: %(error)s", error=error)
        strange = ", ".join(name for name in dict.fromkeys(columns) if name not in known)
        return self.say("the evidence has no column %(names)s", names=strange) if strange else ""

    def has(self, exhibit: Exhibit, column: str) -> bool:
        """Whether the evidence can be read and has that column."""
        return not self.lacks(exhibit, [column])

    def table(self, exhibit: Exhibit, columns: Iterable[str]) -> Any:
        """Those columns of the exhibit's evidence, an Arrow table; see `lacks` before."""
        path = self._path(exhibit)
        assert path is not None
        return evidence.read(path, list(dict.fromkeys(columns)))

    def _path(self, exhibit: Exhibit) -> Path | None:
        return self.run / "evidence" / f"{exhibit.probe}.parquet" if self.run else None
