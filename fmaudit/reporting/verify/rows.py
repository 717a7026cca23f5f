"""The rows of an evidence file, and the slices that figures are computed on.

A unit is what counts as independent: the rows of one `cluster`. Weights that are all equal in a
slice count as none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from fmaudit.errors import NotEstimable
from fmaudit.types import CHECK

Array: TypeAlias = npt.NDArray[Any]

CROSS = " & "

TOO_MANY_FAILED = 0.05


def cell_name(parts: Iterable[str]) -> str:
    """The name of a cell of crossed groups; a "&" of a part's own is written twice."""
    return CROSS.join(part.replace("&", "&&") for part in parts)


DESIGN = ("case", "variant", "groups", "cluster", "weight", "stratum", "failed", "reason")


@dataclass(frozen=True)
class Rows:
    """Rows of a slice: n values a column, and the design that they were drawn by.

    `unit`, `stratum`: codes. `whole`: units in each stratum of the whole file (indexed by its
    code), None where the file has one stratum.
    """

    columns: Mapping[str, Array]
    weight: Array
    unit: Array
    stratum: Array
    whole: Array | None

    @cached_property
    def n(self) -> int:
        """Number of rows."""
        return len(self.unit)

    @cached_property
    def units(self) -> int:
        """Number of independent units."""
        return int(np.count_nonzero(np.bincount(self.unit)))

    @property
    def clustered(self) -> bool:
        """Whether some unit has more than one row."""
        return self.units < self.n

    @cached_property
    def w(self) -> Array:
        """Weights; ones where they are all equal."""
        equal = self.n == 0 or self.weight.min() == self.weight.max()
        return np.ones(self.n) if equal else self.weight

    @property
    def weighted(self) -> bool:
        """Whether rows count differently."""
        return self.n > 0 and bool(self.weight.min() < self.weight.max())

    @property
    def stratified(self) -> bool:
        """Whether the rows come from more than one stratum."""
        return self.n > 0 and bool(self.stratum.min() < self.stratum.max())

    @property
    def designed(self) -> bool:
        """Whether the rows are more than independent draws that count alike."""
        return self.clustered or self.weighted or self.stratified

    def where(self, mask: Array) -> Rows:
        """The rows where `mask` (n booleans) is true."""
        return replace(
            self,
            columns={name: column[mask] for name, column in self.columns.items()},
            weight=self.weight[mask],
            unit=self.unit[mask],
            stratum=self.stratum[mask],
        )


