"""The largest difference between groups of a figure that is no share: any with influence values.

Each group's figure is linearised on its own rows (`estimates`) and has limits on the scale of its
range; pairs are compared by `contrasts`, method `mover_smooth`. A group is left out with its
reason where the figure cannot be had in it or has no interval. With an `order`, every group is
thinned to as many rows as the smallest has before the figure is taken, so that what depends on
the number of rows (the bias of a calibration error) is alike: of a group's n rows in that order
the ones at ⌊(i + ½)·n/n_smallest⌋, i from 0.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.stats.contrasts import OfSmooth, correlation_of, largest, pairs
from fmaudit.stats.estimates import finished, flags, require
from fmaudit.stats.measures.base import Measure
from fmaudit.stats.sample import Floats, Ints, Question, Sample
from fmaudit.stats.variance import MIN_UNITS, design_variance
from fmaudit.types import Estimate


@dataclass(frozen=True)
class Figure:
    """A figure of some rows and their influence values (n,).

    `limiting`: independent units of its smallest denominator, None for all; `start`: where its
    lower limits start, for figures whose limits are cut at the range.
    """

    value: float
    influence: Floats
    limiting: int | None = None
    start: float | None = None


Compute = Callable[[Sample, Question], Figure]
Order = Callable[[Sample], Ints]


@dataclass(frozen=True)
class Cell:
    """A group's figure. `rows`: which of the sample's it is of."""

    name: str
    figure: Figure
    rows: Ints
    error: float
    df: float
    units: int
    few: Mapping[str, Any]


@dataclass(frozen=True)
class SmoothGap:
    """A measure: the largest difference of `compute` between two groups.

    `order`: in which order rows are thinned to equal numbers; None where they are not.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    compute: Compute
    span: tuple[float, float]
    unit: str
    needs_positive: bool = True
    order: Order | None = None

    def value(self, sample: Sample, question: Question) -> float:
        """The figure alone."""
        cells, _ = self._cells(sample.host(), question)
        values = [cell.figure.value for cell in cells]
        return max(values) - min(values)

    def estimate(self, sample: Sample, question: Question) -> Estimate:
        """The figure with its simultaneous interval, the pair that drives it and every group."""
        host = sample.host()
        cells, excluded = self._cells(host, question)
        correlation = correlation_of([(c.rows, c.figure.influence) for c in cells], host)
        value, error, df, units = np.array([_numbers(cell) for cell in cells]).T
        start = None if self.order is None else np.array([c.figure.start for c in cells])
        figures = OfSmooth(value, error, df, units, self.span, start)
        two = pairs(len(cells))
        found = largest(figures, two, correlation, question, self.span[1] - self.span[0])
        first, second = two.cells[found.contrast]
        higher, lower = (second, first) if found.turned else (first, second)
        rows = Counter(host.columns["group"].tolist())
        details = {
            **{k: v for cell in cells for k, v in cell.few.items()},
            "pair": [cells[lower].name, cells[higher].name],
            "pairs": len(two),
            "limiting_clusters": min(cells[lower].units, cells[higher].units),
            "by_group": {
                c.name: {"value": c.figure.value, "n": rows[c.name], "denominator": len(c.rows)}
                for c in cells
            },
            "excluded": excluded,
        }
        return finished(
            msgspec.convert(
                {
                    **found.figures,
                    "n": sum(len(cell.rows) for cell in cells),
                    "clusters": sum(cell.units for cell in cells),
                    "method": "mover_smooth",
                    "details": details,
                },
                Estimate,
            )
        )

    def measure(self) -> Measure:
        """The gap as a measure."""
        return Measure(
            name=self.name, title=self.title, columns=(*self.columns, "group"), better="lower",
            estimate=self.estimate, value=self.value, needs_positive=self.needs_positive,
            unit=self.unit,
        )  # fmt: skip

    def _cells(self, sample: Sample, question: Question) -> tuple[list[Cell], dict[str, str]]:
        """The groups that have the figure, at least two, and why the others have none."""
        if sample.n == 0:
            raise NotEstimable("no rows")
        group = sample.columns["group"]
        kept: dict[str, Ints] = {}
        excluded: dict[str, str] = {}
        for name in sorted(set(group.tolist())):
            try:
                require(sample.take(group == name), question)
                kept[name] = np.flatnonzero(group == name)
            except NotEstimable as reason:
                excluded[name] = str(reason)
        if self.order is not None and kept:
            least = min(rows.size for rows in kept.values())
            kept = {k: _thinned(rows, sample, self.order, least) for k, rows in kept.items()}
        cells = []
        for name, rows in kept.items():
            try:
                cells.append(self._cell(name, rows, sample, question))
            except NotEstimable as reason:
                excluded[name] = str(reason)
        if len(cells) < 2:
            raise NotEstimable(_fewer_than_two(excluded))
        return cells, excluded

    def _cell(self, name: str, rows: Ints, sample: Sample, question: Question) -> Cell:
        own = sample.take(_mask(rows, sample.n))
        if own.unit_count < MIN_UNITS:
            raise NotEstimable(f"{own.unit_count} independent rows: too few for an interval")
        figure = self.compute(own, question)
        variance, df = design_variance(figure.influence, own)
        if figure.limiting is not None:
            df = min(df, figure.limiting - 1)
        if df < 1:
            raise NotEstimable("one independent row in a denominator: no interval")
        error = math.sqrt(max(variance, 0.0))
        if error <= 1e-12 * max(1.0, abs(figure.value)) and not self._at_an_end(figure.value):
            raise NotEstimable("all rows give the same value: no interval")
        return Cell(name, figure, rows, error, df, own.unit_count, flags(own))

    def _at_an_end(self, value: float) -> bool:
        """Whether a figure lies at an end of its range."""
        return any(abs(value - end) <= 1e-12 for end in self.span)


def _numbers(cell: Cell) -> tuple[float, float, float, float]:
    limiting = cell.units if cell.figure.limiting is None else cell.figure.limiting
    return cell.figure.value, cell.error, cell.df, float(limiting)


def _thinned(rows: Ints, sample: Sample, order: Order, least: int) -> Ints:
    """`least` of the rows, evenly over their order."""
    ordered = rows[order(sample.take(_mask(rows, sample.n)))]
    place = (2 * np.arange(least) + 1) * rows.size // (2 * least)
    return np.sort(ordered[place])


def _mask(rows: Ints, n: int) -> Any:
    found = np.zeros(n, dtype=bool)
    found[rows] = True
    return found


def _fewer_than_two(excluded: Mapping[str, str]) -> str:
    left = "; ".join(f"{name}: {reason}" for name, reason in list(excluded.items())[:5])
    return f"fewer than two groups that have the figure{f' ({left})' if left else ''}"
