"""Changed texts of the evidence: original and changed one over the other, what changed marked.

The rows that are shown are chosen by a rule that stands above them, with the command that shows
the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec

from fmaudit.reporting import rows
from fmaudit.reporting.exhibits.changes import changes, unchanged
from fmaudit.reporting.exhibits.folding import Text, folded, parts_of
from fmaudit.reporting.exhibits.recipes import (
    BASE,
    Recipe,
    command_of,
    label_of,
    rule_of,
    value_of,
    where_of,
)
from fmaudit.reporting.exhibits.source import Nothing, Source
from fmaudit.reporting.words import number
from fmaudit.types import NO_BASE, Exhibit

OPEN = 5
"""Examples that stand open; the others fold."""

LABEL = 60
"""Characters of a text that is no more than a label; a longer one folds."""


@dataclass(frozen=True)
class Version:
    """One reading of a text (two parts where it is a pair), and what it is called."""

    name: str
    parts: tuple[Text, ...]

    @property
    def folds(self) -> bool:
        """Whether something of it is seen only when it is unfolded."""
        return any(part.brief for part in self.parts)


@dataclass(frozen=True)
class Decided:
    """The model's decision before and after: a probability, and whether the class changed.

    `before`, `after`: the classes, where they can be told from the probability.
    """

    positive: str
    low: str
    high: str
    flipped: bool | None
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class Example:
    """A row: its texts, what the model decided, and figures with their names and exact values.

    `answer`: its target is the right answer to a question, not a class.
    """

    case: str
    variant: str
    target: str | None
    original: Version | None
    changed: Version
    also: tuple[Version, ...]
    same: bool
    decided: Decided | None
    facts: tuple[tuple[str, str, Any], ...]
    answer: bool = False

    @property
    def folds(self) -> bool:
        """Whether one of the texts that stand open is shown in part."""
        if self.original is None:
            return self.changed.folds or any(text.folds for text in self.also)
        return self.changed.folds or self.original.folds


@dataclass(frozen=True)
class Examples:
    """The rows of one exhibit: by which rule they were chosen, and how to see more."""

    probe: str
    title: str
    rule: str
    command: str
    shown: tuple[Example, ...]
    folded: tuple[Example, ...]
    kind: str = "examples"
    missing: str = ""


def examples(source: Source, shown: Exhibit) -> Examples | Nothing:
    """The rows of one exhibit; see `Recipe` for its options."""
    try:
        recipe = msgspec.convert(shown.options, Recipe)
    except msgspec.ValidationError:
        return source.nothing(shown, source.say("its options cannot be read"))
    needed = (*recipe.read, *recipe.where, *filter(None, [recipe.sort]))
    if reason := source.lacks(shown, needed, texts=True):
        return source.nothing(shown, reason)
    path = _path(source, shown.probe)
    kinds = rows.columns(path)
    if reason := _unfit(source, recipe, kinds):
        return source.nothing(shown, reason)
    wanted = rows.Wanted(recipe.sort, recipe.absolute, recipe.where, recipe.needed)
    chosen = rows.choose(path, wanted)
    found = rows.take(path, recipe.read, chosen[: max(1, recipe.top)])
    if not found:
        return source.nothing(shown, _why_none(source, recipe, path))
    original = _originals(source, shown, recipe, found)
    signed = {name for name in recipe.told for row in found if _below(row[name])}
    made = tuple(
        _example(source, recipe, row, original.get(k), signed) for k, row in enumerate(found)
    )
    return Examples(
        probe=shown.probe,
        title=source.title(shown),
        rule=rule_of(source, recipe, len(made), len(chosen)),
        command=command_of(shown.probe, recipe),
        shown=made[:OPEN],
        folded=made[OPEN:],
    )


def _unfit(source: Source, recipe: Recipe, kinds: Mapping[str, str]) -> str:
    """Why these columns cannot be used as the options ask; "" where they can."""
    decided = [recipe.decision.probability, recipe.decision.change] if recipe.decision else []
    for name in filter(None, (recipe.sort, *decided)):
        if kinds[name] != "number":
            return source.say("the column %(name)s holds no numbers", name=name)
    texts = (*recipe.texts, *recipe.where)
    strange = next((name for name in texts if kinds[name] == "other"), "")
    return source.say("the column %(name)s holds no texts", name=strange) if strange else ""


def _why_none(source: Source, recipe: Recipe, path: Path) -> str:
    """Why no row is shown: none is of these, there was no base, or none has all that is told."""
    if recipe.where and not len(rows.choose(path, rows.Wanted(where=recipe.where))):
        return source.say("no row with %(where)s", where=where_of(source, recipe))
    base = tuple(set(recipe.told) - set(recipe.needed))
    if base and not len(rows.choose(path, rows.Wanted(having=base))):
        return source.say(NO_BASE)
    return source.say("no row has all these columns")


def _path(source: Source, probe: str) -> Path:
    assert source.run is not None
    return source.run / "evidence" / f"{probe}.parquet"


def _originals(
    source: Source, shown: Exhibit, recipe: Recipe, found: Sequence[Mapping[str, Any]]
) -> dict[int, str]:
    """The text before the change, by a row's place among `found`; none where it is not known."""
    if recipe.original != BASE:
        return {k: row[recipe.original] for k, row in enumerate(found)}
    wanted = {row["case"] for row in found if row["variant"] != BASE}
    texts: dict[str, str] = {}
    ran = sorted(entry.probe for entry in source.record.coverage if entry.status == "ran")
    for probe in (shown.probe, *ran):
        missing = wanted - texts.keys()
        other = Exhibit(probe, shown.kind, shown.title)
        if missing and not source.lacks(other, ("case", "variant", "input")):
            path = _path(source, probe)
            for row in rows.take(path, ("case", "input"), rows.among(path, missing)):
                texts.setdefault(row["case"], row["input"])
    return {k: texts[row["case"]] for k, row in enumerate(found) if row["case"] in texts}


