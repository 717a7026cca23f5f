"""A forest plot: figures as rows, each a dot and its interval, on one axis.

Options: those of `choice`, and `gap`, a measure that compares groups: the two groups that it
says drive the gap are marked.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from fmaudit.reporting import words
from fmaudit.reporting.exhibits import captions
from fmaudit.reporting.exhibits.captions import DIRECTIONS, Driver, Label
from fmaudit.reporting.exhibits.choice import CHOOSING, Placed, chosen, identity, strange, whole
from fmaudit.reporting.exhibits.ordering import MOST_ROWS, kept, ordered, value
from fmaudit.reporting.exhibits.scales import Scale, Tick, around, drawable, ticks
from fmaudit.reporting.exhibits.source import Nothing, Source
from fmaudit.reporting.exhibits.twins import Twin, Untested, figures, untested
from fmaudit.reporting.tables import grouped
from fmaudit.types import Exhibit, Finding, Rule, Verdict


@dataclass(frozen=True)
class Strip:
    """A row as it is drawn: places from 0 to 100, None for what it does not have.

    `forbidden`: where the bad side of its rule begins, and how wide it is.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    low_adj: float | None = None
    high_adj: float | None = None
    rule: float | None = None
    forbidden: tuple[float, float] | None = None


@dataclass(frozen=True)
class Dot:
    """A row: name, figures as text, its strip; `verdict` only where a rule decides.

    `pair`: the groups behind a gap. `drives`: it is one of the two.
    """

    name: str
    value: str
    interval: str
    n: str
    strip: Strip
    verdict: Verdict | None
    pair: str
    drives: bool


@dataclass(frozen=True)
class Panel:
    """Rows on one axis, under their heads. `reference`: the place of the value over all cases."""

    heads: tuple[tuple[str, tuple[Dot, ...]], ...]
    ticks: tuple[Tick, ...]
    axis: str
    direction: str
    labels: tuple[Label, ...]
    reference: float | None
    gated: bool
    key: str


@dataclass(frozen=True)
class Forest:
    """The panels of one exhibit, the table beside them, and what is not tested.

    `whole`: every row of the table is drawn.
    """

    probe: str
    title: str
    id: str
    panels: tuple[Panel, ...]
    twin: Twin
    whole: bool
    untested: tuple[Untested, ...]
    blank: Strip = Strip()
    kind: str = "forest"
    missing: str = ""


def forest(source: Source, shown: Exhibit) -> Forest | Nothing:
    """The forest of the findings that the exhibit's options choose."""
    say = source.say
    if reason := strange(say, shown, {**CHOOSING, "gap": None}):
        return source.nothing(shown, reason)
    placed = chosen(source, shown)
    if not placed:
        return source.nothing(shown, say("the record has no figure that this view asks for"))
    have = [p for p in placed if p.finding.estimate is not None]
    measures = {p.finding.measure for p in have}
    panels = grouped(have, lambda p: _kind(_own(p.finding.measure, measures)))
    drivers = captions.drivers(source, shown)
    title = source.title(shown)
    return Forest(
        shown.probe,
        title,
        identity(shown),
        tuple(_panel(source, same, drivers) for same in panels.values()),
        twin=figures(source, title, say("Group or slice"), have),
        whole=all(len(same) <= MOST_ROWS for same in panels.values()),
        untested=untested(source, placed),
    )


def _panel(source: Source, placed: Sequence[Placed], drivers: frozenset[Driver]) -> Panel:
    first = placed[0].finding
    measures = {p.finding.measure for p in placed}
    better, unit = _kind(_own(first.measure, measures))
    several = len(measures) > 1
    conditions = len({p.condition for p in placed})
    parts = [p.finding for p in placed if p.axis != "all"]
    over_all = whole(source, parts[0]) if parts and not several else None
    drawn = kept(placed, over_all)
    scale = _scale([p.finding for p in drawn], over_all)

    def head(p: Placed) -> str:
        return captions.head(source, p, several=several, conditions=conditions)

    rows = grouped(ordered(drawn, better), head)
    return Panel(
        heads=tuple(
            (name, tuple(_dot(source, p, scale, drivers, several=several) for p in rows[name]))
            for name in dict.fromkeys(map(head, placed))
            if name in rows
        ),
        ticks=ticks(scale),
        axis=captions.axis(source, placed, unit),
        direction=source.say(DIRECTIONS[better]),
        labels=tuple(captions.labels(source, drawn, scale)),
        reference=None if over_all is None else scale.at(value(over_all)),
        gated=any(p.finding.rule is not None for p in drawn),
        key=captions.key(source, drawn, len(placed), better, over_all),
    )


def _dot(
    source: Source, placed: Placed, scale: Scale, drivers: frozenset[Driver], *, several: bool
) -> Dot:
    finding = placed.finding
    assert finding.estimate is not None
    figure, interval, _ = words.figure(finding.estimate, source.say)
    return Dot(
        name=captions.name(source, placed, several=several),
        value=figure,
        interval=interval,
        n=words.count(finding.estimate.n),
        strip=_strip(finding, scale),
        verdict=finding.verdict if finding.rule is not None else None,
        pair=captions.note(source, placed),
        drives=frozenset(finding.slice.items()) in drivers,
    )


def _strip(finding: Finding, scale: Scale) -> Strip:
    """A row's places. The adjusted interval belongs to the rule, and is drawn with it."""
    estimate, rule = finding.estimate, finding.rule
    assert estimate is not None
    at = None if rule is None else scale.at(rule.value)
    low, high = _ends(estimate.low, estimate.high, scale)
    low_adj, high_adj = _ends(estimate.low_adj, estimate.high_adj, scale)
    return Strip(
        value=scale.at(estimate.value) if drawable(estimate.value) else None,
        low=low,
        high=high,
        low_adj=None if rule is None else low_adj,
        high_adj=None if rule is None else high_adj,
        rule=at,
        forbidden=None if rule is None or at is None else _forbidden(rule, at),
    )


def _ends(low: float | None, high: float | None, scale: Scale) -> tuple[float | None, float | None]:
    """An interval's places; where one end is open, that of the axis."""
    start, end = scale.at(low), scale.at(high)
    if start is None and end is None:
        return None, None
    return (0.0 if start is None else start), (100.0 if end is None else end)


def _forbidden(rule: Rule, at: float) -> tuple[float, float]:
    return (at, 100 - at) if rule.op == "<=" else (0.0, at)


def _scale(findings: Sequence[Finding], over_all: Finding | None) -> Scale:
    """The axis that holds all that is drawn; from 0 to 1 where nothing can be."""
    held: list[float | None] = [] if over_all is None else [value(over_all)]
    for finding in findings:
        if (e := finding.estimate) is not None:
            held += [e.value, e.low, e.high]
            if finding.rule is not None:
                held += [e.low_adj, e.high_adj, finding.rule.value]
    return around(held) or Scale(0.0, 1.0)


def _own(measure: str, measures: Collection[str]) -> str:
    """The model's own figure that one of its base stands beside, on the same axis; else itself."""
    own = measure.removeprefix("base_")
    return own if own in measures else measure


def _kind(measure: str) -> tuple[str, str]:
    """Which direction is better, and the unit; of a measure that is not known, neither."""
    from fmaudit.stats.measures import MEASURES

    known = MEASURES.get(measure)
    return (known.better, known.unit) if known else ("neither", "")
