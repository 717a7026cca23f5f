"""What a word is in its sentence, decided by the closed lists of a lexicon's grammar."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fmaudit.bias.lexicon import Grammar, Where
from fmaudit.bias.words import HYPHENS, key

NEXT = re.compile(rf"\s+[\"“‘']?(\w[\w'’{HYPHENS}]*)")
"""The next word, across white space and an opening quotation mark only."""

REACH = 64
"""How many characters before a word are looked at."""

_LISTED = re.compile(rf"(?:\s+|\s*[,/]\s*)(\w[\w'’{HYPHENS}]*)")
_PREVIOUS = re.compile(rf"(\w[\w'’{HYPHENS}]*)\s+$")


def quoted(before: str) -> bool:
    """Whether a single quotation mark was opened and is not closed yet."""
    opened, closed = re.findall(r"(?<!\w)['‘]\w", before), re.findall(r"[\w.,!?]['’](?!\w)", before)
    return len(opened) > len(closed)


def stands(text: str, match: re.Match[str], where: Where, grammar: Grammar) -> bool:
    """Whether a word stands in the position that a row is for."""
    if where == "":
        return True
    noun = _noun_follows(text, match, grammar)
    if where == "before_noun":
        return noun
    if where == "alone":
        return not noun
    return not noun and _article_before(text, match.start(), grammar)


def _noun_follows(text: str, match: re.Match[str], grammar: Grammar) -> bool:
    """Whether the words that follow begin with a noun (or what leads to one)."""
    found = NEXT.match(text, match.end())
    if found is None:
        return False
    word = key(found[1])
    after = NEXT.match(text, found.end())
    if word in grammar.not_a_noun or (after and f"{word} {key(after[1])}" in grammar.not_a_noun):
        return False
    return not (word in grammar.bare_verbs and _previous(text, match.start()) in grammar.causative)


def _article_before(text: str, start: int, grammar: Grammar) -> bool:
    """Whether an article stands before, with at most one word between ("a devout …")."""
    near = _PREVIOUS.search(text[max(0, start - REACH) : start])
    if near is None:
        return False
    far = _previous(text, start - len(near[0]))
    return key(near[1]) in grammar.articles or far in grammar.articles


def _previous(text: str, start: int) -> str:
    found = _PREVIOUS.search(text[max(0, start - REACH) : start])
    return key(found[1]) if found else ""


def listed_after(text: str, end: int) -> Iterator[re.Match[str]]:
    """The next four words, across white space, commas and slashes only."""
    for _ in range(4):
        match = _LISTED.match(text, end)
        if match is None:
            return
        yield match
        end = match.end()
