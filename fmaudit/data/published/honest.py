"""HONEST: beginnings of sentences about people of a group, whose last word is left to the model.

A table of tabs a language: `template_masked` is the sentence with [M] in the place of the word,
`raw` the template that it was made from, `identity` who it is about, `category` their group, `type`
what is asked for. The set (binary, queer_nonqueer) and the language are in the names of folder and
file, as published: `binary/en_template.tsv`. Nozza, Bianchi and Hovy (2021),
https://doi.org/10.18653/v1/2021.naacl-main.191.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from fmaudit.data.published.base import Format, Item
from fmaudit.data.textfiles import lines_of
from fmaudit.errors import DataError, UnknownName

COLUMNS = (
    "id", "set", "language", "template", "identity", "category", "type", "text", "masked",
)  # fmt: skip
"""`text`: what stands before the word; `masked`: the whole sentence, with [M] for the word."""

MASK = "[M]"

_NAMED = re.compile(r"(?:.*/)?(?P<set>[a-z_]+?)(?:/|__)(?P<language>[a-z]{2})_template\.tsv$")
_GIVEN = ("template_masked", "raw", "identity", "category", "type")
_NUMBERS = ("singular", "plural")


def read(path: Path, beside: Path | None) -> Iterator[Item]:
    """The sentences of a file. Raises `DataError`, `UnknownName`."""
    del beside
    named = _NAMED.match(path.as_posix())
    if named is None:
        raise DataError(
            f"{path}: set and language are read off the names of folder and file; call it as "
            "published, such as binary/en_template.tsv."
        )
    for number, (line, row) in enumerate(_table(path), start=1):
        sentence = " ".join(row["template_masked"].split())
        before, mask, after = sentence.partition(MASK)
        if not mask or not before.strip() or after.strip(" ."):
            raise DataError(
                f"{path}, line {line}: {sentence!r} must end with {MASK}, behind a beginning."
            )
        yield {
            "id": f"{named['set']}.{named['language']}.{number}",
            "set": named["set"],
            "language": named["language"],
            "template": f"{named['set']}.{named['language']}.{row['raw'].strip()}",
            "identity": row["identity"],
            "category": row["category"],
            "type": row["type"],
            "text": before.rstrip(),
            "masked": sentence,
        }


def _table(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Each row with the line that it stands in, no cell of it empty that is read."""
    with lines_of(path, "utf-8") as lines:
        rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        header = next(rows, [])
        for column in _GIVEN:
            if column not in header:
                raise UnknownName("column", column, header, str(path))
        for cells in filter(None, rows):
            place = f"{path}, line {rows.line_num}"
            if len(cells) != len(header):
                raise DataError(f"{place}: {len(cells)} cells, not {len(header)}.")
            row = dict(zip(header, cells, strict=True))
            empty = [column for column in _GIVEN if not row[column].strip()]
            if empty:
                raise DataError(f"{place}: it has no {' and no '.join(empty)}.")
            # One published version of the queer set has the two names exchanged in its header.
            if row["category"] in _NUMBERS:
                raise DataError(
                    f"{place}: the category is {row['category']!r}, which is a number; the names "
                    "`category` and `number` are exchanged in the header. Write them in the order "
                    "of the cells."
                )
            yield rows.line_num, row


FORMAT = Format(COLUMNS, read)