def _below(value: Any) -> bool:
    return isinstance(value, float) and value < 0


def _example(
    source: Source,
    recipe: Recipe,
    row: Mapping[str, Any],
    original: str | None,
    signed: Collection[str],
) -> Example:
    """A row ready to be shown; figures of the columns `signed` say their sign, + or −."""
    say, changed = source.say, str(row[recipe.changed])
    if original is None:
        before, after = None, _alone(say("text"), changed)
    else:
        before, after = _versions(*_called(source, recipe, original, changed))
    shown = (*recipe.also, *recipe.apart)
    texts = {name: str(row[name]) for name in shown if row[name] is not None}
    texts |= {c: v for c, v in _told(recipe, row) if isinstance(v, str) and len(v) > LABEL}
    also = tuple(
        _versions("", original, label_of(source, recipe, name), text)[1]
        if original is not None and name not in recipe.apart
        else _alone(label_of(source, recipe, name), text)
        for name, text in texts.items()
    )
    return Example(
        case=row["case"],
        variant=row["variant"],
        target=row["target"],
        original=before,
        changed=after,
        also=also,
        same=original == changed,
        decided=_decided(source, recipe, row),
        facts=tuple(
            (label_of(source, recipe, name), value_of(source, name, value, name in signed), value)
            for name, value in _told(recipe, row)
            if name not in texts
        ),
        answer=source.record.model.get("kind", "classifier") != "classifier",
    )


def _called(
    source: Source, recipe: Recipe, original: str, changed: str
) -> tuple[str, str, str, str]:
    """Two readings of a text with what they are called: as the card labels their columns."""
    say, labels = source.say, recipe.labels
    before = say.content(labels[recipe.original]) if recipe.original in labels else say("original")
    after = say.content(labels[recipe.changed]) if recipe.changed in labels else say("changed")
    return before, original, after, changed


def _told(recipe: Recipe, row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a row says beside its texts; what it does not say is left out."""
    return ((c, row[c]) for c in recipe.told if row[c] is not None)


def _versions(before: str, original: str, after: str, changed: str) -> tuple[Version, Version]:
    """Two readings of a text, compared part by part."""
    pairs = [
        changes(was, now)
        for was, now in zip_longest(parts_of(original), parts_of(changed), fillvalue="")
    ]
    return (
        Version(before, tuple(folded(was) for was, _ in pairs)),
        Version(after, tuple(folded(now) for _, now in pairs)),
    )


def _alone(name: str, text: str) -> Version:
    return Version(name, tuple(folded(unchanged(part)) for part in parts_of(text)))


def _decided(source: Source, recipe: Recipe, row: Mapping[str, Any]) -> Decided | None:
    """What the model decided before and after, where the row and the record say it."""
    positive, names = source.record.model.get("positive"), recipe.decision
    if names is None or positive is None or row[names.probability] is None:
        return None
    before, change = float(row[names.probability]), row[names.change]
    if change is None:
        return None
    flipped = row[names.flip] if names.flip else None
    after = min(1.0, max(0.0, before + float(change)))
    found = Decided(str(positive), number(before), number(after), flipped)
    classes = [str(name) for name in source.record.model.get("classes", ())]
    if len(classes) != 2 or positive not in classes or ((before > 0.5) != (after > 0.5)) != flipped:
        return found
    other = classes[1 - classes.index(positive)]
    sides = [str(positive) if p > 0.5 else other for p in (before, after)]
    return Decided(found.positive, found.low, found.high, flipped, *sides)
