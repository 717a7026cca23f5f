"""The data's labels → the model's class names, or an error that lists what does not fit."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping

from fmaudit.errors import DataError, UnknownName

_WHOLE = re.compile(r"^[0-9]+(\.0+)?$")
_TRUTH = {"false": 0, "true": 1}


def match(labels: Iterable[str], classes: tuple[str, ...], where: str = "") -> Mapping[str, str]:
    """Each distinct label's class name.

    All labels are class names (as written, else regardless of case), or all are class numbers
    from 0 ("1", "1.0"; "false" and "true" for a model of two classes). The two are never mixed,
    and numbers are not read where a class name itself is a number: a rating "1" is not class 1.

    Args:
        labels: the labels of all rows (repeats are counted), or a count of each.
        classes: the model's class names, in the order of its logits.
        where: what errors are to be laid to.

    Raises:
        DataError: labels that fit no class, with counts, the classes and the nearest names.
    """
    counts = Counter(labels)
    folded = _folded(classes)
    named = {label: _name(label, classes, folded) for label in counts}
    if None not in named.values():
        return {label: name for label, name in named.items() if name is not None}
    numbered = {label: by_number(label, classes) for label in counts}
    if None not in numbered.values():
        return {label: name for label, name in numbered.items() if name is not None}
    raise DataError(_complaint(counts, named, classes, where))


def by_text(label: str, names: tuple[str, ...]) -> str | None:
    """The name that a label is: as written, else regardless of case where that is one's alone."""
    return _name(label, names, _folded(names))


def places(
    labels: Iterable[str], span: tuple[float, float], where: str = ""
) -> Mapping[str, float]:
    """Each distinct label's place in a range: 0 at its lowest number, 1 at its highest.

    Args:
        labels: the labels of all rows (repeats are counted), or a count of each.
        span: the lowest and the highest number that the model predicts.
        where: what errors are to be laid to.

    Raises:
        DataError: labels that are no numbers, or lie beyond the range, with counts.
    """
    counts = Counter(labels)
    low, high = span
    found = {label: _number(label) for label in counts}
    strange = [label for label, x in found.items() if x is None or not low <= x <= high]
    if strange:
        shown = ", ".join(f"{x!r} ({counts[x]})" for x in strange[:10])
        more = f" and {len(strange) - 10} more" if len(strange) > 10 else ""
        raise DataError(
            f"{where + ': ' if where else ''}labels that are no number from {low:g} to {high:g}, "
            f"and how many rows have each: {shown}{more}. The model predicts a number "
            "(`model: {range: …}`): name the column of the true numbers, or the range that holds "
            "them all."
        )
    return {label: (x - low) / (high - low) for label, x in found.items() if x is not None}


def _number(label: str) -> float | None:
    try:
        found = float(label)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def positive(
    named: str | None, classes: tuple[str, ...], where: str = "data.positive"
) -> int | None:
    """Index of the favourable class: the named one, or class 1 of a binary model.

    None where none is named, and of a model without classes. Raises `UnknownName`
    that begins with `where`.
    """
    if named is None or not classes:
        return 1 if len(classes) == 2 else None
    found = _name(named, classes, _folded(classes)) or by_number(named, classes)
    if found is None:
        raise UnknownName("class", named, classes, where)
    return classes.index(found)


def _folded(classes: tuple[str, ...]) -> dict[str, str]:
    """Class names by their case-folded form, where that is theirs alone."""
    forms = Counter(name.strip().casefold() for name in classes)
    return {
        name.strip().casefold(): name for name in classes if forms[name.strip().casefold()] == 1
    }


def _name(label: str, classes: tuple[str, ...], folded: Mapping[str, str]) -> str | None:
    return label if label in classes else folded.get(label.strip().casefold())


def by_number(label: str, classes: tuple[str, ...]) -> str | None:
    """The name whose number from 0 a label is; None where a name itself is a number."""
    if any(_WHOLE.match(name.strip()) for name in classes):
        return None
    word = label.strip().casefold()
    if word in _TRUTH and len(classes) == 2:
        return classes[_TRUTH[word]]
    if not _WHOLE.match(word) or int(float(word)) >= len(classes):
        return None
    return classes[int(float(word))]


def _complaint(
    counts: Mapping[str, int], named: Mapping[str, str | None], classes: tuple[str, ...], where: str
) -> str:
    unknown = sorted((label for label in counts if named[label] is None), key=lambda x: -counts[x])
    shown = ", ".join(f"{label!r} ({counts[label]})" for label in unknown[:10])
    more = f" and {len(unknown) - 10} more" if len(unknown) > 10 else ""
    near = {label: UnknownName("label", label, classes).near[:1] for label in unknown[:10]}
    hints = [f"{label!r} may be {found[0]!r}" for label, found in near.items() if found]
    hint = f" {'; '.join(hints)}." if hints else ""
    return (
        f"{where + ': ' if where else ''}labels that the model does not know, and how many rows "
        f"have each: {shown}{more}. Its classes: {', '.join(map(repr, classes))}.{hint} "
        "Write the labels as the class names or as their numbers from 0, or name the classes in "
        "the order of the logits: `model: {labels: […]}`."
    )
