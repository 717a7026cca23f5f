"""The seal: sha256 over the spec, the evidence and the record, so that a change shows.

A seal is no signature: whoever changes a record can seal it anew. It shows damage and change by
accident; a changed figure is found by `verify`, which computes it again from the evidence. Keep
`sealed` somewhere else (in a ticket, on paper) to notice a seal that was made anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from fmaudit.evidence import file_digest
from fmaudit.types import AuditRecord, decode, digest, encode

ALGORITHM = "sha256"
UNEQUAL_IN_EQUAL_RUNS = ("started", "finished")


def seal(run: Path, record: AuditRecord) -> AuditRecord:
    """The record with its seal.

    `files`: sha256 of `spec.yaml` and of every file under `evidence/`, by relative path.
    `record`: sha256 of the record as canonical JSON without `seal`. `content`: the same over
    files and record, leaving out costs and times: equal runs have equal `content`. `sealed`:
    one digest over `files` and `record`.
    """
    files = {path.relative_to(run).as_posix(): file_digest(path) for path in _sealed_files(run)}
    found = {"files": files, **_digests(record, files)}
    return msgspec.structs.replace(record, seal={"algorithm": ALGORITHM, **found})


def check(run: Path, record: AuditRecord) -> list[str]:
    """What differs from the seal, a sentence each; none where the run is as it was sealed."""
    stored = record.seal
    if not stored:
        return ["the record has no seal"]
    fresh = seal(run, record).seal
    wrong = list(_file_changes(stored.get("files", {}), fresh["files"]))
    for name, what in _PARTS.items():
        if stored.get(name) != fresh[name]:
            wrong.append(f"{what} ({name}: sealed {stored.get(name)}, is {fresh[name]})")
    return wrong


_PARTS = {
    "algorithm": "the seal's algorithm is another",
    "record": "the record was changed after it was sealed",
    "content": "the content's digest differs",
    "sealed": "the digest over everything differs",
}


def _sealed_files(run: Path) -> list[Path]:
    files = [path for path in (run / "evidence").rglob("*") if path.is_file()]
    return sorted([*files, *(p for p in [run / "spec.yaml"] if p.is_file())])


def _digests(record: AuditRecord, files: Mapping[str, str]) -> dict[str, str]:
    # As it will be read back: a whole number in a float's place is written without its ".0".
    record = decode(encode(record), AuditRecord)
    body = {name: getattr(record, name) for name in record.__struct_fields__ if name != "seal"}
    lasting: dict[str, Any] = {name: value for name, value in body.items() if name != "costs"}
    lasting["audit"] = {k: v for k, v in record.audit.items() if k not in UNEQUAL_IN_EQUAL_RUNS}
    whole = digest(body)
    return {
        "record": whole,
        "content": digest({"files": files, "record": lasting}),
        "sealed": digest({"files": files, "record": whole}),
    }


def _file_changes(stored: Mapping[str, str], found: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*stored, *found}):
        if name not in found:
            yield f"{name} was sealed and is gone"
        elif name not in stored:
            yield f"{name} was added after the seal"
        elif stored[name] != found[name]:
            yield f"{name} was changed after it was sealed"
