"""What the report shows, in the order in which it shows it: the record arranged for templates.

Nothing is computed here but counts and orders; every figure is the record's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fmaudit.reporting import words
from fmaudit.types import VERDICTS, AuditRecord, Coverage, Finding, Verdict

K = TypeVar("K")
T = TypeVar("T")

FAMILY_ORDER = ("performance", "bias", "robustness", "privacy", "explanations")

GATING: tuple[Verdict, ...] = ("error", "fail", "inconclusive", "not_tested", "pass")


@dataclass(frozen=True)
class Mark:
    """An interval drawn on its table's axis: positions from 0 to 100; None where it has none."""

    value: float
    low: float | None
    high: float | None
    low_adj: float | None
    high_adj: float | None
    threshold: float | None


@dataclass(frozen=True)
class Line:
    """One finding in a table."""

    finding: Finding
    where: str
    value: str
    interval: str
    adjusted: str
    notes: tuple[str, ...]
    mark: Mark | None


@dataclass(frozen=True)
class Table:
    """The findings of one measure of one probe."""

    title: str
    measure: str
    axis: tuple[str, str] | None
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Section:
    """One probe: what its card says, and its tables."""

    id: str
    family: str
    card: Mapping[str, Any]
    coverage: Coverage | None
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class Worst:
    """The findings of one verdict in one family, the worst first."""

    verdict: Verdict
    family: str
    findings: tuple[tuple[Finding, str], ...]

    @property
    def id(self) -> str:
        """Where it stands on the page."""
        return f"worst-{self.verdict}-{self.family}"


@dataclass(frozen=True)
class Untested:
    """Figures of one probe that could not be computed for one reason."""

    probe: str
    verdict: Verdict
    reason: str
    figures: tuple[str, ...]
    family: str
    id: str


@dataclass(frozen=True)
class Page:
    """The whole report."""

    record: AuditRecord
    families: tuple[str, ...]
    counts: Mapping[tuple[str, Verdict], int]
    worst: tuple[Worst, ...]
    sections: tuple[Section, ...]
    untested: tuple[Untested, ...]
    not_run: tuple[Coverage, ...]
    ran: tuple[Coverage, ...]

    def total(self, verdict: Verdict) -> int:
        """Findings of that verdict in all families."""
        return sum(self.counts[family, verdict] for family in self.families)

    def of(self, family: str) -> tuple[Section, ...]:
        """The probes of one family."""
        return tuple(section for section in self.sections if section.family == family)

    def target(self, family: str, verdict: Verdict) -> str:
        """Where the findings of a family and verdict stand on the page."""
        places = [g.id for g in self.worst if (g.family, g.verdict) == (family, verdict)]
        places += [u.id for u in self.untested if (u.family, u.verdict) == (family, verdict)]
        return (*places, f"family-{family}")[0]

    @property
    def floor(self) -> tuple[tuple[str, int, str, str], ...]:
        """A line a condition: what was asked how, inputs answered, largest change, flips."""
        return tuple(
            (
                f"{role}, {capability}, {condition}",
                answered,
                words.number(found.get("largest", {}).get(condition)),
                words.number(found.get("flips", {}).get(condition)),
            )
            for role, capabilities in self.record.floor.items()
            for capability, found in capabilities.items()
            for condition, answered in found.get("answered", {}).items()
        )


Titles = Callable[[str], str]
"""Measure name → what a reader calls it."""


def page(record: AuditRecord, titles: Titles) -> Page:
    """Arrange a record; `titles` names the measures."""
    families = _families(record)
    counts = {(family, verdict): 0 for family in families for verdict in VERDICTS}
    for finding in record.findings:
        counts[finding.family, finding.verdict] += 1
    return Page(
        record=record,
        families=families,
        counts=counts,
        worst=_worst(record.findings, families, titles),
        sections=_sections(record, families, titles),
        untested=_untested(record.findings, titles),
        not_run=tuple(c for c in record.coverage if c.status != "ran"),
        ran=tuple(c for c in record.coverage if c.status == "ran"),
    )


def badness(finding: Finding) -> float:
    """How far a figure lies on the bad side of its rule, in units of the threshold."""
    if finding.rule is None or finding.estimate is None:
        return -math.inf
    beyond = finding.estimate.value - finding.rule.value
    return (beyond if finding.rule.op == "<=" else -beyond) / (abs(finding.rule.value) or 1.0)


def _families(record: AuditRecord) -> tuple[str, ...]:
    named = {f.family for f in record.findings} | {c.family for c in record.coverage}
    known = [family for family in FAMILY_ORDER if family in named]
    return (*known, *sorted(named - set(known)))


