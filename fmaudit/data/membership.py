"""Training rows and others, for the privacy probes: cases that say whether they are members."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from fmaudit.data.cases import CaseSource
from fmaudit.data.opening import open_cases
from fmaudit.downloads import sha256_of
from fmaudit.errors import DataError
from fmaudit.spec import DataSpec, MembershipSpec
from fmaudit.types import Case, Input, Pair, digest, encode

_FILE = "file:"
_CHUNK = 8192
MOST_TRAINED = 0.05
"""Share of the audited rows that may be training rows."""

Text = tuple[str, ...]


@dataclass(frozen=True)
class Membership:
    """Two sources of cases. `random`: a recorded draw at random decided who is a member.

    `record` tells of the draw: a sentence, or the path of the file that does, whose sha256 is
    `record_sum`. `trained_in_data`: rows of the audited data whose text is a member's, None
    where no data are audited.
    """

    members: CaseSource
    nonmembers: CaseSource
    random: bool
    record: str | None
    record_sum: str | None = None
    trained_in_data: int | None = None

    def chunks(self, size: int) -> Iterator[list[Case]]:
        """Members first, then the others; ids say which side they are of. Each counts once."""
        for member, source in ((True, self.members), (False, self.nonmembers)):
            side = "member" if member else "nonmember"
            for part in source.chunks(size):
                yield [replace(case, id=f"{side}:{case.id}", member=member) for case in part]

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
        """sha256 over both sources and over how they were drawn; not over where files lie."""
        told = self.record_sum or self.record
        sides = [[side.digest, side.about["split"]] for side in (self.members, self.nonmembers)]
        return digest([sides, self.random, told])

    def describe(self) -> Mapping[str, Any]:
        """What a record says of them: how many, how they were drawn, which files and labels."""
        sides = {"members": self.members, "nonmembers": self.nonmembers}
        return {
            **{side: source.survey.rows for side, source in sides.items()},
            "drawn": "random" if self.random else "unknown",
            "record": self.record,
            "record_sha256": self.record_sum,
            "trained_in_data": self.trained_in_data,
            "sources": {side: _described(source) for side, source in sides.items()},
            "digest": self.digest,
        }


def open_membership(
    spec: MembershipSpec,
    data: DataSpec,
    *,
    audited: CaseSource | None = None,
    where: str = "membership",
    extra: Sequence[Path] = (),
    cache: Path | None = None,
) -> Membership:
    """Open both files of a spec; columns that it does not name are those of `data`.

    `audited` are the cases of `data`, on which the other probes measure the model: no more than
    5 % of them may be members.

    Raises:
        DataError, SourceError, SpecError, UnknownName: what is wrong, where, and the cure.
    """
    shared = ("text", "text_pair", "label", "cluster")
    asked = {key: getattr(spec, key) or getattr(data, key) for key in shared}
    if data.options:  # its labels say which option is right, and no options are read here
        asked["label"] = spec.label

    def side(name: str) -> CaseSource:
        columns = DataSpec(
            source=getattr(spec, name),
            split=getattr(spec, f"{name}_split"),
            id=spec.id,
            groups=spec.groups,
            limit=spec.limit,
            **asked,
        )
        return open_cases(columns, where=f"{where}.{name}", extra=extra, cache=cache)

    members, nonmembers = side("members"), side("nonmembers")
    if members.digest == nonmembers.digest and spec.members_split == spec.nonmembers_split:
        raise DataError(
            f"{where}: `members` and `nonmembers` are the same rows. Name rows that the model was "
            "trained on as the one, and rows that it was not as the other."
        )
    sum_ = _record_sum(spec.record, where)
    record = spec.record and spec.record.removeprefix(_FILE)
    trained = None if audited is None else _trained(audited, members)
    return Membership(members, nonmembers, spec.drawn == "random", record, sum_, trained)


def words(shown: Input) -> Text:
    """A text, or a pair's two, with single spaces: what makes two inputs the same text."""
    parts = (shown.first, shown.second) if isinstance(shown, Pair) else (shown,)
    return tuple(" ".join(part.split()) for part in parts)


def _trained(audited: CaseSource, members: CaseSource) -> int:
    """How many audited rows hold a member's text. Raises `DataError` where they are many."""
    met = set(_digests(members))
    count, rows = sum(text in met for text in _digests(audited)), audited.survey.rows
    if count > MOST_TRAINED * rows:
        raise DataError(
            f"{audited.where}: {count} of {rows} rows ({count / rows:.1%}) hold a text of "
            f"{members.where}. A model looks better on its training rows than it is; name data "
            "that the model was not trained on."
        )
    return count


def _digests(source: CaseSource) -> Iterator[bytes]:
    """A digest of each row's text; of an empty one none."""
    for part in source.chunks(_CHUNK):
        for case in part:
            text = words(case.input)
            if any(text):
                yield hashlib.sha256(encode(text)).digest()[:16]


def _described(source: CaseSource) -> dict[str, Any]:
    told = source.describe()
    said = ("source", "split", "files", "mapping", "limit", "labels", "digest")
    return {key: told[key] for key in said}


def _record_sum(record: str | None, where: str) -> str | None:
    """The sha256 of the file that tells of the draw; None where a sentence does."""
    if record is None or not record.startswith(_FILE):
        return None
    path = Path(record.removeprefix(_FILE)).expanduser()
    if not path.is_file():
        raise DataError(
            f"{where}.record: there is no file {path}. Name the file that says how members were "
            "drawn, or say it in a sentence."
        )
    return sha256_of(path)
