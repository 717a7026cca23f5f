"""From what a spec says of its data to a source of cases."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fmaudit import catalog
from fmaudit.cards import ColumnMap, CsvOptions, DataFile, DatasetCard
from fmaudit.data.cases import CaseSource
from fmaudit.data.columns import Reader, Template, column, template
from fmaudit.data.huggingface import is_saved, open_saved, open_snapshot
from fmaudit.data.tables import SEPARATORS, WRITTEN, CsvTable, Table, format_of, open_table
from fmaudit.errors import DataError, SpecError, UnknownName
from fmaudit.sources import parse, resolve
from fmaudit.spec import DataSpec


def open_cases(
    spec: DataSpec, *, where: str = "data", extra: Sequence[Path] = (), cache: Path | None = None
) -> CaseSource:
    """Open the data of a spec: fetch them, find the columns, read nothing else yet.

    Args:
        spec: the `data` part of an audit spec.
        where: what errors are to be laid to ("audit.yaml: data").
        extra: more folders of cards.
        cache: the folder for fetched files.

    Raises:
        DataError, SourceError, SpecError, UnknownName: what is wrong, where, and the cure.
    """
    card = None if spec.card is None else catalog.dataset(spec.card, extra, f"{where}.card")
    tables = _of_card(spec, card, where, cache) if card else [_of_source(spec, where, cache)]
    columns = _columns(spec, card, tables[0])
    csv = card.csv if card else CsvOptions()
    with _separated(tables[0], card):
        reader = _reader(columns, card, csv.null, tables[0], where)
    for table in tables[1:]:
        with _separated(table, card):
            for name in reader.needed:
                column(name, table.columns, str(table.path))
    mapping: dict[str, Any] = {"columns": columns.model_dump(mode="json")}
    about: dict[str, Any] = {"source": spec.source, "split": spec.split}
    if card:
        mapping |= {"csv": csv.model_dump(mode="json"), "values": card.values}
        mapping |= {"target": card.target}
        about |= {"card": card.id, "title": card.title, "licence": card.licence}
        about |= {"citation": [entry.model_dump(mode="json") for entry in card.citation]}
    else:
        mapping |= {"format": spec.format, "encoding": spec.encoding}
    positive = spec.positive or (card.positive if card else None)
    return CaseSource(tuple(tables), reader, mapping, about, positive, spec.limit, where)


def check_templates(card: DatasetCard, extra: Sequence[Path] = ()) -> None:
    """Read the templates of a card, and see that its columns are theirs.

    Those that would have to be fetched are passed over.

    Raises:
        DataError, SourceError, SpecError, UnknownName: what is wrong, where, and the cure.
    """
    if any(parse(file.source, f"{card.file}: files").scheme != "file" for file in card.files):
        return
    for file in card.files:
        table = WRITTEN[str(card.format)](fetch(file, card)[0])
        _ = list(table.rows(table.columns))
    if card.kind == "task":
        where = f"{card.file}: columns"
        _ = open_cases(DataSpec(card=card.id), where=where, extra=extra).survey


def _columns(spec: DataSpec, card: DatasetCard | None, table: Table) -> ColumnMap:
    """The column map: the spec's own words before the card's, before a column "text".

    Where there are options and no such column, nothing stands before them.
    """
    if card and card.columns:
        base = card.columns
    elif spec.options and "text" not in table.columns:
        base = ColumnMap(options=spec.options)
    else:
        base = ColumnMap(text="text")
    said = {key: getattr(spec, key) for key in ColumnMap.model_fields}
    return base.model_copy(update={k: v for k, v in said.items() if v is not None})


def _reader(
    columns: ColumnMap, card: DatasetCard | None, null: str | None, table: Table, where: str
) -> Reader:
    known = table.columns
    values = card.values if card else {}
    for name in values:
        column(name, known, f"{card.file if card else where}: values")
    for key in ("label", "id", "cluster", "weight", "stratum", "options", "references", "groups"):
        said = columns.grouped.values() if key == "groups" else getattr(columns, key) or ()
        for name in (said,) if isinstance(said, str) else said:
            column(name, known, f"{where}.{key} ({table.path})")

    def written(key: str) -> Template | None:
        text = getattr(columns, key)
        place = f"{where}.{key} ({table.path})"
        return None if text is None else template(text, known, place, values, null)

    text, pair = written("text"), written("text_pair")
    if text is None and pair is not None:
        raise SpecError(f"{where}.text_pair: a second text needs a first; name the `text`.")
    target = card.target if card else {}
    return Reader(text, pair, columns, target, parsed=isinstance(table, CsvTable))


@contextmanager
def _separated(table: Table, card: DatasetCard | None) -> Iterator[None]:
    """Of a column that is missing, say where the file seems to be separated by another sign."""
    try:
        yield
    except UnknownName as error:
        hint = _separator_hint(table, card) if isinstance(table, CsvTable) else ""
        if not hint:
            raise
        raise DataError(f"{error} {hint}") from error


def _separator_hint(table: CsvTable, card: DatasetCard | None) -> str:
    sign = table.other_delimiter
    if sign is None:
        return ""
    read = SEPARATORS.get(table.delimiter, repr(table.delimiter))
    option = "`csv: {delimiter: " + json.dumps(sign) + "}`"
    if card is not None:
        cure = f"Write {option} in the card."
    elif sign == "\t":
        cure = "Write `format: tsv` beside `source`."
    else:
        cure = f"Save it with {read}, or describe it by a card with {option}."
    return (
        f"The header is one column that holds {SEPARATORS[sign]}, and the file is read as "
        f"separated by {read}. {cure}"
    )


def _of_card(spec: DataSpec, card: DatasetCard, where: str, cache: Path | None) -> list[Table]:
    if card.kind != "task" or card.format is None:
        raise SpecError(f"{where}.card: {card.id!r} is a {card.kind}, not a set of cases.")
    if spec.format != "auto" or spec.encoding != "utf-8":
        raise SpecError(f"{where}: `format` and `encoding` are the card's own; leave them out.")
    splits = sorted({file.split for file in card.files if file.split})
    if spec.split is not None and spec.split not in splits:
        raise UnknownName("split", spec.split, splits, where)
    files = [f for f in card.files if spec.split is None or f.split == spec.split]
    fetched = [fetch(file, card, cache) for file in files]
    return [open_table(path, card.format, card.csv, beside) for path, beside in fetched]


def fetch(file: DataFile, card: DatasetCard, cache: Path | None = None) -> tuple[Path, Path | None]:
    """Where a card's file lies, and the one that is read beside it; fetched where needed."""

    def found(source: str, sha256: str | None) -> Path:
        return resolve(
            source,
            sha256=sha256,
            cache=cache,
            base=card.file.absolute().parent,
            repo_type="dataset",
            where=f"{card.file}: files",
        )

    beside = None if file.beside is None else found(file.beside, file.beside_sha256)
    return found(file.source, file.sha256), beside


def _of_source(spec: DataSpec, where: str, cache: Path | None) -> Table:
    if spec.source is None:
        raise SpecError(f"{where}: no data are named; write `source:` or `card:`.")
    path = resolve(spec.source, cache=cache, repo_type="dataset", where=f"{where}.source")
    if path.is_dir():
        if spec.format not in ("auto", "huggingface"):
            raise DataError(f"{where}.source: {path} is a folder, not a {spec.format} file.")
        if is_saved(path):
            return open_saved(path, spec.split, where)
        if parse(spec.source).scheme == "hub":
            return open_snapshot(path, spec.split, where)
        raise DataError(
            f"{where}.source: {path} is a folder, but not a data set that Hugging Face's "
            "`save_to_disk` wrote. Name one file in it."
        )
    if spec.format == "huggingface":
        raise DataError(f"{where}.source: {path} is a file; a saved data set is a folder.")
    if spec.split is not None:
        raise SpecError(f"{where}.split: {path} is one file and has no splits; leave it out.")
    kind = format_of(path, f"{where}.source") if spec.format == "auto" else spec.format
    return open_table(path, kind, CsvOptions(encoding=spec.encoding))
