"""A compact table of findings: a line a measure over all cases, or slices by measures.

Options: those of `choice`; `over` is one axis: all, classes, groups, intersections, categories.
With `of: categories` the lines are the categories of people that the estimates tell of
(`categories`); `over` may then be attributes or crossed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fmaudit.reporting import words
from fmaudit.reporting.anchors import address
from fmaudit.reporting.exhibits.categories import categories
from fmaudit.reporting.exhibits.choice import OVER, Placed, chosen, identity, several, strange
from fmaudit.reporting.exhibits.source import Nothing, Source
from fmaudit.reporting.exhibits.twins import Cell, Line, Twin, Untested, full, untested
from fmaudit.reporting.tables import grouped
from fmaudit.types import Exhibit, Verdict

LONGEST = 120
"""Characters of a name."""

MOST_ROWS = 40
"""Lines that stand open; the rest folds."""

OF = ("categories",)
"""What else a table may be of."""


@dataclass(frozen=True)
class Box:
    """A cell of a table of slices by measures: figure, interval and rows, or why there is none."""

    text: str
    value: float | None = None
    interval: str = ""
    n: str = ""
    verdict: Verdict | None = None
    target: str = ""
    without: bool = False


@dataclass(frozen=True)
class Pivot:
    """Slices as rows, measures as columns; `rest` are the rows beyond those that stand open."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Box, ...]], ...]
    rest: tuple[tuple[str, tuple[Box, ...]], ...]


@dataclass(frozen=True)
class Table:
    """One of the two: a line a measure or category (`plain`), or slices by measures (`pivot`).

    `notes`: what is to be known to read it.
    """

    probe: str
    title: str
    id: str
    plain: Twin | None
    pivot: Pivot | None
    untested: tuple[Untested, ...]
    notes: tuple[str, ...] = ()
    kind: str = "table"
    missing: str = ""


def table(source: Source, shown: Exhibit) -> Table | Nothing:
    """The table of one exhibit."""
    say = source.say
    known = {"measure": None, "measures": None, "over": OVER, "where": None, "of": OF}
    if reason := strange(say, shown, known):
        return source.nothing(shown, reason)
    placed = chosen(source, shown)
    if not placed:
        return source.nothing(shown, say("the record has no figure that this view asks for"))
    if "of" in shown.options:
        return _of_people(source, shown, placed)
    over = several(shown.options.get("over", "all"))
    wide = over != ("all",) and len({p.finding.measure for p in placed}) > 1
    return Table(
        shown.probe,
        source.title(shown),
        identity(shown),
        None if wide else _plain(source, shown, placed),
        _pivot(source, placed) if wide else None,
        untested(source, placed),
    )


def _of_people(source: Source, shown: Exhibit, placed: Sequence[Placed]) -> Table | Nothing:
    """A line a category; what could not be had is told with its reason."""
    title = source.title(shown)
    found = categories(source, title, placed)
    missing = untested(source, placed)
    if found is None and not missing:
        return source.nothing(shown, source.say("the record has no figure that this view asks for"))
    plain = Twin(title, (), ()) if found is None else found.twin
    notes = () if found is None else found.notes
    return Table(shown.probe, title, identity(shown), plain, None, missing, notes)


def _plain(source: Source, shown: Exhibit, placed: Sequence[Placed]) -> Twin:
    say = source.say
    gated = any(p.finding.rule is not None for p in placed)
    heads = [say("Measure"), say("Value"), say("95 %% interval"), say("Rows")]
    heads += [say("Rule"), say("Verdict")] if gated else []
    have = [p for p in placed if p.finding.estimate is not None]
    lines = tuple(_line(source, p, gated=gated) for p in have)
    return Twin(source.title(shown), tuple(heads), lines, texts=(4, 5))


def _line(source: Source, placed: Placed, *, gated: bool) -> Line:
    finding, say = placed.finding, source.say
    estimate = finding.estimate
    assert estimate is not None
    value, interval, _ = words.figure(estimate, say)
    cells = [
        Cell(value, estimate.value),
        Cell(interval, estimate.low),
        Cell(words.count(estimate.n), estimate.n),
    ]
    if gated:
        known = finding.rule is not None
        cells.append(Cell(words.rule(finding.rule, say)))
        cells.append(Cell("—", verdict=finding.verdict) if known else Cell("—"))
    name = source.names.measured(finding.measure)
    if placed.axis != "all":
        name += f", {full(placed)}"
    return Line(words.cut(name, LONGEST), tuple(cells), address(finding))


def _pivot(source: Source, placed: Sequence[Placed]) -> Pivot:
    """Slices in the record's order, each with its figure of every measure."""
    measures = tuple(dict.fromkeys(p.finding.measure for p in placed))
    heads = {(p.head, p.condition) for p in placed}
    common = len(heads) == 1
    rows = []
    for name, same in grouped(placed, lambda p: p.name if common else full(p)).items():
        found = {p.finding.measure: p for p in same}
        rows.append((words.cut(name, LONGEST), tuple(_box(source, found.get(m)) for m in measures)))
    first = (_what(source, placed), *(source.names.measured(m) for m in measures))
    return Pivot(first, tuple(rows[:MOST_ROWS]), tuple(rows[MOST_ROWS:]))


def _what(source: Source, placed: Sequence[Placed]) -> str:
    axes, heads = {p.axis for p in placed}, {p.head for p in placed}
    if len(heads) == 1 and (only := heads.pop()):
        return words.cut(only, LONGEST)
    if axes == {"classes"}:
        return source.say("Class")
    return source.say("Group") if axes <= {"groups", "intersections"} else source.say("Slice")


def _box(source: Source, placed: Placed | None) -> Box:
    say = source.say
    if placed is None:
        return Box(say("not measured"), without=True)
    finding = placed.finding
    if finding.estimate is None:
        word = words.verdict(finding.verdict, say)
        return Box(word, target=address(finding), without=True)
    value, interval, _ = words.figure(finding.estimate, say)
    return Box(
        value,
        finding.estimate.value,
        interval,
        words.count(finding.estimate.n),
        finding.verdict if finding.rule is not None else None,
        address(finding),
    )
