"""The measured error beside each finding, against what the record says of its probe.

The rates themselves were simulated elsewhere and cannot be computed from the evidence; which of
them stands beside a finding can.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fmaudit.reporting.verify import results
from fmaudit.reporting.verify.results import Check
from fmaudit.types import AuditRecord, Finding, decode, encode

NOTE = "simulated before the audit; checked against the record's own list"


def check_errors(record: AuditRecord) -> Iterator[Check]:
    """Each finding's measured error: its rule's, at the largest n that is not above its own."""
    for finding in record.findings:
        card = record.probes.get(finding.probe, {})
        wanted = _wanted(finding, card.get("measured") or {})
        stored = finding.measured_error
        if wanted is None and stored is None:
            continue
        plain = None if stored is None else decode(encode(stored), dict[str, Any])
        where = results.name(finding)
        same = plain == wanted
        yield Check(where, "measured_error", "not from evidence", plain, wanted, same, NOTE)


def _wanted(finding: Finding, measured: Mapping[str, Any]) -> dict[str, Any] | None:
    rule, estimate = finding.rule, finding.estimate
    if rule is None or estimate is None:
        return None
    size = estimate.details.get("limiting_clusters", estimate.clusters)
    best: Mapping[str, Any] | None = None
    for figure in measured.get("figures", ()):
        told = (figure["measure"], figure["op"], figure["value"])
        if told != (finding.measure, rule.op, rule.value) or figure["n"] > size:
            continue
        if best is None or figure["n"] > best["n"]:
            best = figure
    if best is None:
        return None
    names = ("dose", "n", "m", "power", "false_alarms", "boundary")
    passes = best.get("wrong_passes")
    stale = measured["changed"]
    return {**{name: best[name] for name in names}, "wrong_passes": passes, "stale": stale}
