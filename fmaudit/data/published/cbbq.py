"""CBBQ: BBQ's form in Chinese, over categories and stereotypes of China.

A file is a JSON list of the items of one category and condition; a byte order mark stands within
the first key of each. The third answer is always that this is not known. Nothing in the files says
which answer is stereotyped. As the authors' scripts count it, that is the first answer of a
negative question and the second of one that is not, and the texts bear it out, but for gender,
where the group of the stereotype stands second. In a disambiguated context the text always speaks
against the stereotype, so that the right answer is the other one.

Where a file contradicts this, `biased` is "", and no figure of bias counts the item:

- a disambiguated item whose right answer is the stereotyped one (all of educational_qualification,
  whose labels contradict its texts);
- a file that calls all its questions negative, though it asks each both ways (the same category);
- a question that a file calls both (ethnicity 12, gender 77 and 79).

Huang and Xiong (2024), https://arxiv.org/abs/2306.16244.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from fmaudit.data.published.base import Format, Item
from fmaudit.data.published.bbq import ANSWERS, COLUMNS, meaning, place_of, required
from fmaudit.data.textfiles import lines_of
from fmaudit.errors import DataError

CONDITIONS = {"ambiguous": "ambiguous", "disambiguous": "disambiguated"}
POLARITIES = {"neg": "negative", "non_neg": "non-negative"}

UNKNOWN = 2
SECOND = frozenset({"gender"})
"""Categories whose stereotyped group is the second answer."""

_MARK = "\ufeff"
_NEEDED = (
    "example_id",
    "question_index",
    "question_polarity",
    "context_condition",
    "category",
    "context",
    "question",
    *ANSWERS,
    "label",
)


def read(path: Path, beside: Path | None) -> Iterator[Item]:
    """The items of a file."""
    items = [{key.strip(_MARK): value for key, value in raw.items()} for raw in _decoded(path)]
    for number, raw in enumerate(items, start=1):
        required(raw, _NEEDED, f"{path}, item {number}")
    said = _polarities(items)
    one = len({polarity for found in said.values() for polarity in found}) == 1
    for number, raw in enumerate(items, start=1):
        told = not one and len(said[_question(raw)]) == 1
        yield _item(raw, told, f"{path}, item {number}")


def _decoded(path: Path) -> list[dict[str, Any]]:
    with lines_of(path, "utf-8") as lines:
        text = "".join(lines)
    try:
        return msgspec.json.decode(text, type=list[dict[str, Any]])
    except msgspec.DecodeError as error:
        raise DataError(
            f"{path}: not a JSON list of objects: {error}. A CBBQ file is one list of items."
        ) from None


def _polarities(items: Sequence[Mapping[str, Any]]) -> Mapping[tuple[str, str], set[str]]:
    """Question → the polarities that the file gives it."""
    said = defaultdict(set)
    for raw in items:
        said[_question(raw)].add(str(raw["question_polarity"]))
    return said


def _question(raw: Mapping[str, Any]) -> tuple[str, str]:
    return str(raw["question_index"]), str(raw["question"])


def _item(raw: Mapping[str, Any], told: bool, where: str) -> Item:
    """`told`: the file says of this question which of its two forms it is."""
    category, index = str(raw["category"]), str(raw["question_index"])
    condition = meaning(raw["context_condition"], CONDITIONS, "context_condition", where)
    polarity = meaning(raw["question_polarity"], POLARITIES, "question_polarity", where)
    label = place_of(raw, where)
    if (condition == "ambiguous") != (label == UNKNOWN):
        raise DataError(
            f"{where}: the right answer is the third, that this is not known, where the context is "
            "ambiguous, and only there."
        )
    group = 1 if category in SECOND else 0
    biased = group if polarity == "negative" else 1 - group
    known = told and label != biased
    return {
        "id": f"{category}:{condition}:{raw['example_id']}",
        "category": category,
        "question_index": index,
        "cluster": f"{category}:{index}",
        "polarity": polarity,
        "condition": condition,
        "naming": "label",
        "context": raw["context"],
        "question": raw["question"],
        **{name: raw[name] for name in ANSWERS},
        "label": str(label),
        "answer": raw[ANSWERS[label]],
        "unknown": str(UNKNOWN),
        "biased": str(biased) if known else "",
    }


FORMAT = Format(COLUMNS, read)
