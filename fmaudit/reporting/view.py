"""What the report shows, in the order in which it shows it: the record arranged for templates.

Nothing is computed here but counts and orders; every figure is the record's own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fmaudit.reporting import noise, subject, summary, words
from fmaudit.reporting.anchors import Anchors
from fmaudit.reporting.language import Language
from fmaudit.reporting.selftested import Tested, tested
from fmaudit.reporting.subject import Brought, Subject
from fmaudit.reporting.summary import GATING, Headline, Key
from fmaudit.reporting.tables import Table, grouped, tables
from fmaudit.reporting.vocabulary import VERDICT_WORDS
from fmaudit.reporting.words import Names
from fmaudit.types import VERDICTS, AuditRecord, Coverage, Finding, Verdict

OTHER_KIND = re.compile("needs .*, which this model does not offer.*", re.DOTALL)
"""Why a probe that is of another kind of model did not run."""

FAMILY_ORDER = ("performance", "bias", "robustness", "privacy", "explanations")


@dataclass(frozen=True)
class Section:
    """One probe: what its card says, and its tables."""

    id: str
    family: str
    card: Mapping[str, Any]
    coverage: Coverage | None
    tables: tuple[Table, ...]
    verdicts: tuple[tuple[Verdict, int], ...]
    errors: tuple[Tested, ...]

    @property
    def figures(self) -> int:
        """How many findings its tables hold."""
        return sum(len(table.lines) for table in self.tables)


@dataclass(frozen=True)
class Worst:
    """The findings of one verdict in one family, the worst first: each with its id and sentence."""

    verdict: Verdict
    family: str
    findings: tuple[tuple[Finding, str, str], ...]

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
    subject: Subject
    answers: tuple[str, ...]
    brought: tuple[Brought, ...]
    lead: str
    keys: tuple[Key, ...]
    headlines: tuple[Headline, ...]
    families: tuple[str, ...]
    counts: Mapping[tuple[str, Verdict], int]
    worst: tuple[Worst, ...]
    sections: tuple[Section, ...]
    untested: tuple[Untested, ...]
    silent: tuple[tuple[Finding, str, str], ...]
    not_run: tuple[Coverage, ...]
    ran: tuple[Coverage, ...]
    say: Language

    @property
    def gated(self) -> int:
        """Figures under a rule, and those that broke."""
        return sum(len(group.findings) for group in self.worst)

    @property
    def asked_in_vain(self) -> tuple[Coverage, ...]:
        """Probes that were asked for and did not run, but those of another kind of model."""
        return tuple(c for c in self.not_run if c.status != "not_asked" and not _elsewhere(c))

    @property
    def elsewhere(self) -> tuple[Coverage, ...]:
        """Probes that ask what a model of this kind cannot answer."""
        return tuple(c for c in self.not_run if _elsewhere(c))

    @property
    def without_figure(self) -> int:
        """Figures without a rule that could not be had."""
        return sum(f.rule is None and f.verdict == "not_tested" for f in self.record.findings)

    @property
    def not_asked(self) -> tuple[Coverage, ...]:
        """Probes of the catalogue that were not asked for."""
        return tuple(c for c in self.not_run if c.status == "not_asked")

    def of(self, family: str) -> tuple[Section, ...]:
        """The probes of one family."""
        return tuple(section for section in self.sections if section.family == family)

    def target(self, family: str, verdict: Verdict) -> str:
        """Where all the findings of a family and verdict stand on the page."""
        listed = [g for g in self.worst if (g.family, g.verdict) == (family, verdict)]
        untested = [u.id for u in self.untested if (u.family, u.verdict) == (family, verdict)]
        whole = [g.id for g in listed if len(g.findings) == self.counts[family, verdict]]
        return (*whole, *untested, *(g.id for g in listed), f"family-{family}")[0]

    @property
    def floor(self) -> tuple[tuple[str, int, str, str], ...]:
        """A line a condition: what was asked how, inputs answered, largest change, flips."""
        return tuple(
            (
                self.say.listed((self._of(role, capability), noise.condition(condition, self.say))),
                answered,
                noise.change(capability, found.get("largest", {}).get(condition), self.say),
                words.number(found.get("flips", {}).get(condition)),
            )
            for role, capabilities in self.record.floor.items()
            for capability, found in capabilities.items()
            for condition, answered in found.get("answered", {}).items()
        )

    @property
    def floor_words(self) -> tuple[tuple[str, str], ...]:
        """What is said of each model and capability, in sentences."""
        return tuple(
            (self._of(role, capability), said)
            for role, capabilities in self.record.floor.items()
            for capability, found in capabilities.items()
            if (said := self.say.joined(noise.spoken(capability, found, self.say)))
        )

    @property
    def floor_notes(self) -> tuple[str, ...]:
        """What the table's changes are changes of."""
        asked = {capability for found in self.record.floor.values() for capability in found}
        return tuple(noise.moves(asked, self.say))

    def _of(self, role: str, capability: str) -> str:
        return noise.of(role, capability, self.say)


