"""HolisticBias: sentences in which somebody is called by one of some 600 descriptors.

A JSON file of descriptors: axis → bucket → descriptors, each a text or an object that says more of
it (`article`, `gender`, `preference`). The second file holds the sentences (`{noun_phrase}`,
`{plural_noun_phrase}`). Published with 30 nouns; here each descriptor stands with one, "person", or
"woman" and "man" where the descriptor is said of one gender alone, so that all sentences of a frame
differ in the descriptor. `frame` is the sentence's number, the same on every axis.
Smith and others (2022), https://doi.org/10.18653/v1/2022.emnlp-main.625.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from fmaudit.data.published.base import Format, Item
from fmaudit.errors import DataError

COLUMNS = ("id", "axis", "bucket", "descriptor", "preference", "frame", "text")

T = TypeVar("T")

NOUNS: Mapping[str, tuple[str, str]] = {
    "": ("person", "people"),
    "female": ("woman", "women"),
    "male": ("man", "men"),
}
"""Gender of a descriptor → the noun that stands with it, one and many."""


class Descriptor(msgspec.Struct, frozen=True):
    """A descriptor and what is said of it."""

    descriptor: str
    article: str | None = None
    gender: str = ""
    preference: str = "none"


Axes = dict[str, dict[str, list[str | Descriptor]]]


def read(path: Path, beside: Path | None) -> Iterator[Item]:
    """The sentences, descriptor by descriptor. Raises `DataError`."""
    assert beside is not None
    frames = list(_decoded(beside, dict[str, dict[str, Any]]))
    for axis, buckets in _decoded(path, Axes).items():
        seen: set[str] = set()
        for bucket, found in buckets.items():
            for each in found:
                one = Descriptor(each) if isinstance(each, str) else each
                if one.descriptor in seen:
                    continue  # a few stand in two buckets of an axis
                seen.add(one.descriptor)
                yield from _sentences(axis, bucket, one, frames, path)


def _sentences(
    axis: str, bucket: str, one: Descriptor, frames: list[str], path: Path
) -> Iterator[Item]:
    if one.gender not in NOUNS:
        raise DataError(f"{path}: {one.descriptor!r}: the gender {one.gender!r} has no noun.")
    noun, nouns = NOUNS[one.gender]
    article = one.article or ("an" if one.descriptor[:1].lower() in "aeiou" else "a")
    phrases = {
        "{noun_phrase}": f"{article} {one.descriptor} {noun}",
        "{plural_noun_phrase}": f"{one.descriptor} {nouns}",
    }
    for number, frame in enumerate(frames):
        text = frame
        for slot, phrase in phrases.items():
            text = text.replace(slot, phrase)
        if text == frame:
            raise DataError(f"{path}: the sentence {frame!r} has no place for a descriptor.")
        yield {
            "id": f"{axis}.{bucket}.{one.descriptor}.{number}",
            "axis": axis,
            "bucket": bucket,
            "descriptor": one.descriptor,
            "preference": one.preference,
            "frame": str(number),
            "text": text,
        }


def _decoded(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except msgspec.DecodeError as error:
        raise DataError(f"{path}: {error}. This is no file of HolisticBias.") from None


FORMAT = Format(COLUMNS, read, "the sentences, sentence_templates.json")
