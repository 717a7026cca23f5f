"""Cases whose labels are the names of a model's classes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from msgspec.structs import replace

from fmaudit.data import labels
from fmaudit.types import Case


class Source(Protocol):
    """Cases that can be gone through again."""

    def chunks(self, size: int) -> Iterator[list[Case]]:
        """Lists of at most `size` cases, in a fixed order."""
        ...


@dataclass(frozen=True)
class Labelled:
    """Cases with their targets under other names; that of a case with options is one of them."""

    source: Source
    names: Mapping[str, str]

    def chunks(self, size: int) -> Iterator[list[Case]]:
        """Lists of at most `size` cases, in the source's order."""
        for part in self.source.chunks(size):
            yield [self._named(case) for case in part]

    def _named(self, case: Case) -> Case:
        if case.target is None or case.options:
            return case
        return replace(case, target=self.names[case.target])


def labelled(source: Source, found: Iterable[str], classes: tuple[str, ...], where: str) -> Source:
    """The cases with their labels as class names; as they are, where the model has no classes.

    `found`: the labels of all rows, or a count of each. `where`: what errors are to be laid to.

    Raises:
        DataError: labels that fit no class.
    """
    if not classes:
        return source
    return Labelled(source, labels.match(found, classes, where))
