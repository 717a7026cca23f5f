"""Rows of a probe's evidence, chosen by its columns. Texts are read of the chosen rows alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fmaudit import evidence

if TYPE_CHECKING:
    import pyarrow as pa

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Wanted:
    """Which rows, and in which order.

    `where`: columns and the value that each must have, as text. `having`: columns that must not
    be null. `sort`: a column of numbers, largest first (by absolute value where `absolute`);
    "" keeps the order of the file, which also decides among equals.
    """

    sort: str = ""
    absolute: bool = False
    where: Mapping[str, str] = field(default_factory=dict)
    having: tuple[str, ...] = ()


def columns(path: Path) -> dict[str, str]:
    """The columns of an evidence file, each "number", "text" or "other"."""
    import pyarrow.parquet as pq

    return {field.name: _kind(field.type) for field in pq.read_schema(path)}


def choose(path: Path, wanted: Wanted) -> Places:
    """The places of the rows that are wanted, in the order wanted. Columns must exist and fit."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = dict.fromkeys([wanted.sort or "case", *wanted.where, *wanted.having])
    table = evidence.read(path, names)
    kept = np.ones(table.num_rows, dtype=bool)
    for name, value in wanted.where.items():
        value = value.lower() if pa.types.is_boolean(table[name].type) else value
        kept &= _true(pc.equal(pc.cast(table[name], pa.string()), value))
    for name in wanted.having:
        kept &= _true(pc.is_valid(table[name]))
    places = np.flatnonzero(kept)
    if not wanted.sort:
        return places
    keys = pc.cast(table[wanted.sort], pa.float64()).to_numpy()[places]
    keys, places = keys[np.isfinite(keys)], places[np.isfinite(keys)]
    return places[np.argsort(-(np.abs(keys) if wanted.absolute else keys), kind="stable")]


def take(path: Path, names: Iterable[str], places: Sequence[int] | Places) -> list[dict[str, Any]]:
    """Those columns of those rows, in their order; reads only the parts of the file they are in."""
    import pyarrow.parquet as pq

    names = list(dict.fromkeys(names))
    found: dict[int, dict[str, Any]] = {}
    with pq.ParquetFile(path) as file:
        sizes = [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)]
        starts = np.cumsum([0, *sizes])
        for group in range(len(sizes)):
            mine = [int(at) for at in places if starts[group] <= at < starts[group + 1]]
            if mine:
                part = file.read_row_group(group, columns=names).take(mine - starts[group])
                found |= zip(mine, part.to_pylist(), strict=True)
    return [found[int(at)] for at in places]


def of_cases(path: Path, places: Places, cases: Iterable[str]) -> Places:
    """Those of the places whose row is of one of the cases, in their order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    known = pc.is_in(evidence.read(path, ["case"])["case"], pa.array(list(cases), pa.string()))
    return places[_true(known)[places]]


def among(path: Path, cases: Iterable[str], variant: str = "base") -> Places:
    """The places of the rows of these cases and that variant."""
    return of_cases(path, choose(path, Wanted(where={"variant": variant})), cases)


def _true(mask: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """A mask without nulls, which stand for "no"."""
    return np.asarray(mask.fill_null(False).to_numpy(), dtype=bool)


def _kind(type_: pa.DataType) -> str:
    import pyarrow.types as types

    if types.is_floating(type_) or types.is_integer(type_) or types.is_boolean(type_):
        return "number"
    return "text" if types.is_string(type_) else "other"
