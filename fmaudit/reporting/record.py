"""The record in its run folder: `audit.json` read, written whole, and as pandas frames."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fmaudit import evidence
from fmaudit.errors import RunFolderError, UnknownName, room_for
from fmaudit.types import SCHEMA, AuditRecord, Finding, encode

if TYPE_CHECKING:
    import pandas as pd

NAME = "audit.json"

ESTIMATE_COLUMNS = (
    "value",
    "low",
    "high",
    "low_adj",
    "high_adj",
    "p_fail",
    "p_pass",
    "n",
    "clusters",
    "method",
)


def load(run: Path) -> AuditRecord:
    """The record of a run folder.

    Raises:
        RunFolderError: no such folder, no record in it (with run folders near by), a record of
            another schema version, or one that cannot be read.
    """
    path = run / NAME
    if not path.is_file():
        raise RunFolderError(_missing(run))
    try:
        data = json.loads(path.read_bytes())
    except ValueError as error:
        raise RunFolderError(
            f"{path}: not readable as JSON ({error}). Give the audit's command again to write it "
            "anew, or bring the file back from a copy."
        ) from error
    _same_schema(path, data)
    try:
        return msgspec.convert(data, AuditRecord)
    except msgspec.ValidationError as error:
        raise RunFolderError(
            f"{path}: does not fit {SCHEMA}: {error}. The file was changed by hand or cut short; "
            "bring it back from a copy, or run the audit again."
        ) from error


def write(run: Path, record: AuditRecord) -> Path:
    """Write the record into its folder; it stands there whole or not at all.

    Raises:
        DiskFull: no room left; the record that stood there before stays.
    """
    return put(run / NAME, encode(record))


def put(path: Path, data: bytes) -> Path:
    """Write a file under another name, then rename it into place.

    Raises:
        DiskFull: no room left.
        RunFolderError: the place may not be written to.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with room_for(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(partial, path)
    except PermissionError as error:
        raise RunFolderError(
            f"{path}: nothing may be written there. Name another place with --out, or make the "
            "folder writable."
        ) from error
    finally:
        with suppress(OSError):  # what could not be made need not be removed
            partial.unlink(missing_ok=True)
    return path


def findings_frame(record: AuditRecord) -> pd.DataFrame:
    """One row a finding, in the record's order.

    Columns: probe, family, measure, slice (its JSON), the estimate's figures (NaN or None
    where there is no estimate), rule_op, rule_value, rule_origin, verdict, reason, needed_n,
    positive, controls (joined by commas).
    """
    import pandas as pd

    return pd.DataFrame([_flat(finding) for finding in record.findings], columns=list(_COLUMNS))


def evidence_frame(run: Path, probe: str) -> pd.DataFrame:
    """The evidence of one probe, a row a case and variant; `groups` as a dictionary a row.

    Raises:
        UnknownName: the run holds no evidence of that probe.
    """
    path = run / "evidence" / f"{probe}.parquet"
    known = {p.stem: p for p in (run / "evidence").glob("*.parquet")}
    if probe not in known:
        raise UnknownName("evidence", probe, known, str(path.parent))
    frame: pd.DataFrame = evidence.read(path).to_pandas()
    frame["groups"] = frame["groups"].map(dict)
    return frame


_COLUMNS = (
    "probe",
    "family",
    "measure",
    "slice",
    *ESTIMATE_COLUMNS,
    "rule_op",
    "rule_value",
    "rule_origin",
    "verdict",
    "reason",
    "needed_n",
    "positive",
    "controls",
)


def _flat(finding: Finding) -> dict[str, Any]:
    estimate, rule = finding.estimate, finding.rule
    return {
        "probe": finding.probe,
        "family": finding.family,
        "measure": finding.measure,
        "slice": encode(finding.slice).decode(),
        **{name: getattr(estimate, name, None) for name in ESTIMATE_COLUMNS},
        "rule_op": rule.op if rule else None,
        "rule_value": rule.value if rule else None,
        "rule_origin": rule.origin if rule else None,
        "verdict": finding.verdict,
        "reason": finding.reason,
        "needed_n": finding.needed_n,
        "positive": finding.positive,
        "controls": ",".join(finding.controls),
    }


def _same_schema(path: Path, data: Any) -> None:
    found = data.get("schema") if isinstance(data, Mapping) else None
    if found == SCHEMA:
        return
    if not isinstance(found, str) or not found.startswith("fmaudit.record/"):
        raise RunFolderError(
            f"{path}: not a record of fmaudit (its `schema` reads {found!r}, not {SCHEMA!r}). "
            "Name the folder that `fmaudit audit` wrote."
        )
    raise RunFolderError(
        f"{path}: the record is written as {found!r}, this fmaudit reads {SCHEMA!r}. Open it "
        "with the version of fmaudit that wrote it (the record's audit.fmaudit names it), or "
        "run the audit again with this one."
    )


def _missing(run: Path) -> str:
    """What is wrong with a folder that holds no record, and which ones near by do."""
    state = f"holds no {NAME}" if run.is_dir() else "is no folder"
    near = _near(run)
    hint = f" Did you mean {' or '.join(map(str, near))}?" if near else ""
    return (
        f"{run} {state}.{hint} Name the run folder that `fmaudit audit` wrote; where an audit "
        "was stopped, give its command again and it goes on."
    )


def _near(run: Path) -> list[Path]:
    """Run folders inside the folder named, or beside it, those of a like name first."""
    for place in (run, run.parent, run.parent / "runs"):
        if place.is_dir():
            known = {path.parent.name: path.parent for path in place.glob(f"*/{NAME}")}
            close = difflib.get_close_matches(run.name, known, n=3, cutoff=0.4)
            if close or (known and place == run):
                return [known[name] for name in close or sorted(known)[:3]]
    return []
