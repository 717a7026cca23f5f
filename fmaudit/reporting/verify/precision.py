"""What float32 would make of a figure of a model that is served in half precision, written anew.

The rows that were answered both as served and in float32 give one figure each, of at least 30
units; d is their difference. The p-values are those of all rows at the threshold less d.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify import results
from fmaudit.reporting.verify.estimates import Ask
from fmaudit.reporting.verify.figures import Figure
from fmaudit.reporting.verify.promises import Promise
from fmaudit.reporting.verify.results import Check
from fmaudit.reporting.verify.rows import File, Rows
from fmaudit.types import AuditRecord, Estimate

HALF = ("bfloat16", "float16")
FEWEST = 200
FEWEST_UNITS = 30


@dataclass(frozen=True)
class Both:
    """The compared cases of a probe: as served, and in float32."""

    served: File
    full: File


Compared = Mapping[str, Both] | None
"""Probe → its compared cases; None where the model is served in full precision."""


def compared(run: Path, record: AuditRecord) -> Compared:
    """The evidence in float32, and the served one of the same cases."""
    if record.model.get("dtype") not in HALF:
        return None
    found = {}
    for path in sorted((run / "evidence" / "float32").glob("*.parquet")):
        full = File(path)
        found[path.stem] = Both(File(run / "evidence" / path.name, full.ids), full)
    return found


def enough(record: AuditRecord, files: Mapping[str, File], both: Compared) -> Iterator[Check]:
    """That as many cases were compared as the record's contract asks for, all of them its own."""
    for probe, pair in (both or {}).items():
        where, tried = f"coverage {probe}", pair.full.cases
        least = min(FEWEST, files[probe].cases) if probe in files else FEWEST
        note = f"at least {least} cases are compared"
        yield Check(where, "float32 cases", "value", tried, tried, tried >= least, note)
        yield results.same(where, "compared cases", pair.served.cases, tried)
    if both is None and record.model:
        for probe in record.probes:
            if any("float32" in _details(f.estimate) for f in record.findings if f.probe == probe):
                note = "compared with float32, and served in it"
                yield Check(probe, "float32", "value", None, None, False, note)


def served(record: AuditRecord, spec: Mapping[str, Any]) -> Iterator[Check]:
    """The dtype in the record against the one that the spec asks for, where it names one.

    A model that Python code handed over came in a dtype of its own.
    """
    asked = (spec.get("model") or {}).get("dtype") or "auto"
    if asked != "auto" and record.model.get("adapter") == "classifier":
        yield results.same("model", "dtype", record.model.get("dtype"), asked, "asked by the spec")


def with_float32(
    fresh: Estimate, promise: Promise, figure: Figure, file: File, ask: Ask, pair: Both | None
) -> Estimate:
    """The estimate with its `details.float32` anew."""
    try:
        if pair is None:
            raise NotEstimable("no evidence in float32")
        details = _difference(fresh, promise, figure, file, ask, pair)
    except NotEstimable as why:
        details = {"reason": str(why)}
    return msgspec.structs.replace(fresh, details={**fresh.details, "float32": details})


def moved(estimate: Estimate) -> Estimate:
    """The estimate with the p-values that are stored for float32."""
    stored = estimate.details.get("float32")
    if stored is None:
        return estimate
    return msgspec.structs.replace(
        estimate, p_fail=stored.get("p_fail"), p_pass=stored.get("p_pass")
    )


def _difference(
    fresh: Estimate, promise: Promise, figure: Figure, file: File, ask: Ask, pair: Both
) -> dict[str, Any]:
    at = promise.at
    labelled = "label" in figure.columns
    if pair.full.failures(promise.slice, **at, labelled=labelled, least=promise.minimum_n)[1]:
        raise NotEstimable("too many rows of this figure failed in float32")
    out = fresh.details.get("excluded", {})
    bare = replace(ask, rule=None, m=1, minimum_n=1)
    one, two = (of.there(figure.columns, promise.slice, **at) for of in (pair.full, pair.served))

    def of_both(of: File) -> Estimate:
        rows = of.slice(figure.columns, promise.slice, **at, only=one & two)
        return figure.compute(_without(rows, out), bare)

    full, served = of_both(pair.full), of_both(pair.served)
    if min(full.clusters, served.clusters) < min(FEWEST_UNITS, fresh.clusters):
        raise NotEstimable(f"fewer than {FEWEST_UNITS} units were compared")
    assert promise.rule is not None
    by = full.value - served.value
    shifted = msgspec.structs.replace(promise.rule, value=promise.rule.value - by)
    rows = file.slice(figure.columns, promise.slice, **at)
    found = figure.compute(rows, replace(ask, rule=shifted))
    return {"difference": by, "p_fail": found.p_fail, "p_pass": found.p_pass}


def _without(rows: Rows, excluded: Mapping[str, str]) -> Rows:
    if not excluded:
        return rows
    return rows.where(np.array([g not in excluded for g in rows.columns["group"]], dtype=bool))


def _details(estimate: Estimate | None) -> Mapping[str, Any]:
    return {} if estimate is None else estimate.details
