"""Whole words in a text, and their exchange: the text around a changed word stays byte for byte.

A word is whole where no letter, digit or combining mark touches it and no hyphen joins it to
one: "man" is not found in "human", "man-made" or "mañana". Texts may be composed or
decomposed Unicode; words are compared in their composed form (NFC) and written back in the
form of the word they replace.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from msgspec import Struct

from fmaudit.bias.lexicon import Grammar, nfc
from fmaudit.types import Input, Pair

Parts = tuple[str, ...]
"""An input as its texts: one, or the two of a pair."""

MARKS = "\u00ad\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u200c\u200d\u20d0-\u20ff\ufe20-\ufe2f"
HYPHENS = "\\-\u2010\u2011"
_ADDRESS = r"https?://\S+|www\.\S+|(?<!\S)\S+@\S+\.\S+|[@#]\w+"
_ARTICLE = re.compile(r"(?<![\w'’\-])(an?)\s+[\"“'‘]?$", re.IGNORECASE)


class Edit(Struct, frozen=True):
    """One change: `old` at [start, end) of a part becomes `new`.

    `agrees`: an article that follows its word ("a white" → "an Asian"); it is no change of
    its own and is not counted as a word.
    """

    part: int
    start: int
    end: int
    old: str
    new: str
    agrees: bool = False


def parts_of(given: Input) -> Parts:
    """The texts of an input."""
    return (given.first, given.second) if isinstance(given, Pair) else (given,)


def input_of(parts: Parts) -> Input:
    """The input of these texts: `input_of(parts_of(x)) == x`."""
    return Pair(*parts) if len(parts) == 2 else parts[0]


def apply(parts: Parts, edits: Iterable[Edit]) -> Parts:
    """The texts with all edits made; edits do not overlap."""
    changed = list(parts)
    for edit in sorted(edits, key=lambda e: (e.part, e.start), reverse=True):
        text = changed[edit.part]
        changed[edit.part] = text[: edit.start] + edit.new + text[edit.end :]
    return tuple(changed)


def key(word: str) -> str:
    """The form in which words are compared: composed, one space, straight ', case-folded."""
    return " ".join(nfc(word).replace("’", "'").split()).casefold()


def pattern(words: Iterable[str], *, whole: bool = True) -> re.Pattern[str]:
    """Finds these words whole (or anywhere, where it is not asked), in any case, longest first."""
    either = f"(?i:{_either(word.lower() for word in words)})"
    return _compile(either) if whole else re.compile(either)


def protected_pattern(phrases: Sequence[str], *, whole: bool = True) -> re.Pattern[str]:
    """Finds what is left alone: listed phrases, addresses, @names and #tags.

    A phrase written with a capital counts in that case only ("Will"), another in any case. They
    stand whole, or anywhere where that is not asked.
    """
    exact = [p for p in phrases if p != p.lower()]
    loose = [p for p in phrases if p == p.lower()]
    wanted = [_either(exact)] * bool(exact) + [f"(?i:{_either(loose)})"] * bool(loose)
    either = "|".join(wanted)
    listed = _compile(either).pattern if whole else either
    return re.compile(f"{_ADDRESS}|{listed}" if wanted else _ADDRESS)


def spans(wanted: re.Pattern[str], text: str) -> list[tuple[int, int]]:
    """Where a pattern matches."""
    return [match.span() for match in wanted.finditer(text)]


def overlaps(start: int, end: int, taken: Iterable[tuple[int, int]]) -> bool:
    """Whether [start, end) shares a character with one of `taken`."""
    return any(start < right and left < end for left, right in taken)


def recase(found: str, listed: str, target: str) -> str:
    """`target` in the case (and the Unicode form) in which `found` stands in the text.

    UPPER stays upper, Title stays title, lower stays lower; a target that the list writes
    with a capital keeps it, save where the text writes a word of that kind in lower case.

    >>> recase("Husband", "husband", "wife"), recase("white", "white", "Asian")
    ('Wife', 'Asian')
    """
    letters = [c for c in found if c.isalpha()]
    if len(letters) > 1 and all(c.isupper() for c in letters):
        target = target.upper()
    elif found[:1].isupper():
        target = target[:1].upper() + target[1:]
    elif listed[:1].isupper():
        target = target.lower()
    composed = found == nfc(found)
    return target if composed else unicodedata.normalize("NFD", target)


def with_articles(parts: Parts, edits: Sequence[Edit], grammar: Grammar) -> tuple[Edit, ...]:
    """The edits, and those of the articles before them: "a white man" → "an Asian man".

    An article that did not agree with the old word is left as it is.
    """
    following = (_article(parts, edit, grammar) for edit in edits)
    return (*edits, *(edit for edit in following if edit is not None))


def _article(parts: Parts, edit: Edit, grammar: Grammar) -> Edit | None:
    offset = max(0, edit.start - 16)
    match = _ARTICLE.search(parts[edit.part][offset : edit.start])
    if match is None:
        return None
    old = match[1]
    wanted = _article_for(edit.new, grammar)
    if old.lower() != _article_for(edit.old, grammar) or old.lower() == wanted:
        return None
    loud = old[0].isupper() and edit.old.isupper() and len(edit.old) > 1
    new = wanted.upper() if loud else old[0] + wanted[1:]
    start = offset + match.start(1)
    return Edit(edit.part, start, start + len(old), old, new, agrees=True)


def _article_for(word: str, grammar: Grammar) -> str:
    low = key(word)
    if low.startswith(tuple(w.casefold() for w in grammar.an_before)):
        return "an"
    if low.startswith(tuple(w.casefold() for w in grammar.a_before)):
        return "a"
    return "an" if low[:1] in "aeiou" else "a"


def _compile(wanted: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?<![\w{MARKS}])(?<!\w[{HYPHENS}'’])(?:{wanted})(?![\w{MARKS}])(?![{HYPHENS}]\w)"
    )


def _either(words: Iterable[str]) -> str:
    """Any of the words, the longest first; by first letter, so that few are tried in vain."""
    forms = {form for w in words for form in (nfc(w), unicodedata.normalize("NFD", w))}
    ends: dict[str, list[str]] = {}
    for form in sorted(forms, key=lambda f: (-len(f), f)):
        ends.setdefault(form[0], []).append(_loosely(form[1:]))
    return "|".join(f"{re.escape(first)}(?:{'|'.join(rest)})" for first, rest in ends.items())


def _loosely(form: str) -> str:
    """The form as a pattern: any white space for a space, either apostrophe."""
    return re.escape(form).replace(r"\ ", r"\s+").replace("'", "['’]")
