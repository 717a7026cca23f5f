"""The rows that a measure reads, and what is asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from fmaudit.errors import NotEstimable
from fmaudit.types import Rule

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sample:
    """Rows, one array a column, and the design that they were drawn by.

    `columns`: name → array of n values (`probs`: n × classes); NumPy, or a torch tensor on
    any device for the numeric ones. `weight`: how many items of the population each row stands
    for, above 0; None, or all equal, is unweighted. `cluster`: integer codes of what rows
    share (an item, a template, a person); None is every row alone. `stratum`: integer codes of
    the strata that the rows were drawn from; None is one. `design`: clusters in each stratum
    (indexed by its code) of the whole sample that this is a slice of; None is these rows' own.
    """

    columns: Mapping[str, Any]
    weight: npt.NDArray[Any] | None = None
    cluster: npt.NDArray[Any] | None = None
    stratum: npt.NDArray[Any] | None = None
    design: Ints | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        extras = {"weight": self.weight, "cluster": self.cluster, "stratum": self.stratum}
        sizes = {k: len(v) for k, v in (*self.columns.items(), *extras.items()) if v is not None}
        if len(set(sizes.values())) > 1:
            raise ValueError(f"the arrays of a sample differ in length: {sizes}")
        if self.weight is not None and not (
            np.all(np.isfinite(self.weight)) and np.all(self.weight > 0)
        ):
            raise ValueError("the weights of a sample must be finite and above 0")

    @cached_property
    def n(self) -> int:
        """Number of rows."""
        for array in (*self.columns.values(), self.weight, self.cluster, self.stratum):
            if array is not None:
                return len(array)
        return 0

    @cached_property
    def weighted(self) -> bool:
        """Whether the rows count differently; equal weights are none."""
        return self.weight is not None and self.n > 0 and bool(np.ptp(self.weight) > 0)

    @cached_property
    def w(self) -> Floats:
        """Weights as float64, all ones where the rows count alike."""
        if self.weight is None or not self.weighted:
            return np.ones(self.n)
        return np.asarray(self.weight, dtype=np.float64)

    @cached_property
    def stratified(self) -> bool:
        """Whether the rows come from more than one stratum."""
        return self.n > 0 and bool(np.ptp(self.strata) > 0)

    @cached_property
    def strata(self) -> Ints:
        """Stratum codes, 0 where there are none."""
        if self.stratum is None:
            return np.zeros(self.n, dtype=np.int64)
        return np.asarray(self.stratum, dtype=np.int64)

    @cached_property
    def units(self) -> Ints:
        """Codes 0 … G − 1 of the independent units: the clusters, or the rows themselves."""
        if self.cluster is None:
            return np.arange(self.n, dtype=np.int64)
        _, codes = np.unique(np.asarray(self.cluster), return_inverse=True)
        return codes.reshape(-1).astype(np.int64)

    @cached_property
    def unit_count(self) -> int:
        """Number of independent units, G."""
        return int(self.units.max()) + 1 if self.n else 0

    @cached_property
    def clustered(self) -> bool:
        """Whether some unit holds more than one row."""
        return self.unit_count < self.n

    def take(self, mask: Any) -> Sample:
        """The rows where `mask` (n booleans) is true, as a slice of this sample's design."""
        rows = np.flatnonzero(to_numpy(mask))
        design = self.design
        if design is None and self.stratified:
            design = unit_strata_counts(self)
        return replace(
            self,
            columns={name: _rows(column, rows) for name, column in self.columns.items()},
            weight=None if self.weight is None else self.weight[rows],
            cluster=None if self.cluster is None else self.cluster[rows],
            stratum=None if self.stratum is None else self.stratum[rows],
            design=design,
        )

    def host(self) -> Sample:
        """The same sample with every column a NumPy array."""
        return replace(self, columns={k: to_numpy(v) for k, v in self.columns.items()})


@dataclass(frozen=True)
class Question:
    """What is asked of a measure.

    `rule`: the threshold, None where the figure is only measured. `m`: size of the Holm
    family. `positive`: index of the class counted as positive. `classes`: how many classes the
    model has. `minimum_n`: fewest independent units (clusters; rows where there are none) in a
    figure's denominator; fewer is `NotEstimable`. `rng`: for permutation nulls, which are left
    out where it is None.
    """

    rule: Rule | None = None
    m: int = 1
    positive: int | None = None
    classes: int = 2
    minimum_n: int = 1
    rng: np.random.Generator | None = None

    @property
    def alpha(self) -> float:
        """One-sided level of the adjusted bounds."""
        return 0.025 / self.m

    @property
    def positive_class(self) -> int:
        """The positive class; raises `NotEstimable` where none was named."""
        if self.positive is None:
            raise NotEstimable("no class was named as the positive one")
        return self.positive


def unit_strata(sample: Sample) -> Ints:
    """Stratum of each unit. Raises `NotEstimable` where a cluster lies in two strata."""
    order = np.zeros(sample.unit_count, dtype=np.int64)
    order[sample.units] = sample.strata
    if np.any(order[sample.units] != sample.strata):
        raise NotEstimable(
            "a cluster lies in more than one stratum, so that neither can be drawn on its own"
        )
    return order


def unit_strata_counts(sample: Sample) -> Ints:
    """Units in each stratum, indexed by the stratum's code."""
    return np.bincount(unit_strata(sample)).astype(np.int64)


def to_numpy(array: Any) -> Any:
    """A NumPy array of the same values; a tensor is copied off its device."""
    if isinstance(array, np.ndarray):
        return array
    if hasattr(array, "detach"):
        array = array.detach().cpu().numpy()
    return np.asarray(array)


def _rows(column: Any, rows: Ints) -> Any:
    if isinstance(column, np.ndarray):
        return column[rows]
    import array_api_compat

    xp = array_api_compat.array_namespace(column)
    return xp.take(column, xp.asarray(rows, device=array_api_compat.device(column)), axis=0)
