"""CrowS-Pairs: a sentence with a stereotype, and the same with the other group's words.

The columns of the file are `sent_more`, `sent_less`, `stereo_antistereo` and `bias_type`, and a
number that is called `id` or nothing at all. The more stereotyped sentence always stands in
`sent_more`; in a pair of the direction `antistereo` it is about the group with more power. Pairs
without two different sentences, such as two of the French ones, are left out. A file that is not
UTF-8 is read as Mac Roman, as the Dutch one is written. One sentence holds a line break, which is
the same in copies with other line ends. Nangia, Vania, Bhalerao and Bowman (2020),
https://doi.org/10.18653/v1/2020.emnlp-main.154.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from fmaudit.data.published.base import Format, Item
from fmaudit.data.textfiles import lines_of
from fmaudit.errors import DataError, UnknownName

COLUMNS = ("id", "more", "less", "direction", "bias_type")

_WRITTEN = {
    "sent_more": "more",
    "sent_less": "less",
    "stereo_antistereo": "direction",
    "bias_type": "bias_type",
}
_NUMBERED = ("id", "")
_DIRECTIONS = ("stereo", "antistereo")


def read(path: Path, beside: Path | None) -> Iterator[Item]:
    """The pairs of a file, in its order."""
    del beside
    with lines_of(path, _encoding(path)) as lines:
        rows = csv.reader(lines, strict=True)
        try:
            header = next(rows, [])
            places = {name: _place(written, header, path) for written, name in _WRITTEN.items()}
            numbered = next((header.index(name) for name in _NUMBERED if name in header), None)
            for number, row in enumerate(filter(None, rows), start=1):
                if len(row) != len(header):
                    raise DataError(
                        f"{path}, pair {number}: {len(row)} cells under {len(header)} columns."
                    )
                found = {name: row[place].replace("\r\n", "\n") for name, place in places.items()}
                if found["direction"] not in _DIRECTIONS:
                    raise UnknownName("direction", found["direction"], _DIRECTIONS, str(path))
                more, less = found["more"].strip(), found["less"].strip()
                if more and less and more != less:
                    yield {"id": str(number) if numbered is None else row[numbered], **found}
        except csv.Error as error:
            raise DataError(f"{path}: not a CSV file of CrowS-Pairs: {error}.") from None


def _encoding(path: Path) -> str:
    with lines_of(path, "utf-8") as lines:
        try:
            for _ in lines:
                pass
        except UnicodeDecodeError:
            return "mac_roman"
    return "utf-8"


def _place(written: str, header: list[str], path: Path) -> int:
    if written not in header:
        raise UnknownName("column", written, header, str(path))
    return header.index(written)


FORMAT = Format(COLUMNS, read)
