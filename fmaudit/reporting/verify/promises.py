"""What the cards promise: every figure that a record must hold, and under which rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Any

from fmaudit.reporting.verify.figures import FIGURES
from fmaudit.reporting.verify.rows import File, cell_name
from fmaudit.types import AuditRecord, Rule


@dataclass(frozen=True)
class Promise:
    """A figure that a card promises.

    `where`: columns that the slice selects by. `over`: it compares the groups of an attribute.
    `against`: the attribute whose value in the slice is set against the others, "" for none.
    """

    probe: str
    measure: str
    slice: Mapping[str, str]
    positive: str | None
    rule: Rule | None
    minimum_n: int
    where: tuple[str, ...] = ()
    over: bool = False
    against: str = ""

    @property
    def at(self) -> dict[str, Any]:
        """How the slice is to be read, as `File` asks."""
        return {"where": self.where, "over": self.over, "against": self.against}

    @property
    def family(self) -> str:
        """The first half of the probe's id."""
        return self.probe.partition(".")[0]

    @property
    def key(self) -> tuple[Any, ...]:
        """What a finding is told by."""
        return self.probe, self.measure, tuple(sorted(self.slice.items())), self.positive


@dataclass(frozen=True)
class World:
    """What data and model have: groups and cells that occur, the classes, the favourable one."""

    groups: Mapping[str, Sequence[str]]
    cells: Mapping[tuple[str, str], Sequence[tuple[str, str]]]
    classes: Sequence[str]
    positive: str | None

    def only(self, attributes: Sequence[str]) -> World:
        """With these attributes alone, where any is named."""
        if not attributes:
            return self
        groups = {a: found for a, found in self.groups.items() if a in attributes}
        cells = {p: found for p, found in self.cells.items() if p[0] in groups and p[1] in groups}
        return World(groups, cells, self.classes, self.positive)


def worlds(record: AuditRecord, files: Mapping[str, File]) -> dict[str, World]:
    """Source of cases ("data", "membership", a data set's name) → its world.

    The groups that the record counts, and those of all evidence of it; attributes that the record
    names for it stay in its order.
    """
    sources = {probe: source_of(card) for probe, card in record.probes.items()}
    return {
        source: _world(record, source, [f for p, f in files.items() if sources[p] == source])
        for source in dict.fromkeys(sources.values())
    }


def source_of(card: Mapping[str, Any]) -> str:
    """Where a recorded probe's cases come from."""
    return str(card.get("cases", "data"))


def _world(record: AuditRecord, source: str, files: Sequence[File]) -> World:
    seen = {name for file in files for name in file.attributes()}
    told = record.data if source == "data" else record.data.get("sets", {}).get(source, {})
    named = list(told.get("attributes", ()))
    attributes = [*named, *sorted(seen - set(named))]
    cells = {
        (a, b): sorted({cell for file in files for cell in file.cells(a, b)})
        for a, b in combinations(attributes, 2)
    }
    recorded = told.get("groups", {})  # a sample need not meet every group
    return World(
        groups={
            a: sorted({*recorded.get(a, ()), *(v for file in files for v in file.values(a))})
            for a in attributes
        },
        cells=cells,
        classes=list(record.model.get("classes", ())),
        positive=record.model.get("positive"),
    )


def promises(record: AuditRecord, there: Mapping[str, World]) -> list[Promise]:
    """Every figure that the cards of the record promise, in their order."""
    return [
        promise
        for probe, card in record.probes.items()
        for entry in card["measures"]
        for promise in _entry(
            probe, entry, there[source_of(card)].only(entry.get("attributes", ()))
        )
    ]


def sizes(promised: Sequence[Promise]) -> dict[str, int]:
    """Family → how many of its figures a rule gates."""
    found = {promise.family: 0 for promise in promised}
    for promise in promised:
        found[promise.family] += promise.rule is not None
    return found


def _entry(probe: str, entry: Mapping[str, Any], there: World) -> Iterator[Promise]:
    figure = FIGURES.get(entry["measure"])
    one_class = figure is not None and figure.positive
    rule = entry.get("rule")
    if rule and rule["origin"] != "policy" and one_class and len(there.classes) > 2:
        rule = None  # one class against the rest is measured, unless the user's policy gates it
    favoured = there.positive if one_class else None
    least = max(entry.get("minimum_n", 1), (rule or {}).get("minimum_n", 1))
    fixed = entry.get("where", {})
    for axis in entry["over"]:
        by = (str(entry.get("category")),) if axis == "categories" else ()
        for chosen, positive in _slices(axis, entry, there, favoured):
            yield Promise(
                probe=probe,
                measure=entry["measure"],
                slice={**fixed, **chosen},
                positive=positive,
                rule=None if rule is None else Rule(rule["op"], rule["value"], rule["origin"]),
                minimum_n=least,
                where=(*fixed, *by),
                over=axis in ("attributes", "crossed"),
                against=next(iter(chosen), "") if axis == "against" else "",
            )
        for chosen in _empty(there) if axis == "intersections" else ():
            yield Promise(
                probe, entry["measure"], {**fixed, **chosen}, favoured, None, least, tuple(fixed)
            )


def _empty(there: World) -> Iterator[dict[str, str]]:
    """Cells that no case is of, the first twenty of each two attributes."""
    for (a, b), cells in there.cells.items():
        seen = set(cells)
        every = ((x, y) for x in there.groups[a] for y in there.groups[b])
        yield from islice(({a: x, b: y} for x, y in every if (x, y) not in seen), 20)


def _slices(
    axis: str, entry: Mapping[str, Any], there: World, favoured: str | None
) -> Iterator[tuple[dict[str, str], str | None]]:
    if axis == "all":
        yield {}, favoured
    elif axis in ("groups", "against"):
        yield from (({a: v}, favoured) for a, found in there.groups.items() for v in found)
    elif axis == "intersections":
        for (a, b), found in there.cells.items():
            yield from (({a: x, b: y}, favoured) for x, y in found)
    elif axis == "attributes":
        yield from (({"attribute": cell_name([a])}, favoured) for a in there.groups)
    elif axis == "crossed":
        yield from (({"attribute": cell_name(pair)}, favoured) for pair in there.cells)
    elif axis == "classes":
        yield from (({}, name) for name in there.classes)
    elif axis == "categories":
        yield from (({str(entry["category"]): v}, favoured) for v in entry.get("values", ()))
    else:
        raise ValueError(f"a card names an unknown axis: {axis!r}")
