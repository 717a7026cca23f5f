"""The tables of the report: findings as lines, drawn on a common axis where they share one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from fmaudit.reporting import measured, words
from fmaudit.reporting.anchors import Anchors
from fmaudit.reporting.words import Names
from fmaudit.types import Finding

K = TypeVar("K")
T = TypeVar("T")


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
    """One finding in a table.

    `where`: its slice in words, to be searched for. `error`: how often its rule errs.
    """

    id: str
    finding: Finding
    where: str
    name: str
    value: str
    interval: str
    adjusted: str
    notes: tuple[str, ...]
    error: str
    mark: Mark | None


@dataclass(frozen=True)
class Table:
    """Findings of a probe: those over all cases, or those of one measure on one axis.

    `slices`: a line a slice; otherwise a line a measure.
    """

    title: str
    slices: bool
    axis: tuple[str, str] | None
    lines: tuple[Line, ...]


def tables(
    findings: Sequence[Finding], names: Names, card: Mapping[str, Any], anchors: Anchors
) -> tuple[Table, ...]:
    """All cases first, a line a measure; then a table a measure. `card`: that of the probe."""
    line = partial(_line, names=names, card=card, anchors=anchors)
    whole = [f for f in findings if not f.slice]
    parts = grouped((f for f in findings if f.slice), lambda finding: finding.measure)
    lines = tuple(line(f, names.measured(f.measure) + names.positive(f), None) for f in whole)
    first = [Table("", False, None, lines)] if lines else []
    rest = (_table(names.measured(measure), same, names, line) for measure, same in parts.items())
    return (*first, *rest)


def _table(
    title: str, findings: Sequence[Finding], names: Names, line: Callable[..., Line]
) -> Table:
    axis = _axis(findings)
    positives = {names.positive(finding) for finding in findings}
    common = positives.pop() if len(positives) == 1 else None
    lines = tuple(
        line(f, names.where(f) + (names.positive(f) if common is None else ""), axis)
        for f in findings
    )
    title += common or ""
    if axis is None:
        return Table(title, True, None, lines)
    decimals = words.places(*axis)
    ends = (words.number(axis[0], decimals), words.number(axis[1], decimals))
    return Table(title, True, ends, lines)


def _line(
    finding: Finding,
    name: str,
    axis: tuple[float, float] | None,
    *,
    names: Names,
    card: Mapping[str, Any],
    anchors: Anchors,
) -> Line:
    place = anchors(finding), finding, names.where(finding)
    if finding.estimate is None:
        return Line(*place, name, "—", "—", "—", (), "", None)
    value, interval, adjusted = words.figure(finding.estimate, names.say)
    notes = tuple(_notes(finding.estimate.details, names))
    mark = _mark(finding, axis) if axis else None
    error = measured.said(finding, card, names.say)
    return Line(*place, name, value, interval, adjusted, notes, error, mark)


def _notes(details: Mapping[str, Any], names: Names) -> Iterable[str]:
    """What belongs to an estimate, where it is short enough for a table."""
    say = names.say
    for key, value in details.items():
        name = words.named(key, say)
        if isinstance(value, bool):
            if value:
                yield name
        elif isinstance(value, float):
            yield say("%(name)s: %(value)s", name=name, value=words.number(value))
        elif isinstance(value, int | str):
            shown = names.title(str(value)) if value in names.titles else say.recorded(str(value))
            yield say("%(name)s: %(value)s", name=name, value=shown)
        elif key == "pair" and isinstance(value, Sequence) and len(value) == 2:
            yield say("driven by %(one)s against %(other)s", one=value[0], other=value[1])
        elif key == "excluded" and isinstance(value, Mapping):
            for group, reason in value.items():
                why = say.recorded(str(reason))
                yield say("left out: %(group)s (%(why)s)", group=group, why=why)


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


def grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Items by key, keys and items in their first order."""
    found: dict[K, list[T]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found
