"""Small errors in a text: as a hand, a scanner or an encoding makes them.

An edit replaces one or a few characters inside a word. Which one is drawn from a generator that
the caller keys, so that the same item is edited in the same way wherever it stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
from msgspec import Struct

from fmaudit.robustness.noise import Noise, Table
from fmaudit.robustness.places import Parts, Place

Kind = Literal["keyboard", "ocr", "casing", "homoglyph", "invisible"]

Change = tuple[int, str]
"""How many characters are replaced, and by what."""


class Edit(Struct, frozen=True):
    """One change: [start, end) of a part becomes `new`."""

    part: int
    start: int
    end: int
    new: str


def edits(
    kind: Kind,
    noise: Noise,
    places: Sequence[Place],
    wanted: int,
    shortest: int,
    rng: np.random.Generator,
) -> list[Edit]:
    """At most `wanted` edits of one kind, in places drawn at random; none touches another.

    A word gets one edit for each `shortest` letters that it has, and is turned into none of the
    listed words. Fewer come back where the places are too few, none where no place takes one.
    """
    change, made = CHANGES[kind], list[Edit]()
    listed = frozenset((*noise.leave_alone, *noise.never_make))
    taken: set[tuple[int, int]] = set()
    spent: Counter[tuple[int, int]] = Counter()
    for at in rng.permutation(len(places)).tolist():
        if len(made) == wanted:
            break
        word, offset = places[at].word, places[at].at
        if spent[word.part, word.start] * shortest + shortest > len(word.text):
            continue
        found = change(word.text, offset, noise, rng)
        if found is None:
            continue
        length, new = found
        start = word.start + offset
        span = {(word.part, k) for k in range(start - 1, start + length + 1)}
        result = word.text[:offset] + new + word.text[offset + length :]
        split = length > 0 and not word.text[offset + length].isalpha()
        other = result.casefold() != word.text.casefold() and result.casefold() in listed
        if split or other or span & taken:
            continue
        taken |= span
        spent[word.part, word.start] += 1
        made.append(Edit(word.part, start, start + length, new))
    return made


def apply(parts: Parts, made: Iterable[Edit]) -> Parts:
    """The texts with all edits made."""
    changed = list(parts)
    for edit in sorted(made, key=lambda e: (e.part, e.start), reverse=True):
        text = changed[edit.part]
        changed[edit.part] = text[: edit.start] + edit.new + text[edit.end :]
    return tuple(changed)


# ── the kinds: what to put at a letter inside a word, or None ────────────────────────────


def _keyboard(word: str, at: int, noise: Noise, rng: np.random.Generator) -> Change | None:
    """A neighbouring key, two letters exchanged, a letter doubled, a letter left out."""
    here, after = word[at], word[at + 1]
    if here.lower() not in noise.keyboard:
        return None
    slips: list[Change] = [(1, here * 2), (1, "")]
    beside = _pick(noise.keyboard[here.lower()], rng)
    slips.append((1, beside.upper() if here.isupper() else beside))
    if at + 2 < len(word) and after != here and after.lower() in noise.keyboard:
        slips.append((2, after + here))
    return slips[int(rng.integers(len(slips)))]


def _ocr(word: str, at: int, noise: Noise, rng: np.random.Generator) -> Change | None:
    """What a scanner takes the letters for; the longest match decides."""
    longest = max(map(len, noise.ocr), default=0)
    for length in range(min(longest, len(word) - 1 - at), 0, -1):
        if options := noise.ocr.get(word[at : at + length]):
            return length, _pick(options, rng)
    return None


def _casing(word: str, at: int, noise: Noise, rng: np.random.Generator) -> Change | None:
    """The letter in the other case, where it has one that leads back."""
    del noise, rng
    other = word[at].swapcase()
    same = other == word[at] or len(other) != 1 or other.swapcase() != word[at]
    return None if same else (1, other)


def _homoglyph(word: str, at: int, noise: Noise, rng: np.random.Generator) -> Change | None:
    """A letter that looks the same."""
    return _from(noise.homoglyph, word[at], rng)


def _invisible(word: str, at: int, noise: Noise, rng: np.random.Generator) -> Change | None:
    """A character that cannot be seen, before the letter."""
    return (0, _pick(noise.invisible, rng)) if noise.invisible else None


def _from(table: Table, letter: str, rng: np.random.Generator) -> Change | None:
    options = table.get(letter)
    return (1, _pick(options, rng)) if options else None


def _pick(options: Sequence[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


CHANGES: Mapping[Kind, Callable[[str, int, Noise, np.random.Generator], Change | None]] = {
    "keyboard": _keyboard,
    "ocr": _ocr,
    "casing": _casing,
    "homoglyph": _homoglyph,
    "invisible": _invisible,
}
