"""StereoSet: a context and three sentences, one stereotyped, one against the stereotype, one odd.

The authors' file is one JSON object, {"data": {"intersentence": […], "intrasentence": […]}}; a
file called .jsonl has an item a line, its kind under "task". In an intrasentence item the context
is the sentence with BLANK where the three differ; in an intersentence item it stands before them.
Nadeem, Bethke and Reddy (2021), https://doi.org/10.18653/v1/2021.acl-long.416.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from fmaudit.data.published.base import Format, Item
from fmaudit.data.textfiles import lines_of
from fmaudit.errors import DataError

LABELS = ("stereotype", "anti-stereotype", "unrelated")
"""What each item has one sentence of."""

COLUMNS = (
    "id", "task", "bias_type", "target", "context", "stereotype", "anti_stereotype", "unrelated",
    "stereotype_id", "anti_stereotype_id", "unrelated_id",
)  # fmt: skip


class _Sentence(msgspec.Struct, frozen=True):
    id: str
    sentence: str
    gold_label: str


class _Entry(msgspec.Struct, frozen=True):
    id: str
    bias_type: str
    target: str
    context: str
    sentences: tuple[_Sentence, ...]
    task: str = ""


class _File(msgspec.Struct, frozen=True):
    data: dict[str, tuple[_Entry, ...]]


def read(path: Path, beside: Path | None) -> Iterator[Item]:
    """The items of a file, in its order."""
    del beside
    lines = ".jsonl" in (suffix.lower() for suffix in path.suffixes)
    for number, (task, entry) in enumerate(_by_line(path) if lines else _whole(path), start=1):
        yield _item(task, entry, f"{path}, item {number} ({entry.id})")


def _by_line(path: Path) -> Iterator[tuple[str, _Entry]]:
    decoder = msgspec.json.Decoder(_Entry)
    with lines_of(path, "utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    entry = decoder.decode(line)
                except msgspec.DecodeError as error:
                    raise _unlike(f"{path}, line {number}", error) from None
                yield entry.task, entry


def _whole(path: Path) -> Iterator[tuple[str, _Entry]]:
    with lines_of(path, "utf-8") as lines:
        try:
            found = msgspec.json.decode("".join(lines), type=_File)
        except msgspec.DecodeError as error:
            raise _unlike(str(path), error) from None
    for task, entries in found.data.items():
        for entry in entries:
            yield task, entry


def _item(task: str, entry: _Entry, where: str) -> Item:
    by_label = {s.gold_label: s for s in entry.sentences}
    if len(entry.sentences) != len(LABELS) or set(by_label) != set(LABELS):
        said = ", ".join(s.gold_label for s in entry.sentences) or "none"
        raise DataError(
            f"{where}: one sentence each of {', '.join(LABELS)} is needed; it has {said}."
        )
    if not task:
        raise DataError(f"{where}: it does not say its `task`, intrasentence or intersentence.")
    item = {
        "id": entry.id,
        "task": task,
        "bias_type": entry.bias_type,
        "target": entry.target,
        "context": entry.context,
    }
    for label in LABELS:
        name = label.replace("-", "_")
        item |= {name: by_label[label].sentence, f"{name}_id": by_label[label].id}
    return item


def _unlike(where: str, error: Exception) -> DataError:
    return DataError(
        f"{where}: not as StereoSet is written: {error}. The authors' dev.json is one object "
        'whose "data" has the lists "intersentence" and "intrasentence"; a .jsonl file has an '
        "item of them a line."
    )


FORMAT = Format(COLUMNS, read)
