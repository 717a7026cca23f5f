"""The words of a forest: heads, axis, rules, notes, and what is to be known to read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fmaudit.reporting import words
from fmaudit.reporting.exhibits.choice import Placed, uncrossed
from fmaudit.reporting.exhibits.scales import Scale
from fmaudit.reporting.exhibits.source import Source
from fmaudit.reporting.language import noted
from fmaudit.reporting.vocabulary import UNITS
from fmaudit.types import Exhibit, Finding, Rule

LONGEST = 60
"""Characters of a name in the drawing; the table has the whole."""

Driver = frozenset[tuple[str, str]]
"""The slice of a group that is one of the two that drive a gap."""

DIRECTIONS: Mapping[str, str] = {
    "lower": noted("worse →"),
    "higher": noted("better →"),
    "zero": noted("0 is best"),
    "neither": noted("higher →"),
}


@dataclass(frozen=True)
class Label:
    """A rule's name at its place on the axis: it begins there, or `ends` there."""

    text: str
    at: float
    ends: bool


def name(source: Source, placed: Placed, *, several: bool) -> str:
    """What a row is called; over all cases, where there are several measures, its measure."""
    if several and placed.axis == "all":
        return source.names.title(placed.finding.measure)
    return words.cut(placed.name, LONGEST)


def head(source: Source, placed: Placed, *, several: bool, conditions: int) -> str:
    """What a row stands under: its measure and condition where there are several; attributes."""
    title = source.names.title(placed.finding.measure)
    parts = (
        title if several and placed.axis != "all" else "",
        placed.head,
        placed.condition if conditions > 1 else "",
    )
    return words.cut(" · ".join(filter(None, parts)), 2 * LONGEST)


def axis(source: Source, placed: Sequence[Placed], unit: str) -> str:
    """The axis's title: what is measured, in which unit, where and for which class."""
    say = source.say
    titles = list(dict.fromkeys(source.names.title(p.finding.measure) for p in placed))
    said = say(UNITS[unit]) if unit in UNITS else unit
    text = say.listed(filter(None, (titles[0] if len(titles) == 1 else "", said)))
    more = []
    classes = {p.finding.positive for p in placed if p.axis != "classes"} - {None}
    if len(classes) == 1:
        more.append(say("positive class: %(name)s", name=words.cut(classes.pop(), LONGEST)))
    conditions = {p.condition for p in placed}
    if len(conditions) == 1 and (only := conditions.pop()):
        more.append(words.cut(only, LONGEST))
    return say("%(axis)s (%(more)s)", axis=text, more=say.listed(more)) if more else text


def labels(source: Source, placed: Sequence[Placed], scale: Scale) -> Iterator[Label]:
    """The rules, each named once at its line."""
    rules: dict[str, Rule] = {}
    for p in placed:
        if p.finding.rule is not None:
            rules.setdefault(words.bound(p.finding.rule), p.finding.rule)
    for bound, rule in rules.items():
        at = scale.at(rule.value)
        if at is not None:
            yield Label(source.say("rule %(bound)s", bound=bound), at, at > 50)


def key(
    source: Source, kept: Sequence[Placed], of: int, better: str, over_all: Finding | None
) -> str:
    """How to read the panel: its order, its lines, and which rows it leaves to the table."""
    say = source.say
    rules = [p.finding for p in kept if p.finding.rule is not None]
    told = [_order(source, gated=bool(rules), better=better)] if of > 1 else []
    if len(kept) < of:
        told.append(_hidden(source, len(kept), of, gated=bool(rules), whole=over_all is not None))
    told.append(say("Dot: the figure; thick line: its 95 %% interval."))
    if any(_wider(finding) for finding in rules):
        told.append(
            say(
                "Thin line: the interval adjusted for all the family's rules (Holm), which a fail "
                "rests on; a pass rests on the thick line."
            )
        )
    if rules:
        told.append(say("Shaded: what the rule forbids."))
    if over_all is not None and over_all.estimate is not None:
        value, interval, _ = words.figure(over_all.estimate, say)
        told.append(
            say("Dotted: all cases, %(value)s (%(interval)s).", value=value, interval=interval)
        )
    return say.joined(told)


def note(source: Source, placed: Placed) -> str:
    """The pair of groups behind a gap; "" at what is no gap."""
    estimate = placed.finding.estimate
    pair = estimate.details.get("pair") if estimate else None
    if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
        return ""
    one, other = (words.cut(" · ".join(uncrossed(str(group))), LONGEST) for group in pair)
    return source.say("driven by %(one)s against %(other)s", one=one, other=other)


def drivers(source: Source, shown: Exhibit) -> frozenset[Driver]:
    """The groups that drive the gaps of the measure that the exhibit's option `gap` names."""
    found = set()
    for finding in source.record.findings:
        mine = (finding.probe, finding.measure) == (shown.probe, shown.options.get("gap"))
        if not mine or finding.estimate is None:
            continue
        attributes = uncrossed(finding.slice.get("attribute", ""))
        for group in finding.estimate.details.get("pair") or ():
            values = uncrossed(str(group)) if len(attributes) > 1 else (str(group),)
            if len(values) == len(attributes):
                found.add(frozenset(zip(attributes, values, strict=True)))
    return frozenset(found)


def _order(source: Source, *, gated: bool, better: str) -> str:
    if gated or better in ("lower", "higher"):
        return source.say("Worst first.")
    return source.say("Largest value first.")


def _hidden(source: Source, kept: int, of: int, *, gated: bool, whole: bool) -> str:
    say, counts = source.say, {"shown": kept, "n": words.count(of)}
    if gated:
        return say("The %(shown)s worst by their rule of %(n)s; all stand in the table.", **counts)
    if whole:
        return say(
            "The %(shown)s of %(n)s that lie farthest from all cases; all stand in the table.",
            **counts,
        )
    return say(
        "The %(shown)s of %(n)s that lie farthest from their median; all stand in the table.",
        **counts,
    )


def _wider(finding: Finding) -> bool:
    """Whether the adjusted interval is another than the 95 % interval."""
    e = finding.estimate
    return e is not None and e.low_adj is not None and (e.low_adj, e.high_adj) != (e.low, e.high)
