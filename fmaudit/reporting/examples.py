"""Texts of the evidence that a card asks to show: the rows where a column is largest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmaudit import evidence
from fmaudit.reporting.words import number
from fmaudit.types import AuditRecord, Exhibit

COUNT = 5
"""Rows shown where the card does not say how many."""

CUT = 600
"""Characters of a text that are shown; the evidence holds the whole."""


@dataclass(frozen=True)
class Examples:
    """Rows of a probe's evidence, as cells of text. `missing` says why there are none."""

    probe: str
    title: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    missing: str = ""


def examples(run: Path, record: AuditRecord) -> tuple[Examples, ...]:
    """What the record's exhibits of kind `examples` show.

    Options of such an exhibit: `columns` (default: input, target), `sort` (a column; rows with
    the largest values first), `absolute` (by absolute value), `top` (how many rows).
    """
    wanted = [shown for shown in record.exhibits if shown.kind == "examples"]
    if record.audit.get("evidence_texts") == "hash":
        reason = "the spec asks to keep digests in place of texts"
        return tuple(Examples(shown.probe, shown.title, missing=reason) for shown in wanted)
    return tuple(_one(run, shown) for shown in wanted)


def _one(run: Path, shown: Exhibit) -> Examples:
    import pyarrow.parquet as pq

    path = run / "evidence" / f"{shown.probe}.parquet"
    if not path.is_file():
        return Examples(shown.probe, shown.title, missing="the evidence is not beside the record")
    names = tuple(shown.options.get("columns", ("input", "target")))
    by = shown.options.get("sort")
    known = pq.read_schema(path).names
    strange = [name for name in (*names, *([by] if by else [])) if name not in known]
    if strange:
        missing = f"the evidence has no column {', '.join(strange)}"
        return Examples(shown.probe, shown.title, missing=missing)
    rows = _top(path, names, shown.options)
    if not rows:
        return Examples(shown.probe, shown.title, missing="no row has all these columns")
    return Examples(shown.probe, shown.title, names, rows)


def _top(path: Path, names: tuple[str, ...], options: Mapping[str, Any]) -> tuple[Any, ...]:
    """The first whole rows, those with the largest `sort` first; ties in file order."""
    by = options.get("sort")
    frame = evidence.read(path, sorted({*names, *([by] if by else [])})).to_pandas().dropna()
    if by is not None:
        order = frame[by].abs() if options.get("absolute") else frame[by]
        frame = frame.loc[order.sort_values(ascending=False, kind="stable").index]
    chosen = frame.head(int(options.get("top", COUNT)))[list(names)]
    return tuple(tuple(_cell(v) for v in row) for row in chosen.itertuples(index=False))


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    text = str(value)
    return text if len(text) <= CUT else f"{text[:CUT]} … ({len(text)} characters)"
