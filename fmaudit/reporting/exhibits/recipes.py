"""What an exhibit of examples asks for, and how its columns, rows and rule are told."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from fmaudit.reporting.exhibits.source import Source
from fmaudit.reporting.words import count, named, number
from fmaudit.types import OF_BASE

BASE = "base"
"""The variant whose text is the case's own."""

MORE = 100
"""Rows that the command asks for."""


class Decision(Struct, frozen=True):
    """Columns that say what the model decided: the probability before, its change, the flip."""

    probability: str
    change: str
    flip: str = ""


class Recipe(Struct, frozen=True):
    """The options of an exhibit.

    `original`: the column of the text before the change; "base": the text of the case itself, from
    whichever evidence of the run has it unchanged. `changed`: the column of the text after it.
    `columns`: what else is told of a row; `also`: further texts, compared with the original and
    folded, or open where there is no original; `apart`: those that are no reading of it. `labels`:
    columns in plain words, the two texts' too. `sort`, `absolute`, `where`: as in `rows.Wanted`.
    """

    original: str = BASE
    changed: str = "input"
    columns: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    labels: Mapping[str, str] = msgspec.field(default_factory=dict)
    decision: Decision | None = None
    sort: str = ""
    absolute: bool = False
    where: Mapping[str, str] = msgspec.field(default_factory=dict)
    top: int = 5

    @property
    def told(self) -> tuple[str, ...]:
        """The columns that are told beside the texts."""
        return tuple(c for c in self.columns if c not in (self.original, *self.texts))

    @property
    def needed(self) -> tuple[str, ...]:
        """Those of them without which a row is not shown: all but the base's."""
        return tuple(c for c in self.told if not c.startswith(OF_BASE))

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns that hold the texts."""
        return (
            *((self.original,) if self.original != BASE else ()),
            self.changed,
            *self.also,
            *self.apart,
        )

    @property
    def read(self) -> tuple[str, ...]:
        """All the columns that are read of a row."""
        decided = msgspec.structs.astuple(self.decision) if self.decision else ()
        return ("case", "variant", "target", *self.texts, *self.told, *filter(None, decided))


def label_of(source: Source, recipe: Recipe, name: str) -> str:
    """A column in plain words."""
    said = recipe.labels.get(name)
    return source.say.content(said) if said else named(name, source.say)


def value_of(source: Source, name: str, value: Any, signed: bool = False) -> str:
    """A value as it is shown; words that the cards cut by are said in the page's language."""
    if isinstance(value, bool):
        return source.say("yes") if value else source.say("no")
    if isinstance(value, float):
        return f"+{number(value)}" if signed and value > 0 else number(value)
    return source.names.word(value) if name in source.names.categories else str(value)


def rule_of(source: Source, recipe: Recipe, n: int, total: int) -> str:
    """By which rule these rows were chosen."""
    say, figures = source.say, {"n": count(n), "total": count(total)}
    if not recipe.sort:
        said = say("Shown are the first %(n)s of %(total)s rows.", **figures)
    elif recipe.absolute:
        said = say(
            "Shown are the %(n)s rows with the largest %(what)s, up or down, of %(total)s that "
            "have one; among equals, the first in the evidence.",
            what=label_of(source, recipe, recipe.sort),
            **figures,
        )
    else:
        said = say(
            "Shown are the %(n)s rows with the largest %(what)s, of %(total)s that have one; "
            "among equals, the first in the evidence.",
            what=label_of(source, recipe, recipe.sort),
            **figures,
        )
    if not recipe.where:
        return said
    only = say("Only rows with %(where)s are counted.", where=where_of(source, recipe))
    return say.joined((said, only))


def where_of(source: Source, recipe: Recipe) -> str:
    """The columns that rows are narrowed by, with their values."""
    say = source.say
    return say.listed(
        say("%(name)s: %(value)s", name=label_of(source, recipe, c), value=value_of(source, c, v))
        for c, v in recipe.where.items()
    )


def command_of(probe: str, recipe: Recipe) -> str:
    """What shows more of these rows."""
    given = ["fmaudit", "evidence", "RUN", probe]
    if recipe.sort:
        given += ["--sort", recipe.sort, *(["--absolute"] if recipe.absolute else [])]
    for name, value in recipe.where.items():
        given += ["--where", f"{name}={value}"]
    return shlex.join([*given, "--top", str(MORE)])
