"""Evidence: one Parquet file a probe, a row a case and variant.

Every file has the columns

    case, variant, input, target      string     (input: a text, or a pair as JSON)
    groups                            map<string, string>
    cluster, stratum, reason          string
    weight                            float64
    failed                            bool       (the model could not answer)

and then the columns that the method declares, floats as float64. The schema is fixed before the
first row, the file is written under another name and renamed when it is whole, and estimates are
computed from the file as it is read back.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any

import numpy as np

from fmaudit.errors import room_for
from fmaudit.types import Input, Pair, Row, encode

if TYPE_CHECKING:
    import pyarrow as pa

COMMON = (
    "case",
    "variant",
    "input",
    "target",
    "groups",
    "cluster",
    "reason",
    "weight",
    "stratum",
    "failed",
)


_ERROR = re.compile(r"\b[A-Za-z_]\w*(Error|Exception|Interrupt|Exit)\b")


class Writer:
    """Writes the rows of one probe. Use as a context manager: an exception leaves no file.

    Args:
        path: where the file will stand when it is whole.
        columns: the method's declared columns (see `fmaudit.registry.Method`).
        hash_texts: keep "sha256:…" in place of every text.

    Raises:
        DiskFull: the file cannot be written; what was there before stays.
        TypeError: a row has a value that its column does not take, or an undeclared one.
    """

    def __init__(self, path: Path, columns: Mapping[str, Any], *, hash_texts: bool = False) -> None:
        import pyarrow.parquet as pq

        self.path = path
        self.columns = dict(columns)
        self.schema = schema(columns)
        self.rows = self.failed = 0
        self._show = hashed if hash_texts else shown
        self._partial = path.with_name(path.name + ".partial")
        with room_for(path), self._cleared():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = pq.ParquetWriter(self._partial, self.schema, compression="zstd")

    def write(self, rows: Sequence[Row]) -> None:
        """Append rows, in order."""
        import pyarrow as pa

        if not rows:
            return
        strange = {name for row in rows for name in row.values} - set(self.columns)
        if strange:
            raise TypeError(f"columns that the method does not declare: {sorted(strange)}")
        try:
            columns = self._columns(rows)
            arrays = [pa.array(columns[field.name], type=field.type) for field in self.schema]
            table = pa.Table.from_arrays(arrays, schema=self.schema)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
            raise TypeError(f"a row does not fit the declared columns: {error}") from error
        with room_for(self.path):
            self._file.write_table(table)
        self.rows += len(rows)
        self.failed += sum(row.failed for row in rows)

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def close(self) -> None:
        """Finish the file and put it in its place."""
        with room_for(self.path), self._cleared():
            self._file.close()
            os.replace(self._partial, self.path)

    def abandon(self) -> None:
        """Leave no trace; a file that stood here before stays."""
        with suppress(OSError):  # the disk may be full; the partial file goes all the same
            self._file.close()
        self._partial.unlink(missing_ok=True)

    @contextmanager
    def _cleared(self) -> Iterator[None]:
        """Take the partial file away where writing it fails."""
        try:
            yield
        except OSError:
            self._partial.unlink(missing_ok=True)
            raise

    def _reason(self, row: Row) -> str:
        """Why a row has no values; where texts are hashed, no more than the kind of a failure.

        What a model's own code says when it breaks may quote the text.
        """
        return row.reason if not row.failed or self._show is shown else kind_of(row.reason)

    def _columns(self, rows: Sequence[Row]) -> dict[str, list[Any]]:
        show = self._show
        data: dict[str, list[Any]] = {
            "case": [r.case.id for r in rows],
            "variant": [r.variant for r in rows],
            "input": [show(r.case.input if r.input is None else r.input) for r in rows],
            "target": [r.case.target for r in rows],
            "groups": [list(r.case.groups.items()) for r in rows],
            "cluster": [r.case.cluster or r.case.id for r in rows],
            "reason": [self._reason(r) or None for r in rows],
            "weight": [r.case.weight for r in rows],
            "stratum": [r.case.stratum for r in rows],
            "failed": [r.failed for r in rows],
        }
        for name, kind in self.columns.items():
            values = [r.values.get(name) for r in rows]
            if _is_text(kind):
                values = [None if v is None else show(v) for v in values]
            elif kind is int:  # Arrow would cut 1.5 to 1 without a word
                strange = [v for v in values if not isinstance(v, (int, np.integer, NoneType))]
                if strange:
                    raise TypeError(f"{strange[0]!r} does not fit the whole numbers of {name!r}")
            data[name] = values
        return data


def schema(columns: Mapping[str, Any]) -> pa.Schema:
    """The Arrow schema of a method's evidence."""
    import pyarrow as pa

    common: dict[str, Any] = {name: pa.string() for name in COMMON}
    common |= {
        "groups": pa.map_(pa.string(), pa.string()),
        "weight": pa.float64(),
        "failed": pa.bool_(),
    }
    clash = set(columns) & set(common)
    if clash:
        raise TypeError(f"columns that every evidence file has already: {sorted(clash)}")
    return pa.schema([*common.items(), *((n, _arrow_type(k)) for n, k in columns.items())])


def read(path: Path, columns: Iterable[str] | None = None) -> pa.Table:
    """The evidence as an Arrow table, only the named columns where some are named."""
    import pyarrow.parquet as pq

    return pq.read_table(path, columns=list(columns) if columns is not None else None)


def file_digest(path: Path) -> str:
    """sha256 (hex) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def shown(value: Input) -> str:
    """An input as it stands in evidence: a text as it is, a pair as JSON."""
    return encode(value).decode() if isinstance(value, Pair) else value


def hashed(value: Input) -> str:
    """An input's digest, for evidence without texts."""
    return f"sha256:{hashlib.sha256(shown(value).encode()).hexdigest()}"


def kind_of(failure: str) -> str:
    """The kind of a failure without its message, which may quote a text of the data."""
    kind = _ERROR.search(failure)
    return kind[0] if kind else "the model failed"


def _is_text(kind: Any) -> bool:
    return isinstance(kind, UnionType) and kind == Input


def _arrow_type(kind: Any) -> pa.DataType:
    import pyarrow as pa

    if _is_text(kind):
        return pa.string()
    found = {float: pa.float64(), int: pa.int64(), bool: pa.bool_(), str: pa.string()}
    if kind in found:
        return found[kind]
    if kind in (list[float], list[int]):
        return pa.list_(pa.float64() if kind == list[float] else pa.int64())
    raise TypeError(
        f"a column cannot hold {kind!r}: use float, int, bool, str, list[float], list[int], Input"
    )
