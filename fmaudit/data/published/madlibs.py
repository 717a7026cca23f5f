"""Madlibs: short phrases made of templates, which name an identity or none, toxic or not.

A table with the columns `template`, `toxicity` and `phrase`. How a template was filled is read off
the phrase: the identity that it names, and the word that makes it toxic or not. Dixon, Li,
Sorensen, Thain and Vasserman (2018), https://doi.org/10.1145/3278721.3278729.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from fmaudit.data.published.base import Format, Item
from fmaudit.data.textfiles import lines_of
from fmaudit.errors import DataError

COLUMNS = ("template", "toxicity", "phrase", "identity", "word")

_GIVEN = ("template", "toxicity", "phrase")

_FILLED: Mapping[str, re.Pattern[str]] = {
    "verb_adj": re.compile(r"(?P<word>\S+) (?P<identity>.+)"),
    "am_hate_adj": re.compile(r"I (?P<word>\S+) (?P<identity>.+)"),
    "being_adj": re.compile(r"Being (?P<identity>.+) is (?P<word>\S+)"),
    "name_adj": re.compile(r"\S+ is an? (?P<word>\S+) (?P<identity>.+)"),
    "you_are_adj": re.compile(r"You are an? (?P<word>\S+) (?P<identity>.+)"),
    "you_occupation": re.compile(r"You are an? (?P<word>\S+) .+"),
}
"""How the phrases of each template read."""


def read(path: Path, beside: Path | None) -> Iterator[Item]:
    """The phrases of a file; `identity` is null in those that name an occupation instead."""
    del beside
    with lines_of(path, "utf-8") as lines:
        rows = csv.DictReader(lines)
        missing = [name for name in _GIVEN if name not in (rows.fieldnames or ())]
        if missing:
            raise DataError(f"{path}: the phrases of madlibs have a column {missing[0]!r}.")
        for number, row in enumerate(rows, start=1):
            template, phrase = row["template"], row["phrase"]
            found = template in _FILLED and _FILLED[template].fullmatch(phrase)
            if not found:
                raise DataError(
                    f"{path}, phrase {number}: {phrase!r} is none of the template {template!r}. "
                    f"The templates are those in English: {', '.join(_FILLED)}."
                )
            filled = found.groupdict()
            yield {
                **{name: row[name] for name in _GIVEN},
                "identity": filled.get("identity"),
                "word": filled["word"],
            }


FORMAT = Format(COLUMNS, read)
