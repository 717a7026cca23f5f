"""What differs between two texts: the words that changed, and in them the characters.

Words are compared first; where a changed word is much like the one that it took the place of,
the characters inside are compared too. No grapheme is cut: a letter keeps its marks. Words of
scripts in which letters join are marked whole.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

FURTHEST = 500
"""Items lost and gained between two texts; where there are more, all from the first difference
to the last counts as changed."""

ALIKE = 0.5
"""Words that share so much of their characters are compared character by character."""

_WORDS = re.compile(r"\s+|[!-/:-@\[-`{-~]|[^\s!-/:-@\[-`{-~]+")
_VIRAMA = 9  # the combining class of the signs that stack the next letter on the one before
_JOINER = "\u200d"


@dataclass(frozen=True)
class Part:
    """A run of characters. `exact`: these are the ones that changed, or a whole changed word.

    `point`: the code point of a character that took the place of a plain letter ("U+0430"),
    which may look like it. `drawn`: the text is a picture of a character that cannot be seen.
    `left_out`: in place of a text, how many characters of it are not shown.
    """

    text: str
    exact: bool = False
    point: str = ""
    drawn: bool = False
    left_out: int = 0


@dataclass(frozen=True)
class Piece:
    """What stayed, or a changed word with what changed in it."""

    parts: tuple[Part, ...]
    changed: bool = False

    @property
    def text(self) -> str:
        """The piece as it stands in its text."""
        return "".join(part.text for part in self.parts)


Pieces = tuple[Piece, ...]


def changes(before: str, after: str) -> tuple[Pieces, Pieces]:
    """Both texts in pieces; the texts of the pieces join to each text as it is."""
    old, new = _tokens(before), _tokens(after)
    left: list[Piece] = []
    right: list[Piece] = []
    for same, was, now in _compared(old, new):
        if same:
            left.append(Piece((Part("".join(was)),)))
            right.append(Piece((Part("".join(now)),)))
            continue
        lost, gained = _inside("".join(was), "".join(now))
        left += [Piece(lost, changed=True)] if lost else []
        right += [Piece(gained, changed=True)] if gained else []
    return _merged(left), _merged(right)


def unchanged(text: str) -> Pieces:
    """A text with nothing to compare it with."""
    return (Piece((Part(text),)),) if text else ()


def _compared(
    old: Sequence[str], new: Sequence[str]
) -> Iterator[tuple[bool, Sequence[str], Sequence[str]]]:
    """Runs of both sequences in their order: whether they are the same, and what they hold."""
    start = _shared(old, new)
    end = _shared(old[start:][::-1], new[start:][::-1])
    a, b = old[start : len(old) - end], new[start : len(new) - end]
    if start:
        yield True, old[:start], new[:start]
    i = j = 0
    for to_i, to_j, length in (*_kept(a, b), (len(a), len(b), 0)):
        if i < to_i or j < to_j:
            yield False, a[i:to_i], b[j:to_j]
        i, j = to_i + length, to_j + length
        if length:
            yield True, a[to_i:i], b[to_j:j]
    if end:
        yield True, old[len(old) - end :], new[len(new) - end :]


def _kept(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int, int]]:
    """The runs that the shortest way from a to b keeps: where in both, and how long.

    Quick where little differs: Myers (1986), https://doi.org/10.1007/BF01840446.
    """
    reached = {1: 0}  # by diagonal i − j, the furthest i that so many steps lead to
    steps: list[dict[int, int]] = []
    for step in range(min(len(a) + len(b), FURTHEST) + 1):
        steps.append(reached.copy())
        for k in range(-step, step + 1, 2):
            down = k == -step or (k != step and reached[k - 1] < reached[k + 1])
            i = reached[k + 1] if down else reached[k - 1] + 1
            while i < len(a) and i - k < len(b) and a[i] == b[i - k]:
                i += 1
            reached[k] = i
            if i >= len(a) and i - k >= len(b):
                return _back(steps, len(a), len(b))
    return []


def _back(steps: Sequence[dict[int, int]], i: int, j: int) -> list[tuple[int, int, int]]:
    """The way to the end (i, j) from there back to the start: its runs of equal items."""
    found = []
    for step, reached in reversed(list(enumerate(steps))):
        k = i - j
        down = k == -step or (k != step and reached[k - 1] < reached[k + 1])
        before = reached[k + 1] if down else reached[k - 1]
        start = before if down else before + 1
        if i > start:
            found.append((start, start - k, i - start))
        i, j = before, before - (k + 1 if down else k - 1)
    return found[::-1]


def _shared(a: Sequence[str], b: Sequence[str]) -> int:
    """How many items both begin with."""
    return next(
        (k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )


def _inside(was: str, now: str) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """A changed run of words on both sides, compared by characters where the two are alike."""
    whole = tuple(_parts([(True, was, "")])), tuple(_parts([(True, now, "")]))
    if not was or not now or _joins(was) or _joins(now):
        return whole
    found = list(_compared(graphemes(was), graphemes(now)))
    kept = sum(len("".join(a)) for same, a, _ in found if same)
    if 2 * kept < ALIKE * (len(was) + len(now)):
        return whole
    lost = _parts((not same, "".join(a), "") for same, a, _ in found)
    gained = _parts(part for same, a, b in found for part in _gained(same, a, b))
    return tuple(lost), tuple(gained)


def _gained(same: bool, was: Sequence[str], now: Sequence[str]) -> Iterable[tuple[bool, str, str]]:
    """The new side of a run: one for one with the old where characters were replaced."""
    points = [_point(old, new) for old, new in zip(was, now, strict=False)]
    if same or len(was) != len(now) or not any(points):
        return [(not same, "".join(now), "")]
    return [(True, new, point) for new, point in zip(now, points, strict=True)]


def _point(old: str, new: str) -> str:
    """The code point of a letter beyond ASCII in the place of one of ASCII."""
    return f"U+{ord(new):04X}" if old.isascii() and len(new) == 1 and not new.isascii() else ""


def _parts(found: Iterable[tuple[bool, str, str]]) -> Iterator[Part]:
    return (Part(text, exact, point) for exact, text, point in found if text)


def _tokens(text: str) -> list[str]:
    """Words, runs of space, and marks of punctuation, none beginning inside a grapheme."""
    return _joined(_WORDS.findall(text))


def graphemes(text: str) -> list[str]:
    """The characters of a text as a reader counts them: letters with their marks, flags, emoji.

    >>> graphemes("ne\u0301e")
    ['n', 'é', 'e']
    """
    return list(text) if text.isascii() else _joined(text)


def _joined(items: Iterable[str]) -> list[str]:
    """The items, each that cannot stand alone joined to the one before it."""
    found: list[list[str]] = []
    for item in items:
        if found and _belongs(found[-1], item[0]):
            found[-1].append(item)
        else:
            found.append([item])
    return ["".join(run) for run in found]


def _belongs(before: Sequence[str], char: str) -> bool:
    """Whether a character is drawn as one with what stands before it."""
    if char.isascii():
        return False
    if unicodedata.category(char) in ("Mn", "Mc", "Me") or "\U0001f3fb" <= char <= "\U0001f3ff":
        return True  # a mark, or the skin of an emoji
    last = before[-1][-1]
    if _flag(char) and _flag(last):
        return len(before) % 2 == 1
    joined = last == _JOINER or unicodedata.combining(last) == _VIRAMA
    return joined or "\u1160" <= char <= "\u11ff" or (char == _JOINER and not last.isascii())


def _flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _joins(text: str) -> bool:
    """Whether letters join: right-to-left scripts, and those with signs that take a place."""
    return not text.isascii() and any(
        unicodedata.bidirectional(c) in ("R", "AL") or unicodedata.category(c) == "Mc" for c in text
    )


def _merged(pieces: Iterable[Piece]) -> Pieces:
    """The pieces with neighbours that both stayed made one."""
    found: list[Piece] = []
    for piece in pieces:
        if found and not piece.changed and not found[-1].changed:
            found[-1] = Piece((Part(found[-1].text + piece.text),))
        else:
            found.append(piece)
    return tuple(found)
