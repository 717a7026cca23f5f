"""Hugging Face data sets: a folder that `save_to_disk` wrote, or a snapshot of the hub's.

The `datasets` package is an extra (`pip install 'fmaudit[datasets]'`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmaudit.errors import DataError, SpecError, UnknownName


@dataclass(frozen=True)
class DatasetTable:
    """One split of a data set; class labels read as their names, not their numbers."""

    path: Path
    data: Any
    columns: tuple[str, ...]
    unit: str = "row"

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Each row's number and its cells of these columns, in this order."""
        features = self.data.features or {}
        named = {c: _names(features[c]) for c in columns if hasattr(features.get(c), "int2str")}
        chosen = self.data.select_columns(list(dict.fromkeys(columns))) if columns else self.data
        for number, row in enumerate(chosen, start=1):
            yield number, tuple(named[c](row[c]) if c in named else row[c] for c in columns)


def is_saved(folder: Path) -> bool:
    """Whether `save_to_disk` wrote this folder."""
    return (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file()


def open_saved(folder: Path, split: str | None, where: str) -> DatasetTable:
    """A split of a saved data set, read from disk as it is asked for."""
    load = _loader("load_from_disk")
    try:
        found = load(str(folder))
    except (OSError, ValueError) as error:
        raise DataError(f"{where}.source: {folder}: not a whole data set: {error}") from error
    return _table(folder, found, split, where)


def open_snapshot(folder: Path, split: str | None, where: str) -> DatasetTable:
    """A split of a hub repository's data files (no code of the repository is run)."""
    load = _loader("load_dataset")
    try:
        found = load(str(folder), streaming=True)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{where}.source: {folder}: no data files that can be read: {error}. "
            "Name one file: `hub:org/name@revision#path/file.parquet`."
        ) from error
    return _table(folder, found, split, where)


def _loader(name: str) -> Callable[..., Any]:
    try:
        import datasets

        loader: Callable[..., Any] = getattr(datasets, name)
    except (ImportError, AttributeError):
        raise SpecError(
            "Hugging Face data sets need the `datasets` package: pip install 'fmaudit[datasets]'."
        ) from None
    return loader


def _table(folder: Path, found: Any, split: str | None, where: str) -> DatasetTable:
    if isinstance(found, Mapping):
        splits = list(found)
        if split is None and len(splits) > 1:
            raise SpecError(f"{where}.split: name one of {', '.join(splits)}.")
        if split is not None and split not in splits:
            raise UnknownName("split", split, splits, f"{where}.split")
        found = found[split or splits[0]]
    elif split is not None:
        raise SpecError(f"{where}.split: {folder} holds one split; leave it out.")
    columns = found.column_names or list(next(iter(found), {}))
    return DatasetTable(folder, found, tuple(columns))


def _names(feature: Any) -> Callable[[int | None], str | None]:
    """A class label's number → its name; −1 is how the format writes "unlabelled"."""
    names = tuple(feature.names)
    return lambda number: None if number is None or number < 0 else names[number]