def _worst(
    findings: Sequence[Finding], families: Sequence[str], titles: Titles
) -> tuple[Worst, ...]:
    """What gates and what broke; figures without a rule stand in their probe's tables."""
    shown = [f for f in findings if f.rule is not None or f.verdict == "error"]
    groups = []
    for verdict in GATING:
        for family in families:
            same = [f for f in shown if (f.verdict, f.family) == (verdict, family)]
            same.sort(key=badness, reverse=True)
            if same:
                named = tuple((f, words.sentence(f, titles(f.measure))) for f in same)
                groups.append(Worst(verdict, family, named))
    return tuple(groups)


def _sections(record: AuditRecord, families: Sequence[str], titles: Titles) -> tuple[Section, ...]:
    coverage = {entry.probe: entry for entry in record.coverage}
    by_probe = _grouped(record.findings, lambda finding: finding.probe)
    found = [
        Section(
            id=probe,
            family=findings[0].family,
            card=record.probes.get(probe, {}),
            coverage=coverage.get(probe),
            tables=_tables(findings, titles),
        )
        for probe, findings in by_probe.items()
    ]
    return tuple(sorted(found, key=lambda s: (families.index(s.family), s.id)))


def _tables(findings: Sequence[Finding], titles: Titles) -> tuple[Table, ...]:
    return tuple(
        _table(measure, titles(measure), same)
        for measure, same in _grouped(findings, lambda finding: finding.measure).items()
    )


def _table(measure: str, title: str, findings: Sequence[Finding]) -> Table:
    axis = _axis(findings)
    lines = tuple(_line(finding, axis) for finding in findings)
    if axis is None:
        return Table(title, measure, None, lines)
    decimals = words.places(*axis)
    ends = (words.number(axis[0], decimals), words.number(axis[1], decimals))
    return Table(title, measure, ends, lines)


def _line(finding: Finding, axis: tuple[float, float] | None) -> Line:
    place = words.where(finding)
    if finding.positive is not None:
        place += f" (positive: {finding.positive})"
    if finding.estimate is None:
        return Line(finding, place, "—", "none", "none", (finding.reason,), None)
    value, interval, adjusted = words.figure(finding.estimate)
    notes = (finding.reason, *_notes(finding.estimate.details))
    mark = _mark(finding, axis) if axis else None
    return Line(finding, place, value, interval, adjusted, tuple(filter(None, notes)), mark)


def _notes(details: Mapping[str, Any]) -> Iterable[str]:
    """What belongs to an estimate, where it is short enough for a table."""
    for name, value in details.items():
        if isinstance(value, bool):
            if value:
                yield words.plain(name)
        elif isinstance(value, float):
            yield f"{words.plain(name)}: {words.number(value)}"
        elif isinstance(value, int | str):
            yield f"{words.plain(name)}: {value}"
        elif name == "pair" and isinstance(value, Sequence):
            yield f"driven by {' against '.join(map(str, value))}"
        elif name == "excluded" and isinstance(value, Mapping):
            yield from (f"left out: {group} ({reason})" for group, reason in value.items())


def _axis(findings: Iterable[Finding]) -> tuple[float, float] | None:
    """The range that a table's marks are drawn on."""
    shown: list[float | None] = []
    for finding in findings:
        if finding.estimate is not None:
            e = finding.estimate
            shown += [e.value, e.low, e.high, e.low_adj, e.high_adj]
            shown += [finding.rule.value] if finding.rule else []
    finite = [x for x in shown if x is not None and math.isfinite(x)]
    if not finite or min(finite) == max(finite):
        return None
    return min(finite), max(finite)


def _mark(finding: Finding, axis: tuple[float, float]) -> Mark:
    low, high = axis
    estimate = finding.estimate
    assert estimate is not None

    def at(value: float | None) -> float | None:
        if value is None or math.isnan(value):
            return None
        return round(min(100.0, max(0.0, 100 * (value - low) / (high - low))), 2)

    return Mark(
        value=at(estimate.value) or 0.0,
        low=at(estimate.low),
        high=at(estimate.high),
        low_adj=at(estimate.low_adj),
        high_adj=at(estimate.high_adj),
        threshold=at(finding.rule.value) if finding.rule else None,
    )


def _untested(findings: Iterable[Finding], titles: Titles) -> tuple[Untested, ...]:
    missing = [f for f in findings if f.verdict in ("not_tested", "error")]
    groups = _grouped(missing, lambda f: (f.probe, f.verdict, f.reason))
    return tuple(
        Untested(
            probe=probe,
            verdict=verdict,
            reason=reason,
            figures=tuple(f"{titles(f.measure)}, {words.where(f)}" for f in same),
            family=same[0].family,
            id=f"untested-{k}",
        )
        for k, ((probe, verdict, reason), same) in enumerate(groups.items(), 1)
    )


def _grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Items by key, keys and items in their first order."""
    found: dict[K, list[T]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found
