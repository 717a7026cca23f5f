"""Frames: sentences with slots, each written out for every group of every attribute.

A frame says the same of all groups, so that what differs between them is how they are called.
`datasets/README.md` explains the file; no Python is needed to write one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from fmaudit.data.slots import check, forms, written
from fmaudit.documents import Name, Strict, Text, read, validate
from fmaudit.errors import UnknownName

COLUMNS = ("id", "language", "attribute", "group", "frame", "template", "text")

Names = Annotated[tuple[Name, ...], Field(min_length=1)]


class Frames(Strict):
    """Frames of one language.

    `slots` names the forms in which a group is called, divided by "/" in each cell. `attributes`:
    attribute → group → what it is called. `frames`: name → sentence, of all attributes, or of those
    in `only`.
    """

    language: Text
    slots: Names
    attributes: Annotated[dict[Name, dict[Name, Name]], Field(min_length=1)]
    frames: Annotated[dict[Name, Text], Field(min_length=1)]
    only: dict[Name, Names] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> Frames:
        for attribute, groups in self.attributes.items():
            if len(groups) < 2:
                raise ValueError(f"attributes.{attribute}: at least two groups are compared.")
            for group, cell in groups.items():
                if len(forms(cell)) != len(self.slots) or not all(forms(cell)):
                    raise ValueError(
                        f"attributes.{attribute}.{group}: {cell!r} must have a form for each of "
                        f"{', '.join(self.slots)}, divided by '/'."
                    )
        for name, text in self.frames.items():
            check(f"frames.{name}", text, self.slots)
        for name, attributes in self.only.items():
            if name not in self.frames:
                raise ValueError(f"only: {UnknownName('frame', name, self.frames)}")
            for attribute in attributes:
                if attribute not in self.attributes:
                    unknown = UnknownName("attribute", attribute, self.attributes)
                    raise ValueError(f"only.{name}: {unknown}")
        return self


@dataclass(frozen=True)
class FramesTable:
    """A file of frames, a row a frame and group."""

    path: Path
    unit: str = "sentence"
    columns: tuple[str, ...] = COLUMNS

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Each sentence's number and its cells of these columns, in this order."""
        for number, row in enumerate(self.sentences, start=1):
            yield number, tuple(row[name] for name in columns)

    @cached_property
    def sentences(self) -> tuple[dict[str, str], ...]:
        """All sentences, in the file's order. Raises `SpecError`."""
        return tuple(sentences(validate(Frames, read(self.path, "file of frames"))))


def sentences(file: Frames) -> Iterator[dict[str, str]]:
    """A row a frame, attribute and group; the id is made of their names alone."""
    for attribute, groups in file.attributes.items():
        for name, text in file.frames.items():
            if attribute not in file.only.get(name, (attribute,)):
                continue
            template = f"{file.language}.{attribute}.{name}"
            for group, cell in groups.items():
                side = dict(zip(file.slots, forms(cell), strict=True))
                yield {
                    "id": f"{template}.{group}",
                    "language": file.language,
                    "attribute": attribute,
                    "group": group,
                    "frame": f"{file.language}.{name}",
                    "template": template,
                    "text": written(text, side),
                }
