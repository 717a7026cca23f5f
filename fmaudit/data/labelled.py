"""Cases whose labels are the names of a model's classes, or numbers that it predicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from msgspec.structs import replace

from fmaudit.data import labels
from fmaudit.types import Case

Span = tuple[float, float]


class Source(Protocol):
    """Cases that can be gone through again."""

    def chunks(self, size: int) -> Iterator[list[Case]]:
        """Lists of at most `size` cases, in a fixed order."""
        ...


@dataclass(frozen=True)
class Labelled:
    """Cases with their targets under other names; that of a case with options is one of them.

    `places`: of a model that predicts a number, each label's place in its range.
    """

    source: Source
    names: Mapping[str, str]
    places: Mapping[str, float]

    def chunks(self, size: int) -> Iterator[list[Case]]:
        """Lists of at most `size` cases, in the source's order."""
        for part in self.source.chunks(size):
            yield [self._named(case) for case in part]

    def _named(self, case: Case) -> Case:
        if case.target is None or case.options:
            return case
        named = self.names[case.target]
        return replace(case, target=named, number=self.places.get(case.target))


def labelled(
    source: Source,
    found: Iterable[str],
    classes: tuple[str, ...],
    where: str,
    span: Span | None = None,
) -> Source:
    """The cases with their labels as class names; as they are, where the model has no classes.

    With a `span`, the range of a model that predicts a number, labels are numbers: a case has its
    place in it, and the class of the half that it lies in.

    `found`: the labels of all rows, or a count of each. `where`: what errors are to be laid to.

    Raises:
        DataError: labels that fit no class, or are no numbers of the range.
    """
    if not classes:
        return source
    if span is None:
        return Labelled(source, labels.match(found, classes, where), {})
    places = labels.places(found, span, where)
    return Labelled(source, halves(places, classes), places)


def halves(places: Mapping[str, float], classes: tuple[str, ...]) -> Mapping[str, str]:
    """Each label's class: the second above the middle of the range."""
    return {label: classes[place > 0.5] for label, place in places.items()}


def counted(found: Mapping[str, int], classes: tuple[str, ...], span: Span) -> dict[str, int]:
    """How many rows have each class, of a count of labels that are numbers."""
    names = halves(labels.places(found, span), classes)
    total: Counter[str] = Counter()
    for label, rows in found.items():
        total[names[label]] += rows
    return dict(sorted(total.items()))
