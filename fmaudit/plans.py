"""What an audit will estimate, fixed before its first request.

A card's measures, laid over the attributes, cells and classes that the data and the model have,
give the list of figures. How many of them a rule gates (the size m of a family's Holm family)
is therefore known before anything is measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product

from fmaudit.catalog import MeasureCard, ProbeCard
from fmaudit.data.survey import Survey
from fmaudit.stats import measures
from fmaudit.types import Finding, Rule

CROSS = " & "

MOST_EMPTY = 20
"""How many empty intersections of two attributes are named one by one."""


def crossed(parts: Sequence[str]) -> str:
    """Names or values of a cell as one text, which reads back: a sign of their own is doubled.

    >>> crossed(["R & D", "sex"])
    'R && D & sex'
    """
    return CROSS.join(part.replace("&", "&&") for part in parts)


@dataclass(frozen=True)
class Universe:
    """What the cases and the model have.

    `groups`: attribute → its values, sorted. `cells`: two crossed attributes → the pairs of
    values that occur, sorted. `classes`: the model's class names. `positive`: index of the
    favourable class, None where none is named.
    """

    groups: Mapping[str, tuple[str, ...]]
    cells: Mapping[tuple[str, str], tuple[tuple[str, str], ...]]
    classes: tuple[str, ...]
    positive: int | None

    def narrowed(self, attributes: Sequence[str]) -> Universe:
        """The same with these attributes alone; with all where none is named."""
        if not attributes:
            return self
        return replace(
            self,
            groups={name: found for name, found in self.groups.items() if name in attributes},
            cells={p: found for p, found in self.cells.items() if set(p) <= set(attributes)},
        )


def universe(survey: Survey, classes: tuple[str, ...], positive: int | None) -> Universe:
    """The universe of surveyed data and a model's classes."""
    return Universe(
        groups={attribute: tuple(sorted(found)) for attribute, found in survey.groups.items()},
        cells={pair: tuple(sorted(found)) for pair, found in survey.cells.items()},
        classes=classes,
        positive=positive,
    )


@dataclass(frozen=True)
class Plan:
    """One figure to come: a measure over a slice, with its rule.

    `attributes`: what a figure over groups, or over the cells of crossed attributes, compares; of
    the axis `against`, the attribute whose value in the slice is set against the others.
    `where`: evidence columns that the slice selects by, beside or in place of groups.
    `reason`: why it cannot be had, where that is known beforehand.
    """

    measure: str
    axis: str
    slice: Mapping[str, str]
    positive: int | None
    rule: Rule | None
    minimum_n: int
    attributes: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    reason: str = ""


def plan(card: ProbeCard, universe: Universe) -> tuple[Plan, ...]:
    """Every figure that the card promises on this universe, in the card's order."""
    return tuple(p for entry in card.measures for p in _entry(entry, universe, str(card.file)))


def gated(plans: Iterable[Plan]) -> int:
    """How many of them a rule gates."""
    return sum(p.rule is not None for p in plans)


def finding(card: ProbeCard, planned: Plan, classes: Sequence[str]) -> Finding:
    """The finding of a planned figure before anything is known of it."""
    return Finding(
        probe=card.id,
        family=card.family,
        measure=planned.measure,
        slice=planned.slice,
        estimate=None,
        rule=planned.rule,
        verdict="not_tested",
        reason=planned.reason,
        evidence=f"evidence/{card.id}.parquet",
        positive=None if planned.positive is None else classes[planned.positive],
        controls=card.controls,
    )


def _entry(entry: MeasureCard, universe: Universe, where: str) -> Iterator[Plan]:
    measure = measures.get(entry.measure, where)
    universe = universe.narrowed(entry.attributes)
    rule = entry.rule.rule() if entry.rule else None
    reason = ""
    positive = universe.positive if measure.needs_positive else None
    if rule and rule.origin != "policy" and measure.needs_positive and len(universe.classes) > 2:
        rule = None  # one class against the rest is measured, unless the user's policy gates it
    if measure.needs_positive and positive is None and "classes" not in entry.over:
        reason = "no favourable class is named (`data.positive`)"
    least = max(entry.minimum_n, entry.rule.minimum_n) if rule and entry.rule else entry.minimum_n
    for axis in entry.over:
        by = (str(entry.category),) if axis == "categories" else ()
        for slice_, chosen, compared in _slices(axis, entry, universe, positive):
            yield Plan(
                measure=entry.measure,
                axis=axis,
                slice={**entry.where, **slice_},
                positive=chosen,
                rule=rule,
                minimum_n=least,
                attributes=compared,
                where=(*entry.where, *by),
                reason=reason,
            )
        for slice_, why in _empty(universe) if axis == "intersections" else ():
            yield Plan(
                measure=entry.measure,
                axis=axis,
                slice={**entry.where, **slice_},
                positive=positive,
                rule=None,  # what has no case is no test that could be failed
                minimum_n=least,
                where=tuple(entry.where),
                reason=reason or why,
            )


def _empty(universe: Universe) -> Iterator[tuple[dict[str, str], str]]:
    """Pairs of values that each occur and never together, the first of each two attributes.

    Each is named, so that nobody takes what was not there for what was found to be fair.
    """
    for (a, b), cells in universe.cells.items():
        there = set(cells)
        many = len(universe.groups[a]) * len(universe.groups[b]) - len(there)
        more = f"; the first {MOST_EMPTY} of {many} such are named" if many > MOST_EMPTY else ""
        every = product(universe.groups[a], universe.groups[b])
        for x, y in islice((pair for pair in every if pair not in there), MOST_EMPTY):
            yield {a: x, b: y}, f"not estimable: no case is of both{more}"


def _slices(
    axis: str, entry: MeasureCard, universe: Universe, positive: int | None
) -> Iterator[tuple[dict[str, str], int | None, tuple[str, ...]]]:
    """The slices of an axis, the class counted as positive, and the attributes compared."""
    if axis == "all":
        yield {}, positive, ()
    elif axis == "groups":
        for attribute, values in universe.groups.items():
            yield from (({attribute: value}, positive, ()) for value in values)
    elif axis == "against":
        for attribute, values in universe.groups.items():
            yield from (({attribute: value}, positive, (attribute,)) for value in values)
    elif axis == "intersections":
        for (a, b), cells in universe.cells.items():
            yield from (({a: x, b: y}, positive, ()) for x, y in cells)
    elif axis == "attributes":
        yield from (({"attribute": crossed([a])}, positive, (a,)) for a in universe.groups)
    elif axis == "crossed":
        for pair in universe.cells:
            yield {"attribute": crossed(pair)}, positive, pair
    elif axis == "classes":
        yield from (({}, k, ()) for k in range(len(universe.classes)))
    elif axis == "categories":
        yield from (({str(entry.category): value}, positive, ()) for value in entry.values)
    else:
        raise AssertionError(f"an axis without slices: {axis}")
