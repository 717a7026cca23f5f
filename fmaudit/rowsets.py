"""A probe's evidence as arrays: the rows that a planned figure reads.

rows that a figure is about
{}                              all
{"sex": "Female"}               groups["sex"] is "Female"
{"sex": "Female", "race": "B"}  both
{"attribute": "sex"}            all that have a value of sex, compared by it
{"attribute": "sex & race"}     compared by cell, "Female & Black"
{"sex": "Female"}, `against`    all that have a value of sex, and whether it is "Female"
{<a column of a card's `where` or `category`>: value}      that column has that value
less those where a column that the measure reads is null.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fmaudit import evidence
from fmaudit.errors import NotEstimable
from fmaudit.plans import CROSS, Plan, crossed
from fmaudit.stats import measures
from fmaudit.stats.sample import Sample
from fmaudit.types import NO_BASE, OF_BASE

if TYPE_CHECKING:
    import pyarrow as pa

Bools = npt.NDArray[np.bool_]
Place = Callable[[npt.NDArray[Any]], Any]

Key = tuple[str, str]
"""A row's case and variant."""

TOO_MANY_FAILED = 0.05

OTHERS = "the others"
"""All that are set against one group."""

COMMON = tuple(name for name in evidence.COMMON if name != "input")
"""The columns of every evidence file that are read of each: all but the texts."""


