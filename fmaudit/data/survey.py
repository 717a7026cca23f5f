"""What a pass over all rows of a source found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from fmaudit.types import Case, encode


@dataclass(frozen=True)
class Survey:
    """What a pass over all rows found.

    `labels`: label → rows, of rows without options (a label that says an option is no class).
    `groups`: attribute → value → rows. `ungrouped`: attribute → rows that say nothing of it (they
    are kept, and belong to none of its groups). `cells`: two attributes → the pairs of values that
    occur together. `unlabelled`: rows without a label.
    `with_options`, `with_references`: rows that have them. `repeated`: rows that say in everything
    but their id what an earlier one says. `reading`: how labels say their option
    ("text", "number", "letter"), "" where no row has both.
    """

    rows: int
    labels: Mapping[str, int]
    groups: Mapping[str, Mapping[str, int]]
    ungrouped: Mapping[str, int]
    cells: Mapping[tuple[str, str], frozenset[tuple[str, str]]] = field(default_factory=dict)
    unlabelled: int = 0
    with_options: int = 0
    with_references: int = 0
    reading: str = ""
    repeated: int = 0

    @property
    def counted(self) -> dict[str, Any]:
        """What a record says of options, references and repeated rows; {} where there are none."""
        said = {
            "with_options": self.with_options,
            "label_read_as": self.reading,
            "with_references": self.with_references,
            "repeated": self.repeated,
        }
        return {key: value for key, value in said.items() if value}


class Tally:
    """Counts cases, one at a time, in the memory of what is counted."""

    def __init__(self, attributes: Iterable[str]) -> None:
        self._labels: Counter[str] = Counter()
        self._groups: dict[str, Counter[str]] = {name: Counter() for name in attributes}
        self._cells: dict[tuple[str, str], set[tuple[str, str]]] = {
            pair: set() for pair in combinations(self._groups, 2)
        }
        self._sums: Counter[str] = Counter()
        self._seen: set[int] = set()

    def add(self, case: Case) -> None:
        """Take a case into account."""
        labelled, options = case.target is not None, bool(case.options)
        self._sums["rows"] += 1
        self._sums["unlabelled"] += not labelled
        self._sums["answered"] += labelled and options
        self._sums["with_options"] += options
        self._sums["with_references"] += bool(case.references)
        self._seen.add(hash(_content(case)))
        if case.target is not None and not options:
            self._labels[case.target] += 1
        for name, value in case.groups.items():
            self._groups[name][value] += 1
        for (a, b), seen in self._cells.items():
            if a in case.groups and b in case.groups:
                seen.add((case.groups[a], case.groups[b]))

    def survey(self, reading: str) -> Survey:
        """What was counted; `reading` is how labels say their option, where any does."""
        sums, groups = self._sums, self._groups
        return Survey(
            rows=sums["rows"],
            labels=dict(sorted(self._labels.items())),
            groups={name: dict(sorted(counts.items())) for name, counts in groups.items()},
            ungrouped={name: sums["rows"] - counts.total() for name, counts in groups.items()},
            cells={pair: frozenset(seen) for pair, seen in self._cells.items()},
            unlabelled=sums["unlabelled"],
            with_options=sums["with_options"],
            with_references=sums["with_references"],
            reading=reading if sums["answered"] else "",
            repeated=sums["rows"] - len(self._seen),
        )


def _content(case: Case) -> tuple[Any, ...]:
    """All that a case says, but its id and how it was drawn."""
    groups = tuple(sorted(case.groups.items()))
    return (encode(case.input), case.target, case.number, case.options, case.references, groups)
