"""Texts in pieces, made ready to be read: cut where they are long, nothing in them hidden."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import msgspec

from fmaudit.reporting.exhibits.changes import Part, Piece, Pieces
from fmaudit.reporting.words import visible
from fmaudit.types import Pair

LONG = 500
"""Characters; longer texts fold."""

AROUND = 60
"""Characters that stay on both sides of a change in a folded text."""

CHANGED = 12
"""Changes that are shown of a folded text."""

WHOLE = 5000
"""Characters that are shown of an unfolded text; the evidence holds the rest."""

SPACES = {" ": "␣", "\n": "↵", "\t": "⇥"}
"""How a space is drawn that was put in or taken out."""


@dataclass(frozen=True)
class Text:
    """A text to show. `brief`: what of it is seen before it is unfolded; () where it is short."""

    whole: Pieces
    brief: Pieces = ()


def parts_of(shown: str) -> tuple[str, ...]:
    """The texts of an input as evidence shows it: one, or the two of a pair."""
    if shown.startswith("{"):
        try:
            pair = msgspec.json.decode(shown, type=Pair)
        except msgspec.MsgspecError:
            return (shown,)
        return (pair.first, pair.second)
    return (shown,)


def folded(pieces: Pieces) -> Text:
    """The pieces of a text, drawn; folded around its changes where it is long."""
    length = sum(len(piece.text) for piece in pieces)
    if length <= LONG:
        return Text(drawn(pieces))
    return Text(drawn(cut(pieces, WHOLE)), drawn(brief(pieces)))


def cut(pieces: Iterable[Piece], most: int) -> Pieces:
    """The beginning of a text, `most` characters, and how many more there are."""
    found: list[Piece] = []
    more = 0
    for piece in pieces:
        parts = []
        for part in piece.parts:
            kept = _beginning(part.text, most)
            parts += [replace(part, text=kept)] if kept else []
            most, more = most - len(kept), more + len(part.text) - len(kept)
            most = 0 if more else most
        found += [replace(piece, parts=tuple(parts))] if parts else []
    return (*found, _left_out(more)) if more else tuple(found)


def brief(pieces: Sequence[Piece]) -> Pieces:
    """The first changes of a text with what stands around them."""
    shown: list[Piece] = []
    for at, piece in enumerate(pieces):
        if sum(one.changed for one in shown) == CHANGED and piece.changed:
            rest = sum(len(one.text) for one in pieces[at:])
            return (*shown, _left_out(rest))
        if piece.changed:
            parts = tuple(short for part in piece.parts for short in shortened(part))
            shown.append(replace(piece, parts=parts))
        else:
            shown += _between(piece.text, first=at == 0, last=at == len(pieces) - 1)
    return tuple(shown)


def drawn(pieces: Iterable[Piece]) -> Pieces:
    """The pieces with every character that cannot be seen as a part of its own, drawn."""
    return tuple(
        replace(piece, parts=tuple(run for part in piece.parts for run in _runs(part)))
        for piece in pieces
    )


def _runs(part: Part) -> Iterator[Part]:
    if part.left_out or (part.text.isascii() and part.text.isprintable() and not part.exact):
        yield part
        return
    for hidden, run in groupby(part.text, lambda char: _picture(char, part.exact) != char):
        text = "".join(run)
        if hidden:
            yield Part("".join(_picture(char, part.exact) for char in text), part.exact, drawn=True)
        else:
            yield replace(part, text=text)


def _picture(char: str, exact: bool) -> str:
    """A character as it is shown; of spaces only those that are the change are drawn."""
    if exact and char.isspace():
        return SPACES.get(char, f"⟨U+{ord(char):04X}⟩")
    return str(visible(char))


def _between(text: str, *, first: bool, last: bool) -> Iterator[Piece]:
    """What of an unchanged text stays: its end before a change, its beginning after one."""
    head = (0 if first else AROUND) or (2 * AROUND if last else 0)
    tail = 0 if last else AROUND
    if len(text) <= head + tail + AROUND:
        yield Piece((Part(text),))
        return
    start, end = _beginning(text, head), _ending(text, tail)
    if start:
        yield Piece((Part(start),))
    yield _left_out(len(text) - len(start) - len(end))
    if end:
        yield Piece((Part(end),))


def shortened(part: Part) -> Iterator[Part]:
    """A part of a word; a long one without its middle."""
    if len(part.text) <= 3 * AROUND:
        yield part
        return
    start, end = _beginning(part.text, AROUND), _ending(part.text, AROUND)
    yield replace(part, text=start)
    yield Part("", left_out=len(part.text) - len(start) - len(end))
    yield replace(part, text=end)


def _left_out(count: int) -> Piece:
    return Piece((Part("", left_out=count),))


def _beginning(text: str, most: int) -> str:
    """At most so many characters, up to the end of a word where one ends near by."""
    if len(text) <= most:
        return text
    space = text.rfind(" ", max(0, most - AROUND // 2), most + 1)
    return text[:most] if space < 0 else text[:space]


def _ending(text: str, most: int) -> str:
    return _beginning(text[::-1], most)[::-1]
