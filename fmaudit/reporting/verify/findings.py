"""The findings of a record against what its cards promise and its evidence gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify import decisions, results
from fmaudit.reporting.verify.compare import Absent, compared
from fmaudit.reporting.verify.estimates import Ask
from fmaudit.reporting.verify.figures import FIGURES
from fmaudit.reporting.verify.precision import Compared, moved, with_float32
from fmaudit.reporting.verify.promises import Promise, World, promises, sizes, source_of, worlds
from fmaudit.reporting.verify.results import Check
from fmaudit.reporting.verify.rows import File
from fmaudit.types import AuditRecord, Estimate, Finding

LEFT_OUT = "left out"

Key = tuple[Any, ...]


@dataclass
class _Waiting:
    """The stored findings that no promise has claimed yet."""

    by_key: dict[Key, list[Finding]] = field(default_factory=dict)

    def put(self, finding: Finding) -> None:
        self.by_key.setdefault(_key(finding), []).append(finding)

    def take(self, key: Key) -> Finding | None:
        same = self.by_key.get(key)
        return same.pop(0) if same else None

    def left(self) -> Iterator[Finding]:
        for same in self.by_key.values():
            yield from same


def check_findings(
    record: AuditRecord, files: Mapping[str, File], both: Compared = None
) -> Iterator[Check]:
    """Each promised figure against its finding; what is missing, and what is too many."""
    there = worlds(record, files)
    promised = promises(record, there)
    m = sizes(promised)
    for family, size in m.items():
        stored = record.audit.get("families", {}).get(family)
        yield results.same("audit", f"families.{family}", stored, size, "size of the Holm family")
    waiting = _Waiting()
    for finding in record.findings:
        waiting.put(finding)
    for promise in promised:
        found = waiting.take(promise.key)
        if found is None:
            yield _missing(promise, promise.slice)
            continue
        card = record.probes[promise.probe]
        world = there[source_of(card)]
        fresh = again(promise, files.get(promise.probe), found, world, m, both)
        yield from check_finding(found, promise, fresh, card)
        if isinstance(fresh, Estimate) and promise.rule is not None:
            yield from _left_out(promise, fresh.details.get("excluded", {}), waiting)
    for finding in waiting.left():
        note = "no card of the record promises this finding"
        yield Check(results.name(finding), "finding", "value", None, None, False, note)
    yield from check_verdicts(record, m)


def _key(finding: Finding) -> Key:
    chosen = tuple(sorted(finding.slice.items()))
    return finding.probe, finding.measure, chosen, finding.positive


def _missing(promise: Promise, chosen: Mapping[str, str]) -> Check:
    where = f"{promise.probe} {promise.measure} {dict(chosen)}"
    return Check(where, "finding", "value", None, None, False, "promised by its card, and missing")


def check_finding(
    finding: Finding, promise: Promise, fresh: Estimate | Absent, card: Mapping[str, Any]
) -> Iterator[Check]:
    """A finding against its card and the fresh figure; verdicts on rules are checked apart."""
    where = results.name(finding)
    yield results.same(where, "rule", finding.rule, promise.rule)
    yield results.same(where, "family", finding.family, promise.family)
    yield results.same(where, "controls", finding.controls, tuple(card.get("controls", ())))
    yield from compared(finding, fresh)


def again(
    promise: Promise,
    file: File | None,
    stored: Finding,
    there: World,
    m: Mapping[str, int],
    both: Compared = None,
) -> Estimate | Absent:
    """A promised figure anew, or why there is none. `m`: family → size of its Holm family."""
    figure = FIGURES.get(promise.measure)
    if figure is None:
        return Absent(f"no second writing of {promise.measure!r} is known", None)
    if file is None:
        return Absent("the probe broke and left no evidence", "error")
    labelled = "label" in figure.columns
    failed, too_many = file.failures(
        promise.slice, **promise.at, labelled=labelled, least=promise.minimum_n
    )
    if too_many:
        return Absent(f"too many rows of {too_many} failed", "error")
    try:
        if figure.positive and promise.positive is None:
            raise NotEstimable("no favourable class is named")
        rows = file.slice(figure.columns, promise.slice, **promise.at)
        ask = _ask(promise, stored, there, max(1, m[promise.family]))
        fresh = figure.compute(rows, ask)
        if failed:
            fresh = replace(fresh, details={**fresh.details, "failed": failed})
        if both is None or promise.rule is None:
            return fresh
        return with_float32(fresh, promise, figure, file, ask, both.get(promise.probe))
    except NotEstimable as why:
        return Absent(str(why), "not_tested")
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        return Absent(f"the evidence does not fit the figure: {error!r}", None)


def _ask(promise: Promise, stored: Finding, there: World, m: int) -> Ask:
    details = stored.estimate.details if stored.estimate else {}
    named = promise.positive
    return Ask(
        rule=promise.rule,
        m=m,
        positive=-1 if named is None else list(there.classes).index(named),
        classes=len(there.classes),
        minimum_n=promise.minimum_n,
        driver=(frozenset(details.get("pair", ())), details.get("rate", details.get("level"))),
    )


def _left_out(promise: Promise, excluded: Mapping[str, str], waiting: _Waiting) -> Iterator[Check]:
    """A finding for each group that a gated gap left out; one too many is found elsewhere."""
    for group in excluded:
        chosen = {**promise.slice, LEFT_OUT: group}
        key = (promise.probe, promise.measure, tuple(sorted(chosen.items())), promise.positive)
        finding = waiting.take(key)
        if finding is None:
            yield _missing(promise, chosen)
            continue
        where = results.name(finding)
        yield results.same(where, "verdict", finding.verdict, "not_tested")
        yield results.same(where, "estimate", finding.estimate, None)
        yield results.same(where, "rule", finding.rule, None)


def check_verdicts(record: AuditRecord, m: Mapping[str, int]) -> Iterator[Check]:
    """Verdicts and needed_n as they follow from the stored figures, family by family.

    The figures themselves are compared with the evidence elsewhere; taking them as they stand
    here leaves no room for a last digit to tip a verdict.
    """
    by_family: dict[str, list[tuple[Finding, Estimate]]] = {}
    for finding in record.findings:
        if finding.estimate is not None:
            by_family.setdefault(finding.family, []).append((finding, finding.estimate))
        else:
            yield results.same(results.name(finding), "needed_n", finding.needed_n, None)
    for family, mine in by_family.items():
        asked = [(estimate, finding.rule) for finding, estimate in mine]
        size = m.get(family, len(mine))
        judged = decisions.verdicts(asked, size)
        other = decisions.verdicts([(moved(estimate), rule) for estimate, rule in asked], size)
        for (finding, estimate), decided, then in zip(mine, judged, other, strict=True):
            where, rule, needed = results.name(finding), finding.rule, None
            verdict = decisions.steadied(decided, then, record.floor)
            if verdict == "pass" and _blind(finding, record):
                verdict = "inconclusive"
            if decided == "inconclusive" and rule is not None and estimate.p_fail is not None:
                needed = decisions.needed_n(estimate, rule)
            yield results.same(where, "verdict", finding.verdict, verdict)
            yield results.same(where, "needed_n", finding.needed_n, needed)


def _blind(finding: Finding, record: AuditRecord) -> bool:
    """Whether a scorer of the finding does no better than chance, or flags nothing, when tried."""
    for other in record.findings:
        names = {f.slice["scorer"] for f in (finding, other) if "scorer" in f.slice}
        apart = other.probe != finding.probe or len(names) > 1 or set(other.slice) - {"scorer"}
        if apart or other.estimate is None:
            continue
        figure = other.estimate
        if other.measure == "scorer_found_share" and not figure.value > 0:
            return True
        lowest = figure.value if figure.low is None else figure.low
        if other.measure == "scorer_auroc" and not lowest > 0.5:
            return True
    return False
