"""Where words begin and end, in any script, and what stands between two texts that are joined.

A word is a run of characters that are no space. In scripts that are written without spaces each
character is one, with what belongs to it: combining marks, zero-width joiners, stacked letters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

SCRIPTS = "CJK HIRAGANA KATAKANA HALFWIDTH BOPOMOFO YI THAI LAO KHMER MYANMAR TIBETAN JAVANESE"
UNSPACED = tuple(f"{script} " for script in SCRIPTS.split())
"""How the Unicode names of characters begin in scripts that set no space between words."""
VIRAMA = 9
"""The combining class of the signs that stack the next letter on the one before."""
JOINER = "\u200d"


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the words of a text begin and end.

    >>> [text[a:b] for text in ("It is 手机, no?",) for a, b in spans(text)]
    ['It', 'is', '手', '机', ',', 'no?']
    """
    start: int | None = None
    base = ""  # the last character that no mark is
    for at, char in enumerate(text):
        if char.isspace():
            if start is not None:
                yield start, at
            start, base = None, ""
        elif start is None:
            start, base = at, char
        elif not _extends(char):
            joined = text[at - 1] == JOINER or unicodedata.combining(text[at - 1]) == VIRAMA
            if not joined and (unspaced(char) or unspaced(base)):
                yield start, at
                start = at
            base = char
    if start is not None:
        yield start, len(text)


def between(before: str, after: str) -> str:
    """The space that parts two texts, or nothing where one stands there or none belongs.

    None belongs beside characters of scripts without spaces and beside their wide punctuation.

    >>> between("The sky is", "blue"), between("The sky is ", "blue"), between("天是", "蓝的")
    (' ', '', '')
    """
    if not before or not after or before[-1].isspace() or after[0].isspace():
        return ""
    return "" if _close(before[-1]) or _close(after[0]) else " "


def unspaced(char: str) -> bool:
    """Whether a character is of a script that sets no space between words."""
    return char > "\u0e00" and unicodedata.name(char, "").startswith(UNSPACED)


def _extends(char: str) -> bool:
    """Belongs to the character before it: a mark, or a sign without width."""
    return unicodedata.category(char) in ("Mn", "Mc", "Me", "Cf")


def _close(char: str) -> bool:
    """Stands without a space beside its neighbours."""
    wide = unicodedata.east_asian_width(char)
    punctuation = unicodedata.category(char).startswith("P")
    return unspaced(char) or wide == "F" or (wide == "W" and punctuation)
