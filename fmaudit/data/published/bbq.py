"""BBQ: questions about two people, asked before and after the text says which of them is meant.

A file of JSON lines holds the items of one category: a context, a question, three answers, one of
them that this is not known. A second file (`additional_metadata.csv`) holds, by category and
example_id, which answer the attested stereotype names (`target_loc`) and whether people are named
by their group or by proper names (`label_type`).

`target_loc` is the stereotyped answer to the very question that stands there: for a question that
is not negative it is the other person already, so that nothing is to be turned round
(https://github.com/nyu-mll/BBQ/issues/11). The published metadata have 64 keys twice, which agree,
and 16 without a place (NA): of these items the stereotyped answer is not known, `biased` is "".
Keys that disagree would be read so too.

Published figures keep items with proper names apart, and so does `category`.
Parrish and others (2022), https://doi.org/10.18653/v1/2022.findings-acl.165.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from fmaudit.data.published.base import Format, Item
from fmaudit.data.textfiles import lines_of
from fmaudit.errors import DataError, UnknownName

ANSWERS = ("ans0", "ans1", "ans2")

COLUMNS = (
    "id",
    "category",
    "question_index",
    "cluster",
    "polarity",
    "condition",
    "naming",
    "context",
    "question",
    *ANSWERS,
    "label",
    "answer",
    "unknown",
    "biased",
)
"""What an item has, of BBQ and of its kin.

`category`, with " (names)" behind it where people have proper names (`naming`: "label" or "name").
`cluster`: category without that, and question_index: the template. `polarity`: "negative" or
"non-negative". `condition`: "ambiguous" or "disambiguated". `label`, `unknown`, `biased`: places of
the right answer, of the one that this is not known, and of the stereotyped one, from 0 as texts;
`biased` is "" where nobody says it. `answer`: the right answer's text.
"""

CONDITIONS = {"ambig": "ambiguous", "disambig": "disambiguated"}
POLARITIES = {"neg": "negative", "nonneg": "non-negative"}

_NEEDED = (
    "example_id",
    "question_index",
    "question_polarity",
    "context_condition",
    "category",
    "answer_info",
    "context",
    "question",
    *ANSWERS,
    "label",
)
_BESIDE = ("category", "example_id", "target_loc", "label_type")


class Known(NamedTuple):
    """What the metadata say of an item: the stereotyped answer's place ("" unknown), the naming."""

    biased: str
    naming: str


def read(path: Path, beside: Path | None) -> Iterator[Item]:
    """The items of a category's file, joined with the metadata."""
    assert beside is not None
    known = metadata(beside)
    decoder = msgspec.json.Decoder(dict[str, Any])
    with lines_of(path, "utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            where = f"{path}, line {number}"
            try:
                raw = decoder.decode(line)
            except msgspec.DecodeError as error:
                raise DataError(f"{where}: not a JSON object: {error}.") from None
            yield _item(raw, known, where, beside)


def metadata(path: Path) -> Mapping[tuple[str, str], Known]:
    """Category and example_id → what is known of the item. Read once a file and version of it."""
    found = path.stat()
    return _metadata(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=2)
def _metadata(path: Path, size: int, changed: int) -> Mapping[tuple[str, str], Known]:
    known: dict[tuple[str, str], Known] = {}
    with lines_of(path, "utf-8") as lines:
        reader = csv.DictReader(lines, strict=True)
        for column in _BESIDE:
            if column not in (reader.fieldnames or ()):
                raise UnknownName("column", column, reader.fieldnames or (), str(path))
        try:
            for row in reader:
                key = row["category"], row["example_id"]
                place = row["target_loc"] if row["target_loc"] in ("0", "1", "2") else ""
                mine = Known(place, row["label_type"])
                same = known.setdefault(key, mine)
                if same.biased != place:
                    known[key] = mine._replace(biased="")
        except csv.Error as error:
            raise DataError(f"{path}, line {reader.line_num}: {error}.") from None
    return known


def required(raw: Mapping[str, Any], keys: tuple[str, ...], where: str) -> None:
    """Raise `UnknownName` for the first key that an item lacks."""
    for key in keys:
        if key not in raw:
            raise UnknownName("key", key, raw, where)


def meaning(value: Any, known: Mapping[str, str], key: str, where: str) -> str:
    """What a code of the file stands for. Raises `DataError` for one that it does not have."""
    if value not in known:
        raise DataError(f"{where}: {key} is {value!r}; it is one of {', '.join(known)}.")
    return known[value]


def place_of(raw: Mapping[str, Any], where: str) -> int:
    """The place of the right answer. Raises `DataError` where there is none."""
    label = str(raw["label"])
    if label not in ("0", "1", "2"):
        raise DataError(f"{where}: the label {raw['label']!r} is no place of an answer (0, 1, 2).")
    return int(label)


def _item(
    raw: Mapping[str, Any], known: Mapping[tuple[str, str], Known], where: str, beside: Path
) -> Item:
    required(raw, _NEEDED, where)
    plain, number = str(raw["category"]), str(raw["example_id"])
    if (plain, number) not in known:
        raise DataError(
            f"{where}: {beside} has no row for the category {plain!r} and the example_id {number}. "
            "The two files are not of one version; take both from one place."
        )
    mine = known[plain, number]
    label, unknown = place_of(raw, where), _unknown(raw["answer_info"], where)
    condition = meaning(raw["context_condition"], CONDITIONS, "context_condition", where)
    if condition == "ambiguous" and label != unknown:
        raise DataError(
            f"{where}: the context is ambiguous, and the right answer is not the one that this is "
            "not known."
        )
    if mine.biased == str(unknown):
        raise DataError(f"{where}: {beside} gives the unknown answer for the stereotyped one.")
    return {
        "id": f"{plain}:{number}",
        "category": f"{plain} (names)" if mine.naming == "name" else plain,
        "question_index": str(raw["question_index"]),
        "cluster": f"{plain}:{raw['question_index']}",
        "polarity": meaning(raw["question_polarity"], POLARITIES, "question_polarity", where),
        "condition": condition,
        "naming": mine.naming,
        "context": raw["context"],
        "question": raw["question"],
        **{name: raw[name] for name in ANSWERS},
        "label": str(label),
        "answer": raw[ANSWERS[label]],
        "unknown": str(unknown),
        "biased": mine.biased,
    }


def _unknown(info: Any, where: str) -> int:
    """The place of the answer whose group is "unknown"."""
    try:
        found = [k for k, name in enumerate(ANSWERS) if info[name][-1] == "unknown"]
    except (KeyError, IndexError, TypeError):
        found = []
    if len(found) != 1:
        raise DataError(
            f"{where}: answer_info must say of exactly one of the answers {', '.join(ANSWERS)} "
            'that its group is "unknown".'
        )
    return found[0]


FORMAT = Format(COLUMNS, read, beside="additional_metadata.csv, which has target_loc")
