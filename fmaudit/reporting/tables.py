"""The tables of the report: findings as lines, drawn on a common axis where they share one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fmaudit.reporting import measured, words
from fmaudit.reporting.words import Names
from fmaudit.types import Finding

LONG = 14
"""Tables with more lines than this are folded."""

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
    """One finding in a table."""

    finding: Finding
    name: str
    value: str
    interval: str
    adjusted: str
    notes: tuple[str, ...]
    mark: Mark | None


@dataclass(frozen=True)
class Table:
    """Findings of a probe: those over all cases, or those of one measure on one axis.

    `what` heads the lines' names; a table that `folds` opens when a reader asks for it.
    """

    title: str
    what: str
    folds: bool
    axis: tuple[str, str] | None
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Confusion:
    """Cases by label (rows) and prediction (columns), weighted where the figures are."""

    classes: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(findings: Sequence[Finding], names: Names, card: Mapping[str, Any]) -> tuple[Table, ...]:
    """All cases first, a line a measure; then a table a measure. `card`: that of the probe."""
    whole = [f for f in findings if not f.slice]
    parts = grouped((f for f in findings if f.slice), lambda finding: finding.measure)
    lines = _overall(whole, names, card)
    first = [Table("All cases", "Measure", False, None, lines)] if lines else []
    rest = (_table(names.title(measure), same, names, card) for measure, same in parts.items())
    return (*first, *rest)


def _overall(
    findings: Sequence[Finding], names: Names, card: Mapping[str, Any]
) -> tuple[Line, ...]:
    """Lines of different measures: they share no axis."""
    return tuple(_line(f, names.title(f.measure) + _positive(f), None, card) for f in findings)


def _table(title: str, findings: Sequence[Finding], names: Names, card: Mapping[str, Any]) -> Table:
    axis = _axis(findings)
    positives = {_positive(finding) for finding in findings}
    common = positives.pop() if len(positives) == 1 else None
    lines = tuple(
        _line(f, names.where(f) + (_positive(f) if common is None else ""), axis, card)
        for f in findings
    )
    title += common or ""
    if axis is None:
        return Table(title, "Slice", len(lines) > LONG, None, lines)
    decimals = words.places(*axis)
    ends = (words.number(axis[0], decimals), words.number(axis[1], decimals))
    return Table(title, "Slice", len(lines) > LONG, ends, lines)


def _positive(finding: Finding) -> str:
    return "" if finding.positive is None else f" (positive class: {finding.positive})"


def _line(
    finding: Finding, name: str, axis: tuple[float, float] | None, card: Mapping[str, Any]
) -> Line:
    if finding.estimate is None:
        return Line(finding, name, "—", "none", "none", (finding.reason,), None)
    value, interval, adjusted = words.figure(finding.estimate)
    notes = (finding.reason, *_notes(finding.estimate.details), measured.said(finding, card))
    mark = _mark(finding, axis) if axis else None
    return Line(finding, name, value, interval, adjusted, tuple(filter(None, notes)), mark)


def confusion(findings: Sequence[Finding], classes: Sequence[str]) -> Confusion | None:
    """The first confusion matrix over all cases, if it is of these classes."""
    for finding in findings:
        if finding.slice or finding.estimate is None:
            continue
        table = finding.estimate.details.get("confusion")
        if table is not None and len(table) == len(classes):
            rows = tuple(tuple(words.count(round(n)) for n in row) for row in table)
            return Confusion(tuple(classes), rows)
    return None


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


def grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Items by key, keys and items in their first order."""
    found: dict[K, list[T]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found