class Evidence:
    """A probe's evidence as arrays.

    Args:
        path: the Parquet file.
        columns: the columns to read beside the common ones.
        place: puts a numeric column where its figures are computed (the model's device).
        cases: the ids of the cases whose rows are read, all where None.
    """

    def __init__(
        self,
        path: Path,
        columns: Sequence[str],
        place: Place = np.asarray,
        cases: Collection[str] | None = None,
    ) -> None:
        self._table = evidence.read(path, [*COMMON, *columns])
        if cases is not None:
            self._table = self._table.filter(_among(self._table["case"], cases))
        self._place = place
        self.rows = self._table.num_rows

    @cached_property
    def failed(self) -> Bools:
        """Rows that the model could not answer."""
        return np.asarray(self._table["failed"].to_numpy(zero_copy_only=False), dtype=bool)

    @property
    def cases(self) -> frozenset[str]:
        """The ids of its cases."""
        return frozenset(self._table["case"].unique().to_pylist())

    def failures(self, planned: Plan) -> tuple[int, str]:
        """Failed rows in a figure's slice, and why they are too many for it; "" where it stands.

        They are past 5 % of the rows that its columns choose (of the file, where none does), of its
        own, of a group that it compares, or of those of one label where it counts by label. One
        alone is never too many of its own: a small group is not broken by one bad text. A group or
        label under the figure's minimum is left out of it, and breaks nothing.
        """
        if not self.failed.any():
            return 0, ""
        chosen, every = self._sliced(planned), self._columned(planned)
        failed = int(self.failed[chosen].sum())
        if self._too_many(every, 1):
            return failed, self._why_failed(every)
        if self._too_many(chosen, 2):
            return failed, self._why_failed(chosen)
        for name, part in self._parts(planned, chosen) if failed > 1 else ():
            if self._too_many(part, 2):
                return failed, f"{name}: {self._why_failed(part)}"
        return failed, ""

    def _too_many(self, chosen: Bools, least: int) -> bool:
        """Whether so many of these failed, and past 5 % of those that the method applies to."""
        failed, applies = int(self.failed[chosen].sum()), int(self._applies[chosen].sum())
        return failed >= least and failed > TOO_MANY_FAILED * applies

    def _why_failed(self, chosen: Bools) -> str:
        """How many of these rows failed, and the commonest reason."""
        failed = self.failed & chosen
        reasons, counts = np.unique(
            [str(r) for r in self._table["reason"].to_numpy(zero_copy_only=False)[failed]],
            return_counts=True,
        )
        return (
            f"{int(failed.sum())} of {int(chosen.sum())} rows failed; "
            f"most often: {reasons[counts.argmax()]}"
        )

    def _parts(self, planned: Plan, chosen: Bools) -> Iterator[tuple[str, Bools]]:
        """The rows of each group that a figure compares, by label where it counts by label."""
        splits = []
        if planned.attributes:
            groups = self.group(planned.attributes)
            if planned.axis == "against":
                own = planned.slice[planned.attributes[0]]
                groups = np.array([g if g in (own, None) else OTHERS for g in groups], dtype=object)
            splits.append(_distinct(groups))
        if "label" in measures.get(planned.measure).columns:
            splits.append(_distinct(self._texts("target")))
        for parts in product(*splits):
            mask = chosen & np.logical_and.reduce([part for _, part in parts])
            if (self._applies & mask).sum() >= planned.minimum_n:
                yield CROSS.join(name for name, _ in parts), mask

    @cached_property
    def _keys(self) -> list[Key]:
        """Case and variant of each row."""
        columns = (self._table[name].to_pylist() for name in ("case", "variant"))
        return list(zip(*columns, strict=True))

    @cached_property
    def _applies(self) -> Bools:
        """Rows that the method applies to, whether or not the model could answer."""
        silent = self._table["reason"].is_null().to_numpy(zero_copy_only=False)
        return np.asarray(silent | self.failed, dtype=bool)

    def group(self, attributes: Sequence[str]) -> npt.NDArray[np.object_]:
        """Each row's value of an attribute, or its cell of crossed ones; None where missing."""
        parts = [self._groups(a) for a in attributes]
        if len(parts) == 1:
            return parts[0]
        joined = np.empty(self.rows, dtype=object)
        for k, cell in enumerate(zip(*parts, strict=True)):
            joined[k] = None if None in cell else crossed(cell)
        return joined

    def answered(self, planned: Plan) -> frozenset[Key]:
        """Case and variant of the rows of a planned figure."""
        mask = self._answered(_wanted(planned)) & self._sliced(planned)
        return frozenset(key for key, there in zip(self._keys, mask, strict=True) if there)

    def sample(self, planned: Plan, only: Collection[Key] | None = None) -> Sample:
        """The rows of a planned figure; of cases and variants in `only` where it is given.

        Raises `NotEstimable` where there are none.
        """
        wanted = _wanted(planned)
        mask = self._answered(wanted)
        if only is not None:
            mask = mask & np.array([key in only for key in self._keys], dtype=bool)
        columns = {name: self._column(name)[0] for name in wanted}
        if planned.attributes:
            columns["group"] = self.group(planned.attributes)
        if planned.axis == "against":
            columns["group"] = columns["group"] == planned.slice[planned.attributes[0]]
        mask = mask & self._sliced(planned)
        if not mask.any():
            raise NotEstimable(self._why_none(planned))
        weight, cluster, stratum = self._design
        return Sample(columns, weight=weight, cluster=cluster, stratum=stratum).take(mask)

    def _sliced(self, planned: Plan) -> Bools:
        """Which rows lie in the slice, whatever their columns hold."""
        mask = self._columned(planned)
        if planned.attributes:
            groups = self.group(planned.attributes)
            mask &= np.array([g is not None for g in groups], dtype=bool)
        for name, value in planned.slice.items():
            if name not in planned.where and not planned.attributes:
                mask &= self._groups(name) == value
        return mask

    def _columned(self, planned: Plan) -> Bools:
        """Which rows have the values that a figure's columns ask for, whatever their groups."""
        mask = np.ones(self.rows, dtype=bool)
        for name in planned.where:
            mask &= self._texts(name) == planned.slice[name]
        return mask

    def _why_none(self, planned: Plan) -> str:
        """Why a slice has no rows to measure: the commonest reason that its rows carry.

        Where they carry none, the columns without a value ("correct" where there is no label).
        """
        chosen = self._sliced(planned)
        carried = _objects(self._table["reason"])[chosen]
        said = Counter(str(reason) for reason in carried if reason is not None)
        if not len(carried) and planned.where:
            named = ", ".join(f"{name} {planned.slice[name]}" for name in planned.where)
            return f"no rows with {named}"
        if not said:
            names = [c for c in measures.get(planned.measure).columns if c != "group"]
            empty = [name for name in names if not self._column(name)[1][chosen].any()]
            if not empty or not len(carried):
                return "no rows"
            if all(name.startswith(OF_BASE) for name in empty):
                return NO_BASE
            return f"no row has a value of {' or '.join(empty)}"
        reason, count = said.most_common(1)[0]
        return f"no rows: {reason} ({count} of {len(carried)} rows)"

    @cached_property
    def _design(self) -> tuple[Any, Any, Any]:
        """Weights, clusters and strata, each None where it says nothing."""
        weight = self._table["weight"].to_numpy()
        cluster, clusters = _codes(self._table["cluster"])
        stratum, strata = _codes(self._table["stratum"])
        return (
            weight if np.any(weight != 1.0) else None,
            cluster if len(clusters) < self.rows else None,
            stratum if len(strata) > 1 else None,
        )

    def _groups(self, attribute: str) -> npt.NDArray[np.object_]:
        import pyarrow.compute as pc

        if attribute not in self._grouped:
            values = pc.map_lookup(self._table["groups"], attribute, "first")
            self._grouped[attribute] = _objects(values)
        return self._grouped[attribute]

    @cached_property
    def _grouped(self) -> dict[str, npt.NDArray[np.object_]]:
        return {}

    def _texts(self, name: str) -> npt.NDArray[np.object_]:
        return _objects(self._table[name])

    def _answered(self, names: tuple[str, ...]) -> Bools:
        mask = np.ones(self.rows, dtype=bool)
        for name in names:
            mask &= self._column(name)[1]
        return mask

    def _column(self, name: str) -> tuple[Any, Bools]:
        """A column's values (anything where null) and which of them are there."""
        if name not in self._columns:
            values, there = _array(self._table[name])
            self._columns[name] = (self._place(values), there)
        return self._columns[name]

    @cached_property
    def _columns(self) -> dict[str, tuple[Any, Bools]]:
        return {}


