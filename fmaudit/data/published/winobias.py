"""WinoBias: sentences whose pronoun goes with a stereotyped occupation, and their mirror images.

Each line is a number and a sentence; what refers to one person stands in brackets. A file of
pro-stereotyped sentences has its mirror, line by line, in a file of anti-stereotyped ones, which
differ in the gender of the pronoun alone (or of both pronouns). `pronoun` and `gender` are those of
the pro-stereotyped sentence. Zhao, Wang, Yatskar, Ordonez and Chang (2018),
https://arxiv.org/abs/1804.06876.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from fmaudit.data.published.base import Format, Item
from fmaudit.data.textfiles import lines_of
from fmaudit.errors import DataError

COLUMNS = ("id", "type", "pro", "anti", "occupation", "pronoun", "gender")

_LINE = re.compile(r"^\s*(\d+)\s+(.+?)\s*$")
_MARKED = re.compile(r"\[([^\[\]]+)\]")
_TYPE = re.compile(r"type([12])")
_ARTICLE = re.compile(r"^(the|an?) ")
_FEMININE = ("she", "her", "herself")


def read(path: Path, beside: Path | None) -> Iterator[Item]:
    """The pairs of a file of pro-stereotyped sentences and of its anti-stereotyped mirror."""
    assert beside is not None
    kind = _TYPE.search(path.name)
    with lines_of(path, "utf-8") as pro, lines_of(beside, "utf-8") as anti:
        lines = zip_longest(filter(str.strip, pro), filter(str.strip, anti))
        for number, (one, other) in enumerate(lines, start=1):
            if one is None or other is None:
                raise DataError(f"{path} and {beside} are no mirror images: one has more sentences")
            sides = [
                _sentence(one, f"{path}, sentence {number}"),
                _sentence(other, f"{beside}, sentence {number}"),
            ]
            (plain, marked), (mirrored, _) = sides
            yield {
                "id": f"{path.name}:{number}",
                "type": kind[1] if kind else "",
                "pro": plain,
                "anti": mirrored,
                "occupation": _ARTICLE.sub("", marked[0].lower()).strip(),
                "pronoun": marked[-1].lower(),
                "gender": "feminine" if marked[-1].lower() in _FEMININE else "masculine",
            }


def _sentence(line: str, where: str) -> tuple[str, list[str]]:
    """A line's sentence without its brackets, and what stood in them."""
    found = _LINE.match(line)
    marked = _MARKED.findall(line)
    if not found or len(marked) < 2:
        raise DataError(
            f"{where}: {line.strip()!r} is no WinoBias sentence: a number, then a sentence in "
            "which two mentions of a person stand in brackets."
        )
    return found[2].replace("[", "").replace("]", ""), marked


FORMAT = Format(COLUMNS, read, beside="the anti-stereotyped mirror of a pro-stereotyped file")
