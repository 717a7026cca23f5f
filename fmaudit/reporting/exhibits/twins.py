"""The table beside a drawing: the same figures as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fmaudit.reporting import words
from fmaudit.reporting.anchors import address
from fmaudit.reporting.exhibits.choice import Placed
from fmaudit.reporting.exhibits.source import Source
from fmaudit.types import Verdict


@dataclass(frozen=True)
class Cell:
    """A cell's text; the number behind it, where it is one; the verdict that it tells."""

    text: str
    value: float | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Line:
    """A row: its name, the id on the page of what it is about ("" for none), its cells."""

    name: str
    cells: tuple[Cell, ...]
    target: str = ""


@dataclass(frozen=True)
class Twin:
    """A table: `heads` are the first column's name and those of the cells.

    `texts`: which cells, from 1 on, are words, and so stand at the left.
    """

    caption: str
    heads: tuple[str, ...]
    lines: tuple[Line, ...]
    texts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Untested:
    """A figure that could not be had, and why, as the record says it."""

    name: str
    reason: str
    verdict: Verdict


def figures(source: Source, caption: str, what: str, placed: Sequence[Placed]) -> Twin:
    """The findings that have an estimate, one a line; columns that would be empty are left out."""
    say = source.say
    several = len({p.finding.measure for p in placed}) > 1
    gated = any(p.finding.rule is not None for p in placed)
    heads = [what, *([say("Measure")] if several else []), say("Value"), say("95 %% interval")]
    heads += [say("Adjusted interval")] if gated else []
    heads.append(say("Rows"))
    texts = [1] if several else []
    if gated:
        heads += [say("Rule"), say("Verdict")]
        texts += [len(heads) - 2, len(heads) - 1]
    lines = tuple(_line(source, p, several=several, gated=gated) for p in placed)
    return Twin(caption, tuple(heads), lines, tuple(texts))


def untested(source: Source, placed: Iterable[Placed]) -> tuple[Untested, ...]:
    """The findings without an estimate, each with its reason."""
    return tuple(
        Untested(
            name=f"{source.names.title(p.finding.measure)}, {full(p)}",
            reason=p.finding.reason or source.say("no reason was given"),
            verdict=p.finding.verdict,
        )
        for p in placed
        if p.finding.estimate is None
    )


def full(placed: Placed) -> str:
    """What a figure is of, in full: "race × sex: Black · Female, budget: low"."""
    name = f"{placed.head}: {placed.name}" if placed.head else placed.name
    return f"{name}, {placed.condition}" if placed.condition else name


def _line(source: Source, placed: Placed, *, several: bool, gated: bool) -> Line:
    finding, say = placed.finding, source.say
    estimate = finding.estimate
    assert estimate is not None
    value, interval, adjusted = words.figure(estimate, say)
    cells = [Cell(source.names.measured(finding.measure))] if several else []
    cells += [Cell(value, estimate.value), Cell(interval, estimate.low)]
    cells += [Cell(adjusted, estimate.low_adj)] if gated else []
    cells.append(Cell(words.count(estimate.n), estimate.n))
    if gated and finding.rule is not None:
        verdict = words.verdict(finding.verdict, say)
        cells += [Cell(words.bound(finding.rule)), Cell(verdict, verdict=finding.verdict)]
    elif gated:
        cells += [Cell(say("none")), Cell("—")]
    return Line(full(placed), tuple(cells), address(finding))
