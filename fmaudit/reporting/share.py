"""A record that may be handed on: no reason in it repeats the message of an error.

A record holds figures, names (of classes, groups, columns, files) and reasons; texts stand in the
evidence alone. A reason can quote one all the same: it may repeat the message of an error that a
model's or a method's own code raised. Of such a message only the error's kind is kept.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import msgspec

from fmaudit import evidence
from fmaudit.types import NO_GRADIENTS, AuditRecord, Coverage, Estimate, Finding

_ROWS_FAILED = re.compile(
    r"(?P<head>.*?\d+ of \d+ rows failed; most often: )(?P<why>.*)", re.DOTALL
)
_NO_ROWS = re.compile(r"no rows: (?P<why>.*) (?P<count>\(\d+ of \d+ rows\))", re.DOTALL)
_RAISED = re.compile(r"(?P<kind>[A-Za-z_]\w*): .*", re.DOTALL)
_NOT_COMPARED = re.compile(r"(?P<head>.*not compared with float32: )(?P<why>.*)", re.DOTALL)


def shareable(record: AuditRecord, run: Path | None) -> AuditRecord:
    """The record without the messages of errors.

    `run`: the folder with its evidence, which tells the reasons of rows that failed from those
    that a method gave. Without it, no reason of a row is kept.
    """
    silent = {f.probe for f in record.findings if _NO_ROWS.fullmatch(f.reason)}
    failed = {probe: _failed(run, probe) for probe in silent}
    return msgspec.structs.replace(
        record,
        findings=tuple(_finding(f, failed.get(f.probe)) for f in record.findings),
        coverage=tuple(_coverage(entry) for entry in record.coverage),
    )


def _finding(finding: Finding, failed: Collection[str] | None) -> Finding:
    reason = finding.reason
    if finding.verdict == "error":
        found = _ROWS_FAILED.fullmatch(reason)
        reason = _failing(found) if found else evidence.kind_of(reason)
    elif found := _NO_ROWS.fullmatch(reason):
        if found["why"].startswith(NO_GRADIENTS):
            reason = f"no rows: {NO_GRADIENTS} {found['count']}"
        elif failed is None or found["why"] in failed:
            reason = f"no rows: {evidence.kind_of(found['why'])} {found['count']}"
    elif found := _NOT_COMPARED.fullmatch(reason):
        reason = found["head"] + _cause(found["why"])
    estimate = finding.estimate and _estimate(finding.estimate)
    return msgspec.structs.replace(finding, reason=reason, estimate=estimate)


def _estimate(found: Estimate) -> Estimate:
    """An estimate whose comparison with float32 may have failed, by a message of the model's."""
    compared = found.details.get("float32")
    if not isinstance(compared, dict) or "reason" not in compared:
        return found
    there = {**compared, "reason": _cause(str(compared["reason"]))}
    return msgspec.structs.replace(found, details={**found.details, "float32": there})


def _coverage(entry: Coverage) -> Coverage:
    if entry.status != "error":
        return entry
    return msgspec.structs.replace(entry, reason=evidence.kind_of(entry.reason))


def _cause(reason: str) -> str:
    """Why a figure could not be compared: a sentence of fmaudit's, or what was raised."""
    if found := _ROWS_FAILED.fullmatch(reason):
        return _failing(found)
    found = _RAISED.fullmatch(reason)
    return found["kind"] if found else reason


def _failing(found: re.Match[str]) -> str:
    return found["head"] + evidence.kind_of(found["why"])


def _failed(run: Path | None, probe: str) -> frozenset[str] | None:
    """The reasons of a probe's failed rows; None where its evidence is not at hand."""
    path = run / "evidence" / f"{probe}.parquet" if run else None
    if path is None or not path.is_file():
        return None
    found = evidence.read(path, ["reason", "failed"])
    return frozenset(found.filter(found["failed"])["reason"].to_pylist())
