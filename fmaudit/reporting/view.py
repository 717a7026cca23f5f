"""What the report shows, in the order in which it shows it: the record arranged for templates.

Nothing is computed here but counts and orders; every figure is the record's own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fmaudit.reporting import words
from fmaudit.reporting.tables import Confusion, Table, confusion, grouped, tables
from fmaudit.reporting.words import Names
from fmaudit.types import VERDICTS, AuditRecord, Coverage, Finding, Verdict

FAMILY_ORDER = ("performance", "bias", "robustness", "privacy", "explanations")

GATING: tuple[Verdict, ...] = ("error", "fail", "inconclusive", "not_tested", "pass")


@dataclass(frozen=True)
class Section:
    """One probe: what its card says, and its tables."""

    id: str
    family: str
    card: Mapping[str, Any]
    coverage: Coverage | None
    tables: tuple[Table, ...]
    confusion: Confusion | None


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
    """Figures of one probe that could not be had: each with its reason."""

    probe: str
    family: str
    verdict: Verdict
    figures: tuple[tuple[str, str], ...]

    @property
    def id(self) -> str:
        """Where it stands on the page."""
        return f"untested-{self.verdict}-{self.probe}"


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

    @property
    def lead(self) -> str:
        """The audit in a sentence."""
        gated = [f for f in self.record.findings if f.rule is not None]
        others = len(self.record.findings) - len(gated)
        rest = f"{words.count(others)} other figures stand without a rule"
        if not gated:
            return f"No figure was held against a rule; {rest}."
        found = [(v, sum(f.verdict == v for f in gated)) for v in GATING]
        listed = ", ".join(f"{n} {words.VERDICT_WORDS[v]}" for v, n in found if n)
        return f"Of {len(gated)} figures held against a rule: {listed}; {rest}."

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

    @property
    def floor_words(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """What is said of each model and capability, in sentences."""
        return tuple(
            (f"{role}, {capability}", tuple(found["words"]))
            for role, capabilities in self.record.floor.items()
            for capability, found in capabilities.items()
            if found.get("words")
        )


def page(record: AuditRecord, names: Names) -> Page:
    """Arrange a record; `names` says what readers call the measures."""
    families = _families(record)
    counts = {(family, verdict): 0 for family in families for verdict in VERDICTS}
    for finding in record.findings:
        counts[finding.family, finding.verdict] += 1
    return Page(
        record=record,
        families=families,
        counts=counts,
        worst=_worst(record.findings, families, names),
        sections=_sections(record, families, names),
        untested=_untested(record.findings, names),
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


def _worst(findings: Sequence[Finding], families: Sequence[str], names: Names) -> tuple[Worst, ...]:
    """What gates and what broke; figures without a rule stand in their probe's tables."""
    shown = [f for f in findings if f.rule is not None or f.verdict == "error"]
    groups = []
    for verdict in GATING:
        for family in families:
            same = [f for f in shown if (f.verdict, f.family) == (verdict, family)]
            same.sort(key=badness, reverse=True)
            if same:
                named = tuple((f, names.sentence(f)) for f in same)
                groups.append(Worst(verdict, family, named))
    return tuple(groups)


def _sections(record: AuditRecord, families: Sequence[str], names: Names) -> tuple[Section, ...]:
    coverage = {entry.probe: entry for entry in record.coverage}
    by_probe = grouped(record.findings, lambda finding: finding.probe)
    found = [
        Section(
            id=probe,
            family=findings[0].family,
            card=record.probes.get(probe, {}),
            coverage=coverage.get(probe),
            tables=tables(findings, names, record.probes.get(probe, {})),
            confusion=confusion(findings, record.model.get("classes", ())),
        )
        for probe, findings in by_probe.items()
    ]
    return tuple(sorted(found, key=lambda s: (families.index(s.family), s.id)))


def _untested(findings: Iterable[Finding], names: Names) -> tuple[Untested, ...]:
    missing = [f for f in findings if f.verdict in ("not_tested", "error")]
    return tuple(
        Untested(
            probe=probe,
            family=same[0].family,
            verdict=verdict,
            figures=tuple((f"{names.title(f.measure)}, {names.where(f)}", f.reason) for f in same),
        )
        for (probe, verdict), same in grouped(missing, lambda f: (f.probe, f.verdict)).items()
    )