def _wanted(planned: Plan) -> tuple[str, ...]:
    """The columns of the evidence that a figure reads."""
    return tuple(c for c in measures.get(planned.measure).columns if c != "group")


def _among(column: pa.ChunkedArray, ids: Collection[str]) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.is_in(column, value_set=pa.array(sorted(ids), type=pa.string()))


def _distinct(values: npt.NDArray[np.object_]) -> list[tuple[str, Bools]]:
    """Each value that occurs, and the rows that have it."""
    return [(str(value), values == value) for value in sorted(set(values) - {None})]


def _codes(column: pa.ChunkedArray) -> tuple[npt.NDArray[Any], list[str]]:
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy(zero_copy_only=False), encoded.dictionary.to_pylist()


def _objects(column: pa.ChunkedArray) -> npt.NDArray[np.object_]:
    """Strings as objects, equal ones shared; None where null."""
    encoded = column.combine_chunks().dictionary_encode()
    words = np.array([*encoded.dictionary.to_pylist(), None], dtype=object)
    codes = encoded.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)
    found: npt.NDArray[np.object_] = words[codes]
    return found


def _array(column: pa.ChunkedArray) -> tuple[npt.NDArray[Any], Bools]:
    """Values with something harmless where null, and which are there."""
    import pyarrow as pa

    whole = column.combine_chunks()
    there = np.asarray(whole.is_valid().to_numpy(zero_copy_only=False), dtype=bool)
    if pa.types.is_list(whole.type):
        flat = whole.flatten().to_numpy(zero_copy_only=False)
        width = len(flat) // max(1, int(there.sum()))
        table = np.zeros((len(there), width))
        table[there] = flat.reshape(-1, width)
        return table, there
    if pa.types.is_string(whole.type):
        return _objects(column), there
    zero: Any = False if pa.types.is_boolean(whole.type) else 0
    return whole.fill_null(zero).to_numpy(zero_copy_only=False), there
