"""BOLD: beginnings of sentences about people and things, cut from Wikipedia, by domain and group.

A JSON file a domain (`gender_prompt.json`): group → who or what is written about → beginnings. The
second file (`gender_wiki.json`) has the whole sentences in the same order. Dhamala and others
(2021), https://doi.org/10.1145/3442188.3445924.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from fmaudit.data.published.base import Format, Item
from fmaudit.errors import DataError

COLUMNS = ("id", "domain", "group", "entity", "text", "sentence")
"""`text`: the beginning; `sentence`: as it stands in Wikipedia, null where nobody says it.

`entity` is called the same in each group and domain that it stands in: its beginnings are no
independent ones there.
"""

Domain = dict[str, dict[str, list[str]]]

_NAMED = re.compile(r"(?P<domain>[a-z_]+)_prompt\.json$")


def read(path: Path, beside: Path | None) -> Iterator[Item]:
    """The beginnings of a domain. Raises `DataError`."""
    named = _NAMED.match(path.name)
    if named is None:
        raise DataError(
            f"{path}: the domain is read off the file's name; call it as published, such as "
            "gender_prompt.json."
        )
    whole = _decoded(beside) if beside else {}
    for group, entities in _decoded(path).items():
        for entity, prompts in entities.items():
            sentences = whole.get(group, {}).get(entity, [])
            for number, prompt in enumerate(prompts):
                if prompt.strip():
                    yield {
                        "id": f"{named['domain']}.{group}.{entity}.{number}",
                        "domain": named["domain"],
                        "group": group,
                        "entity": entity,
                        "text": " ".join(prompt.split()),
                        "sentence": sentences[number] if number < len(sentences) else None,
                    }


def _decoded(path: Path) -> Domain:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Domain)
    except msgspec.DecodeError as error:
        raise DataError(
            f"{path}: {error}. A domain is an object of groups, each an object of who is written "
            "about with a list of texts."
        ) from None


FORMAT = Format(COLUMNS, read)
