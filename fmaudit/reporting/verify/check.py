"""Checking a run: its seal, its counts, its findings, its exit code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fmaudit.reporting import seal
from fmaudit.reporting.record import load
from fmaudit.reporting.verify import decisions, floor, precision, results
from fmaudit.reporting.verify.findings import check_findings
from fmaudit.reporting.verify.maps import check_maps
from fmaudit.reporting.verify.measured import check_errors
from fmaudit.reporting.verify.promises import source_of
from fmaudit.reporting.verify.results import Check, Verification
from fmaudit.reporting.verify.rows import File
from fmaudit.types import AuditRecord


def verify(run: str | Path) -> Verification:
    """Compute every figure of a run again, from its evidence and by other code than the audit's.

    A seal that was made anew hides no changed figure: the figures are compared with the evidence,
    the findings with what the cards promise, the evidence with the counts in the record. Floor,
    served dtype and costs are measured while the audit runs and only sealed: a spec that names
    a dtype and repeats in the evidence bound the first two, the rest has to be believed.

    Raises:
        RunFolderError: the folder holds no record that can be read.
    """
    run = Path(run)
    record = load(run)
    files, both, broken = _files(run, record)
    checks = [*_sealed(run, record), *broken, *_counts(record, files)]
    if not broken:
        checks += precision.enough(record, files, both)
        checks += check_findings(record, files, both)
        checks += floor.check(record, files)
    checks += check_maps(run, record)
    checks += precision.served(record, _spec(run))
    checks += check_errors(record)
    checks += _exit_code(run, record)
    checks += _unseen(record)
    return Verification(tuple(checks))


def _sealed(run: Path, record: AuditRecord) -> Iterator[Check]:
    wrong = seal.check(run, record)
    stored = record.seal.get("sealed")
    if not wrong:
        yield Check("seal", "sealed", "sealed", stored, stored, True)
    for note in wrong:
        yield Check("seal", "sealed", "sealed", stored, None, False, note)


def _files(
    run: Path, record: AuditRecord
) -> tuple[dict[str, File], precision.Compared, list[Check]]:
    """The evidence of each probe, what of it was tried in float32, and what cannot be read."""
    import pyarrow as pa

    status = {entry.probe: entry.status for entry in record.coverage}
    files: dict[str, File] = {}
    broken: list[Check] = []
    for probe in record.probes:
        path = run / "evidence" / f"{probe}.parquet"
        if status.get(probe) == "error" and not path.exists():
            continue
        try:
            files[probe] = File(path)
        except (OSError, pa.ArrowException, LookupError, ValueError) as error:
            note = f"the evidence cannot be read: {error}"
            broken.append(Check(probe, path.name, "value", None, None, False, note))
    try:
        return files, precision.compared(run, record), broken
    except (OSError, pa.ArrowException, LookupError, ValueError) as error:
        note = f"the evidence in float32 cannot be read: {error}"
        broken.append(Check("float32", "evidence", "value", None, None, False, note))
        return files, None, broken


def _counts(record: AuditRecord, files: Mapping[str, File]) -> Iterator[Check]:
    """The counts in the record against the rows of the evidence."""
    covered = {entry.probe: entry for entry in record.coverage}
    for probe, file in files.items():
        entry, where = covered.get(probe), f"coverage {probe}"
        if entry is None:
            yield Check(where, "coverage", "value", None, probe, False, "not in the coverage")
            continue
        yield results.same(where, "status", entry.status, "ran")
        yield results.same(where, "rows", entry.rows, file.rows)
        yield results.same(where, "failed_rows", entry.failed_rows, file.failed)
        yield results.same(where, "cases", entry.cases, file.cases)
        handed = _handed(record, record.probes[probe])
        yield results.same(where, "cases of the data", entry.cases, handed)
    for entry in record.coverage:
        if entry.status in ("ran", "error") and entry.probe not in record.probes:
            note = "a probe that ran, without its card in the record"
            yield Check(f"coverage {entry.probe}", "card", "value", None, None, False, note)
    yield from _sides(record, files)
    yield from _cut_texts(record, files)


def _sides(record: AuditRecord, files: Mapping[str, File]) -> Iterator[Check]:
    """Members, others and their draw, as the record tells them, against the rows on both sides."""
    told = record.data.get("membership") or {}
    for probe, file in files.items():
        card, where = record.probes[probe], f"data membership ({probe})"
        if card.get("cases") != "membership" or not (file.has("member") and file.has("drawn")):
            continue
        sides = zip(file.keys, file.column("member")[0], strict=True)
        inside = len({case for (case, _), member in sides if member})
        if card.get("sample") is None:
            yield results.same(where, "members", told.get("members"), inside)
            yield results.same(where, "nonmembers", told.get("nonmembers"), file.cases - inside)
        drawn = file.column("drawn")[0].all()
        yield results.same(where, "drawn", told.get("drawn"), "random" if drawn else "unknown")


def _handed(record: AuditRecord, card: Mapping[str, Any]) -> int | None:
    """How many cases a probe was to be handed: all of its source, or its sample of them."""
    source, sides = source_of(card), record.data.get("membership") or {}
    if source == "membership":
        rows = sides.get("members", 0) + sides.get("nonmembers", 0)
    elif source == "data":
        rows = record.data.get("rows")
    else:
        rows = record.data.get("sets", {}).get(source, {}).get("rows")
    sample = card.get("sample")
    return rows if rows is None or sample is None else min(rows, sample)


def _cut_texts(record: AuditRecord, files: Mapping[str, File]) -> Iterator[Check]:
    stored = record.data.get("cut_texts")
    counting = next((file for file in files.values() if file.has("cut")), None)
    if counting is not None and stored is not None:
        values, there = counting.column("cut")
        yield results.same("data", "cut_texts", stored, int((values[there] > 0).sum()))


def _exit_code(run: Path, record: AuditRecord) -> Iterator[Check]:
    asked = _spec(run).get("probes") or []
    named = [choice["id"] if isinstance(choice, Mapping) else choice for choice in asked]
    covered = {name for c in record.coverage for name in (c.probe, c.family)}
    for name in named:
        if name not in covered:
            note = "the spec asks for it, and the coverage does not name it"
            yield Check(f"coverage {name}", "coverage", "value", None, name, False, note)
    fresh = decisions.exit_code(record.findings, record.coverage, named)
    yield results.same("audit", "exit_code", record.audit.get("exit_code"), fresh)


def _spec(run: Path) -> Mapping[str, Any]:
    import yaml

    path = run / "spec.yaml"
    spec = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None
    return spec if isinstance(spec, Mapping) else {}


def _unseen(record: AuditRecord) -> Iterator[Check]:
    """What the record holds and the evidence cannot show."""
    for part in ("floor", "costs"):
        if getattr(record, part):
            note = "measured while the audit ran; the seal covers it"
            yield Check(part, part, "not from evidence", None, None, True, note)
