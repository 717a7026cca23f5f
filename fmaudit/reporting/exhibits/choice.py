"""Which findings an exhibit shows, by the options that its card gives, and how they are called.

    measure, measures   one measure, or several; all of the probe's where neither is named
    over                all | groups | intersections | attributes | crossed | classes |
                        categories, one or a list; all of them where it is not named
    where               {column: value}: only figures over rows with these values

An option or a value that means nothing is never passed over: `strange` says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from fmaudit.reporting.exhibits.source import Source
from fmaudit.reporting.language import Language
from fmaudit.reporting.words import Names
from fmaudit.types import Exhibit, Finding, encode

OVER = ("all", "groups", "intersections", "attributes", "crossed", "classes", "categories")

CHOOSING: Mapping[str, Collection[str] | None] = {
    "measure": None,
    "measures": None,
    "over": OVER,
    "where": None,
}
"""The options that choose findings."""


@dataclass(frozen=True)
class Placed:
    """A finding with its place among others.

    `axis`: what it is taken over (one of OVER). `head`: the attribute or attributes whose value
    it is about, "" for none. `name`: what it is called under its head. `condition`: the rest of
    its slice, such as "budget: low".
    """

    finding: Finding
    axis: str
    head: str
    name: str
    condition: str


def identity(shown: Exhibit) -> str:
    """An id for the exhibit's elements, the same on every page of the record."""
    return f"x{sha256(encode(shown)).hexdigest()[:12]}"


def strange(
    say: Language, shown: Exhibit, known: Mapping[str, Collection[str] | None]
) -> str:  # fmt: skip
    """What is wrong with the exhibit's options, "" where nothing is.

    `known`: option → the values that it may have, None where these are names of the record's.
    """
    for name, value in shown.options.items():
        if name not in known:
            return say(
                "its card asks for the option %(name)s, which a %(kind)s does not have (it has "
                "%(known)s)", name=name, kind=shown.kind, known=", ".join(known),
            )  # fmt: skip
        allowed = known[name]
        for one in several(value) if allowed is not None else ():
            if allowed is not None and one not in allowed:
                return say(
                    "its card asks for %(name)s: %(value)s, which is none of %(known)s",
                    name=name, value=one, known=", ".join(allowed),
                )  # fmt: skip
    if "measure" in shown.options and "measures" in shown.options:
        return say("its card names both measure and measures")
    return ""


def several(value: Any) -> tuple[str, ...]:
    """A value, or a list of values, as text."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(map(str, value))
    return (str(value),)


def measures(shown: Exhibit) -> tuple[str, ...]:
    """The measures that the exhibit names."""
    options = shown.options
    return several(options.get("measures", options.get("measure", ())))


def chosen(source: Source, shown: Exhibit) -> tuple[Placed, ...]:
    """The findings that the exhibit asks for, in the record's order."""
    named, over = measures(shown), several(shown.options.get("over", OVER))
    where = dict(shown.options.get("where", {}))
    mine = [f for f in source.record.findings if f.probe == shown.probe]
    placed = (_placed(source, f, mine) for f in mine if not named or f.measure in named)
    return tuple(
        p
        for p in placed
        if p.axis in over and all(p.finding.slice.get(k) == v for k, v in where.items())
    )


def whole(source: Source, finding: Finding) -> Finding | None:
    """The same measure over all cases, where the record has it."""
    conditions = {k: v for k, v in finding.slice.items() if k in _fixed(source, finding)}
    for other in source.record.findings:
        same = (other.probe, other.measure, other.positive)
        alike = same == (finding.probe, finding.measure, finding.positive)
        if alike and dict(other.slice) == conditions and other.estimate is not None:
            return other
    return None


def uncrossed(text: str) -> tuple[str, ...]:
    """The parts of a cell's or an attribute's name; a doubled sign is its own.

    >>> uncrossed("R && D & sex")
    ('R & D', 'sex')
    """
    return tuple(part.replace("&&", "&") for part in text.split(" & "))


def _placed(source: Source, finding: Finding, mine: Iterable[Finding]) -> Placed:
    slice_, say = dict(finding.slice), source.say
    if finding.measure in source.names.compare and "attribute" in slice_:
        parts = uncrossed(slice_.pop("attribute"))
        axis = "attributes" if len(parts) == 1 else "crossed"
        left_out = slice_.pop("left out", None)
        name = " × ".join(parts) + (f": {left_out}" if left_out is not None else "")
        return Placed(finding, axis, "", name, _listed(source.names, slice_))
    columns = _categories(source, finding.probe)
    fixed = {k: slice_.pop(k) for k in _fixed(source, finding) if k in slice_}
    category = {k: slice_.pop(k) for k in columns if k in slice_}
    condition = _listed(source.names, fixed)
    if category:
        return Placed(
            finding,
            "categories",
            _category(source.names, finding, category, columns, mine),
            " · ".join(source.names.part(*one)[1] for one in category.items()),
            condition,
        )
    if slice_:
        axis = "groups" if len(slice_) == 1 else "intersections"
        return Placed(finding, axis, " × ".join(slice_), " · ".join(slice_.values()), condition)
    alike = [f for f in mine if (f.measure, f.slice) == (finding.measure, finding.slice)]
    if len(alike) > 1 and finding.positive is not None:
        return Placed(finding, "classes", "", finding.positive, condition)
    return Placed(finding, "all", "", say("all cases"), condition)


def _category(
    names: Names,
    finding: Finding,
    category: Mapping[str, str],
    columns: Sequence[str],
    mine: Iterable[Finding],
) -> str:
    """The columns that a figure is cut by, where its measure is cut by others as well; else ""."""
    cuts = {
        tuple(name for name in columns if name in f.slice)
        for f in mine
        if f.measure == finding.measure
    } - {()}
    return " × ".join(names.part(*one)[0] for one in category.items()) if len(cuts) > 1 else ""


def _fixed(source: Source, finding: Finding) -> tuple[str, ...]:
    """Columns that a measure of the card is held to (`where`), in this finding's slice."""
    entries = _entries(source, finding.probe)
    held = [
        e.get("where") or {}
        for e in entries
        if e.get("measure") == finding.measure
        and (e.get("where") or {}).items() <= finding.slice.items()
    ]
    return max((tuple(w) for w in held), key=len, default=())


def _categories(source: Source, probe: str) -> tuple[str, ...]:
    """The text columns that a measure of the card is taken over; all but attributes, unknown."""
    entries = _entries(source, probe)
    if entries:
        return tuple(dict.fromkeys(str(e["category"]) for e in entries if e.get("category")))
    attributes = source.record.data.get("attributes", ())
    mine = (f for f in source.record.findings if f.probe == probe)
    return tuple(dict.fromkeys(k for f in mine for k in f.slice if k not in attributes))


def _entries(source: Source, probe: str) -> tuple[Mapping[str, Any], ...]:
    """The measures of the probe's card, as the record keeps them."""
    found = source.record.probes.get(probe, {}).get("measures", ())
    return tuple(entry for entry in found if isinstance(entry, Mapping))


def _listed(names: Names, values: Mapping[str, str]) -> str:
    parts = (names.part(*one) for one in values.items())
    return names.say.listed(names.say("%(name)s: %(value)s", name=k, value=v) for k, v in parts)
