"""Winogender: sentences about an occupation whose pronoun is feminine, masculine or neutral.

`all_sentences.tsv` has a sentence a line, named `occupation.other.answer.gender.txt`: `other` is a
participant or "someone", `answer` is 0 where the pronoun refers to the occupation and 1 where it
refers to the other. `occupations-stats.tsv` beside it says how many of 100 people in that work are
women, by the US Bureau of Labor Statistics (`bls_pct_female`). The three sentences of a name are
one item here. Rudinger, Naradowsky, Leonard and Van Durme (2018),
https://doi.org/10.18653/v1/N18-2002.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from fmaudit.data.published.base import Format, Item
from fmaudit.data.textfiles import lines_of
from fmaudit.errors import DataError, UnknownName

COLUMNS = (
    "id", "occupation", "other", "refers_to", "female", "male", "neutral", "women",
)  # fmt: skip

_GENDERS = ("female", "male", "neutral")
_REFERS = {"0": "occupation", "1": "other"}


def read(path: Path, beside: Path | None) -> Iterator[Item]:
    """The items of a file, in its order, each with its occupation's percentage of women."""
    assert beside is not None
    women = {
        row["occupation"]: row["bls_pct_female"]
        for row in _table(beside, ("occupation", "bls_pct_female"))
    }
    items: dict[str, dict[str, str]] = {}
    for row in _table(path, ("sentid", "sentence")):
        parts = row["sentid"].removesuffix(".txt").split(".")
        if len(parts) != 4 or parts[2] not in _REFERS or parts[3] not in _GENDERS:
            raise DataError(
                f"{path}: {row['sentid']!r} is no name of a Winogender sentence, such as "
                "'nurse.patient.0.female.txt'."
            )
        occupation, other, answer, gender = parts
        if occupation not in women:
            raise UnknownName("occupation", occupation, women, str(beside))
        item = items.setdefault(
            f"{occupation}.{other}.{answer}",
            {
                "occupation": occupation,
                "other": other,
                "refers_to": _REFERS[answer],
                "women": women[occupation],
            },
        )
        item[gender] = row["sentence"]
    for name, item in items.items():
        lacking = [gender for gender in _GENDERS if gender not in item]
        if lacking:
            raise DataError(f"{path}: {name} has no sentence that is {' or '.join(lacking)}.")
        yield {"id": name, **item}


def _table(path: Path, needed: tuple[str, ...]) -> Iterator[Mapping[str, str]]:
    with lines_of(path, "utf-8") as lines:
        rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        header = next(rows, [])
        for name in needed:
            if name not in header:
                raise UnknownName("column", name, header, str(path))
        for number, row in enumerate(filter(None, rows), start=2):
            if len(row) != len(header):
                raise DataError(f"{path}, line {number}: {len(row)} cells, not {len(header)}.")
            yield dict(zip(header, row, strict=True))


FORMAT = Format(COLUMNS, read, beside="occupations-stats.tsv, women's share of each occupation")
