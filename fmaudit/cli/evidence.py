"""`fmaudit evidence RUN PROBE`."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from fmaudit.errors import RunFolderError, SpecError, UnknownName, room_for

TOP = 20
"""Rows that are printed where nothing else is said; a CSV file holds all."""


def evidence(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    probe: Annotated[str, typer.Argument(help="A probe's id.")],
    sort: Annotated[str, typer.Option(help="A column of numbers; the largest come first.")] = "",
    absolute: Annotated[
        bool, typer.Option("--absolute", help="Sort by size, whichever the sign.")
    ] = False,
    top: Annotated[
        int | None, typer.Option(help=f"How many rows; {TOP} are printed, a CSV holds all.", min=1)
    ] = None,
    case: Annotated[list[str] | None, typer.Option(help="Only this case; more than once.")] = None,
    where: Annotated[
        list[str] | None, typer.Option(help="Only rows with COLUMN=VALUE; more than once.")
    ] = None,
    columns: Annotated[str, typer.Option(help="Only these columns, with commas between.")] = "",
    csv_: Annotated[
        str, typer.Option("--csv", help="Write a CSV file; - is standard output.")
    ] = "",
) -> None:
    """Show rows of the evidence that a probe's figures were computed from."""
    from fmaudit.reporting import rows

    path = _file(run, probe)
    known = rows.columns(path)
    chosen = [_known(name.strip(), known, "--columns") for name in columns.split(",") if name]
    if sort and known[_known(sort, known, "--sort")] != "number":
        raise SpecError(f"--sort: {sort} holds no numbers. {_numbers(known)}")
    equal = dict(_pair(text, known) for text in where or ())
    places = rows.choose(path, rows.Wanted(sort, absolute, equal))
    if case:
        places = rows.of_cases(path, places, case)
        if not len(places):
            raise SpecError(f"no row of {probe} is of case {', '.join(case)}")
    most = top if top is not None else (len(places) if csv_ else TOP)
    names = chosen or list(known)
    if csv_:
        _write(csv_, names, rows.take(path, names, places[:most]))
        return
    shown = rows.take(path, ["case", "variant", *names], places[:most])
    for row in shown:
        _print(row, names)
    print(f"{len(shown)} of {len(places)} rows of {probe}.")


def _file(run: Path, probe: str) -> Path:
    """The evidence of a probe."""
    folder = run / "evidence"
    found = {path.stem: path for path in folder.glob("*.parquet")}
    if not found:
        raise RunFolderError(f"{run}: holds no evidence; name the folder that an audit wrote.")
    if probe not in found:
        raise UnknownName("probe", probe, found, str(folder))
    return found[probe]


def _known(name: str, known: Mapping[str, str], where: str) -> str:
    if name not in known:
        raise UnknownName("column", name, known, where)
    return name


def _pair(text: str, known: Mapping[str, str]) -> tuple[str, str]:
    """A column and the value it must have."""
    name, equal, value = text.partition("=")
    if not equal:
        raise SpecError(f"--where: write COLUMN=VALUE, not {text!r}.")
    if known[_known(name, known, "--where")] == "other":
        raise SpecError(f"--where: {name} holds lists or groups, which equal no value.")
    return name, value


def _numbers(known: Mapping[str, str]) -> str:
    found = [name for name, kind in known.items() if kind == "number"]
    return f"These do: {', '.join(found)}."


def _print(row: Mapping[str, Any], names: Sequence[str]) -> None:
    """A row as a block of lines; what is missing is left out, and nothing in it acts."""
    print(_drawn(f"{row['case']}  {row['variant']}"))
    for name in names:
        if name not in ("case", "variant") and row[name] not in (None, "", []):
            print(f"  {name:<16} {_drawn(_cell(row[name]))}")
    print()


def _write(target: str, names: Sequence[str], found: Sequence[Mapping[str, Any]]) -> None:
    """Rows as CSV, their texts as they are; drawn where they are shown on a terminal."""
    if target == "-":
        _csv(sys.stdout, names, found, drawn=sys.stdout.isatty())
        return
    path = Path(target)
    with room_for(path), path.open("w", newline="", encoding="utf-8") as stream:
        _csv(stream, names, found, drawn=False)
    print(path)


def _csv(
    stream: IO[str], names: Sequence[str], found: Sequence[Mapping[str, Any]], *, drawn: bool
) -> None:
    out = csv.writer(stream, lineterminator="\n")
    out.writerow(names)
    for row in found:
        cells = [_cell(row[name]) for name in names]
        out.writerow([_drawn(cell) for cell in cells] if drawn else cells)


def _cell(value: Any) -> str:
    """A value as text: lists and groups as JSON, nothing as nothing."""
    if value is None:
        return ""
    if isinstance(value, list):
        groups = value and isinstance(value[0], tuple)
        return json.dumps(dict(value) if groups else value, ensure_ascii=False)
    return str(value)


def _drawn(text: str) -> str:
    """A text in which nothing is hidden, in one line."""
    from fmaudit.reporting.words import visible

    return str(visible(text)).replace("\n", "⏎").replace("\t", "⇥")
