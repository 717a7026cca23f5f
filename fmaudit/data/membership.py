"""Training rows and others, for the privacy probes: cases that say whether they are members."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from fmaudit.data.cases import CaseSource
from fmaudit.data.opening import open_cases
from fmaudit.spec import DataSpec, MembershipSpec
from fmaudit.types import Case, digest


@dataclass(frozen=True)
class Membership:
    """Two sources of cases. `random`: a recorded draw at random decided who is a member."""

    members: CaseSource
    nonmembers: CaseSource
    random: bool
    record: str | None

    def chunks(self, size: int) -> Iterator[list[Case]]:
        """Members first, then the others; ids say which side they are of."""
        for member, source in ((True, self.members), (False, self.nonmembers)):
            side = "member" if member else "nonmember"
            for part in source.chunks(size):
                yield [replace(c, id=f"{side}:{c.id}", cluster="", member=member) for c in part]

    @property
    def labels(self) -> list[str]:
        """Every label of either side."""
        return sorted({*self.members.survey.labels, *self.nonmembers.survey.labels})

    @property
    def rows(self) -> int:
        """Members and others together."""
        return self.members.survey.rows + self.nonmembers.survey.rows

    @property
    def digest(self) -> str:
        """sha256 over both sources and over how they were drawn."""
        return digest([self.members.digest, self.nonmembers.digest, self.random, self.record])

    def describe(self) -> Mapping[str, Any]:
        """What a record says of them."""
        return {
            "members": self.members.survey.rows,
            "nonmembers": self.nonmembers.survey.rows,
            "drawn": "random" if self.random else "unknown",
            "record": self.record,
            "digest": self.digest,
        }


def open_membership(
    spec: MembershipSpec,
    data: DataSpec,
    *,
    where: str = "membership",
    extra: Sequence[Path] = (),
    cache: Path | None = None,
) -> Membership:
    """Open both files of a spec; columns that it does not name are those of `data`.

    Raises:
        DataError, SourceError, SpecError, UnknownName: what is wrong, where, and the cure.
    """
    shared = ("text", "text_pair", "label")
    asked = {key: getattr(spec, key) or getattr(data, key) for key in shared}
    sides = {
        side: open_cases(
            DataSpec(source=source, id=spec.id, groups=(), limit=spec.limit, **asked),
            where=f"{where}.{side}",
            extra=extra,
            cache=cache,
        )
        for side, source in (("members", spec.members), ("nonmembers", spec.nonmembers))
    }
    return Membership(**sides, random=spec.drawn == "random", record=spec.record)