class File:
    """An evidence file, read column by column when one is asked for; of all its cases, or some."""

    def __init__(self, path: Path, cases: Collection[str] | None = None) -> None:
        import pyarrow.parquet as pq

        self._file = pq.ParquetFile(path)
        self._names = frozenset(self._file.schema_arrow.names)
        frame = self._file.read(list(DESIGN)).to_pandas()
        self._read: Array | None = None
        if cases is not None:
            self._read = np.flatnonzero(frame["case"].isin(cases))
            frame = frame.iloc[self._read]
        self.keys = list(zip(frame["case"], frame["variant"], strict=True))
        self.ids = frozenset(frame["case"])
        self.rows = len(frame)
        labelled = frame["variant"].str.startswith(CHECK)
        self.cases = int(frame.loc[~labelled, "case"].nunique())
        self._failed = frame["failed"].to_numpy(dtype=bool)
        self._applies = self._failed | frame["reason"].isna().to_numpy()
        self.failed = int(self._failed.sum())
        self._weight = frame["weight"].to_numpy(dtype=np.float64)
        self._unit = frame["cluster"].factorize()[0]
        self._stratum = frame["stratum"].factorize()[0]
        self._groups = [dict(found) for found in frame["groups"]]
        self._columns: dict[str, tuple[Array, Array]] = {}
        self._by_attribute: dict[str, Array] = {}

    def slice(
        self,
        names: Sequence[str],
        chosen: Mapping[str, str],
        *,
        where: Sequence[str],
        over: bool,
        against: str = "",
        only: Collection[tuple[str, str]] | None = None,
    ) -> Rows:
        """The rows of a finding that have a value in every column of `names`.

        `chosen` selects by the columns `where` and by group values; with `over` it names an
        attribute whose groups are compared (column `group`) in place of these. `against`: an
        attribute of which all groups are taken; `group` says who is of the chosen one. `only`: the
        cases and variants that are taken, all where None.

        Raises:
            NotEstimable: no rows, or clusters that lie in more than one stratum.
        """
        keep = self._valued(names, chosen, where, over, against)
        if only is not None:
            keep &= np.array([key in only for key in self.keys], dtype=bool)
        if not keep.any():
            raise NotEstimable("no rows")
        columns = {name: self.column(name)[0][keep] for name in names}
        columns |= {"group": self.group(chosen["attribute"])[keep]} if over else {}
        if against:
            columns["group"] = self.group(cell_name([against]))[keep] == chosen[against]
        design = (self._weight[keep], self._unit[keep], self._stratum[keep])
        return Rows(columns, *design, self._whole)

    def there(
        self,
        names: Sequence[str],
        chosen: Mapping[str, str],
        *,
        where: Sequence[str],
        over: bool,
        against: str = "",
    ) -> set[tuple[str, str]]:
        """Case and variant of the rows that `slice` takes."""
        keep = self._valued(names, chosen, where, over, against)
        return {self.keys[k] for k in np.flatnonzero(keep)}

    def failures(
        self,
        chosen: Mapping[str, str],
        *,
        where: Sequence[str],
        over: bool,
        against: str = "",
        labelled: bool = False,
        least: int = 1,
    ) -> tuple[int, str]:
        """Failed rows of a slice (as in `slice`), and which part of it has too many; "" if none.

        Too many are more than 5 % of the rows that its columns choose (of the file, where none
        does), and two or more that are past 5 % of it, of a group that it compares, or where it is
        `labelled` of those of one label. Parts of fewer than `least` rows are passed over.
        """
        keep = self._chosen(chosen, where, over, against)
        failed = int(self._failed[keep].sum())
        by_columns = {name: value for name, value in chosen.items() if name in where}
        if self._many(self._chosen(by_columns, where, False, ""), 1):
            return failed, "its columns' rows"
        if self._many(keep, 2):
            return failed, "it"
        names = [np.full(self.rows, "", dtype=object)]
        if over or against:
            groups = self.group(cell_name([against]) if against else chosen["attribute"])
            names.append((groups == chosen[against]).astype(object) if against else groups)
        if labelled:
            labels, there = self.column("target")
            names.append(labels)
            keep &= there
        places: dict[tuple[str, ...], list[int]] = {}
        for k in np.flatnonzero(keep & self._applies):
            part = tuple(str(values[k]) for values in names)
            places.setdefault(part, []).append(int(k))
        for part, found in places.items():
            if len(found) >= least and self._many(np.array(found), 2):
                return failed, ", ".join(part)
        return failed, ""

    def _many(self, chosen: Array, least: int) -> bool:
        """Whether of these rows (a mask or places) at least so many failed, and past 5 %."""
        failed, applies = int(self._failed[chosen].sum()), int(self._applies[chosen].sum())
        return failed >= least and failed > TOO_MANY_FAILED * applies

    def _valued(
        self,
        names: Sequence[str],
        chosen: Mapping[str, str],
        where: Sequence[str],
        over: bool,
        against: str,
    ) -> Array:
        keep = self._chosen(chosen, where, over, against)
        for name in names:
            keep &= self.column(name)[1]
        return keep

    def _chosen(
        self, chosen: Mapping[str, str], where: Sequence[str], over: bool, against: str
    ) -> Array:
        keep = np.ones(self.rows, dtype=bool)
        if over or against:
            groups = self.group(cell_name([against]) if against else chosen["attribute"])
            keep &= np.array([g is not None for g in groups], dtype=bool)
        for name, value in chosen.items():
            if name in where:
                keep &= self.column(name)[0] == value
            elif not over and name != against:
                keep &= self.group(cell_name([name])) == value
        return keep

    def has(self, name: str) -> bool:
        """Whether the file has that column."""
        return name in self._names

    def column(self, name: str) -> tuple[Array, Array]:
        """A column's values (anything where null), and where it has one."""
        if not self.has(name):
            raise KeyError(f"the evidence has no column {name!r}")
        if name not in self._columns:
            whole = self._file.read([name]).column(0)
            kept = whole if self._read is None else whole.take(self._read)
            self._columns[name] = _values(kept.to_pylist())
        return self._columns[name]

    def group(self, attribute: str) -> Array:
        """Each row's group, or its cell of crossed attributes; None where it has none."""
        if attribute not in self._by_attribute:
            parts = [part.replace("&&", "&") for part in attribute.split(CROSS)]
            values = np.empty(self.rows, dtype=object)
            for row, groups in enumerate(self._groups):
                found = [groups.get(part) for part in parts]
                if None not in found:
                    values[row] = found[0] if len(found) == 1 else cell_name(map(str, found))
            self._by_attribute[attribute] = values
        return self._by_attribute[attribute]

    def attributes(self) -> set[str]:
        """The attributes that some row has a group of."""
        return {name for groups in self._groups for name in groups}

    def values(self, attribute: str) -> set[str]:
        """The groups of an attribute that occur."""
        return {groups[attribute] for groups in self._groups if attribute in groups}

    def cells(self, first: str, second: str) -> set[tuple[str, str]]:
        """The pairs of groups of two attributes that occur together."""
        return {(g[first], g[second]) for g in self._groups if first in g and second in g}

    @property
    def _whole(self) -> Array | None:
        """Units in each stratum of the file."""
        if self.rows == 0 or self._stratum.max() == 0:
            return None
        pairs = np.unique(np.stack([self._unit, self._stratum]), axis=1)
        if pairs.shape[1] > len(np.unique(self._unit)):
            raise NotEstimable("a cluster lies in more than one stratum")
        return np.bincount(pairs[1])


def _values(found: list[Any]) -> tuple[Array, Array]:
    """Values as an array, a harmless one where None stood, and where they are there."""
    there = np.array([value is not None for value in found], dtype=bool)
    example = next((value for value in found if value is not None), None)
    if isinstance(example, str) or example is None:
        texts = np.empty(len(found), dtype=object)
        texts[:] = found
        return texts, there
    blank: Any = [0.0] * len(example) if isinstance(example, list) else type(example)()
    return np.array([blank if value is None else value for value in found]), there
