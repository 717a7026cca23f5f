"""The lists of character noise as typed content: what `datasets/character_noise/*.yaml` holds.

A person without Python writes them, so reading them checks them: the message names the list, the
entry and what is wrong with it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from msgspec import Struct

Table = Mapping[str, tuple[str, ...]]
"""What may stand in the place of what."""


class Noise(Struct, frozen=True, forbid_unknown_fields=True):
    """The lists of one language.

    `keyboard`: letter → the letters of the keys beside it. `ocr`: characters → what a scanner
    reads in their place. `homoglyph`: letter → letters that look the same. `invisible`:
    characters without a glyph. `leave_alone`: words that are not edited. `never_make`: words
    that no edit turns another into.
    """

    language: str
    keyboard: Table
    ocr: Table
    homoglyph: Table
    invisible: tuple[str, ...]
    leave_alone: tuple[str, ...] = ()
    never_make: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check what types cannot. Raises ValueError that names the list and the entry."""
        for name, table in self.tables.items():
            for found, options in table.items():
                _check_entry(name, found, options)
        for character in self.invisible:
            if len(character) != 1 or unicodedata.category(character) != "Cf":
                raise ValueError(f"invisible: {_shown(character)} is not one format character")
        for word in (*self.leave_alone, *self.never_make):
            if not word.isalpha() or word != word.lower():
                raise ValueError(f"leave_alone, never_make: {word!r} is not one word in lower case")

    @property
    def tables(self) -> Mapping[str, Table]:
        """The lists that replace one thing by another, by name."""
        return {"keyboard": self.keyboard, "ocr": self.ocr, "homoglyph": self.homoglyph}


def _check_entry(name: str, found: str, options: tuple[str, ...]) -> None:
    if not found.isalpha():
        raise ValueError(
            f"{name}: {_shown(found)} holds what is no letter; only letters are edited"
        )
    if name != "ocr" and (len(found) > 1 or any(len(option) != 1 for option in options)):
        raise ValueError(f"{name}: {_shown(found)}: one letter for one letter")
    if name == "keyboard" and found != found.lower():
        raise ValueError(f"{name}: {_shown(found)}: write the key in lower case")
    if not options or "" in options or found in options:
        raise ValueError(f"{name}: {_shown(found)} needs other characters to become, not itself")


def _shown(text: str) -> str:
    """Characters as they are and by their code points, so that look-alikes can be told apart."""
    return f"{text!r} ({' '.join(f'U+{ord(c):04X}' for c in text)})"