def page(record: AuditRecord, names: Names, say: Language) -> Page:
    """Arrange a record; `names` says what readers call the measures."""
    families, anchors = _families(record), Anchors(record.findings)
    counts = {(family, verdict): 0 for family in families for verdict in VERDICTS}
    for finding in record.findings:
        counts[finding.family, finding.verdict] += 1
    worst = _worst(record.findings, families, names, anchors)
    return Page(
        record=record,
        subject=subject.subject(record, say),
        answers=subject.answers(record.data, say),
        brought=subject.brought(record),
        lead=summary.lead(record.findings, say, VERDICT_WORDS),
        keys=summary.keys(_ranked(worst), names, say, anchors),
        headlines=summary.headlines(record, names, anchors),
        families=families,
        counts=counts,
        worst=worst,
        sections=_sections(record, families, names, anchors),
        untested=_untested(record.findings, names),
        silent=tuple(
            (f, anchors(f), names.what(f))
            for f in record.findings
            if f.rule is not None and f.verdict == "not_tested"
        ),
        not_run=tuple(c for c in record.coverage if c.status != "ran"),
        ran=tuple(c for c in record.coverage if c.status == "ran"),
        say=say,
    )


def _elsewhere(entry: Coverage) -> bool:
    """Whether a probe did not run because the model is of another kind."""
    return entry.status == "not_tested" and bool(OTHER_KIND.fullmatch(entry.reason))


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
    findings: Sequence[Finding], families: Sequence[str], names: Names, anchors: Anchors
) -> tuple[Worst, ...]:
    """What gates and what broke; figures without a rule stand in their probe's tables."""
    shown = [f for f in findings if f.rule is not None or f.verdict == "error"]
    groups = []
    for verdict in GATING:
        for family in families:
            same = [f for f in shown if (f.verdict, f.family) == (verdict, family)]
            same.sort(key=badness, reverse=True)
            if same:
                named = tuple((f, anchors(f), names.sentence(f)) for f in same)
                groups.append(Worst(verdict, family, named))
    return tuple(groups)


def _ranked(worst: Sequence[Worst]) -> list[Finding]:
    """The findings under a rule over all families: by verdict, then by how far they are beyond."""
    found = [f for group in worst for f, _, _ in group.findings]
    return sorted(found, key=lambda f: (GATING.index(f.verdict), -badness(f)))


def _sections(
    record: AuditRecord, families: Sequence[str], names: Names, anchors: Anchors
) -> tuple[Section, ...]:
    coverage = {entry.probe: entry for entry in record.coverage}
    by_probe = grouped(record.findings, lambda finding: finding.probe)
    found = [
        Section(
            id=probe,
            family=findings[0].family,
            card=record.probes.get(probe, {}),
            coverage=coverage.get(probe),
            tables=tables(findings, names, record.probes.get(probe, {}), anchors),
            verdicts=_verdicts(findings),
            errors=tested(record.probes.get(probe, {}), names),
        )
        for probe, findings in by_probe.items()
    ]
    return tuple(sorted(found, key=lambda s: (families.index(s.family), s.id)))


def _verdicts(findings: Sequence[Finding]) -> tuple[tuple[Verdict, int], ...]:
    """How often each verdict was given under a rule, and what broke."""
    shown = [f for f in findings if f.rule is not None or f.verdict == "error"]
    counts = ((verdict, sum(f.verdict == verdict for f in shown)) for verdict in GATING)
    return tuple((verdict, n) for verdict, n in counts if n)


def _untested(findings: Iterable[Finding], names: Names) -> tuple[Untested, ...]:
    missing = [f for f in findings if f.verdict in ("not_tested", "error")]
    return tuple(
        Untested(
            probe=probe,
            family=same[0].family,
            verdict=verdict,
            figures=tuple((names.what(f), f.reason) for f in same),
        )
        for (probe, verdict), same in grouped(missing, lambda f: (f.probe, f.verdict)).items()
    )
