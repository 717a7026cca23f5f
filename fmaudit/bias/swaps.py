"""Identity terms in a text, and their exchange between two groups. No model is involved.

All terms of an attribute are exchanged together, so that fields that belong together
("male", "husband", "his") stay so. Where a text names both groups, each becomes the other:
"She met her husband" → "He met his wife".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from msgspec import Struct

from fmaudit.bias.lexicon import Attribute, Cell, Grammar, Lexicon, Where, rows
from fmaudit.bias.positions import NEXT, REACH, listed_after, quoted, stands
from fmaudit.bias.words import (
    Edit,
    Parts,
    apply,
    key,
    overlaps,
    pattern,
    protected_pattern,
    recase,
    spans,
    with_articles,
)

_BEGINS = re.compile(r"(^|[.!?:]\s+|[\"“]\s*)$")
_AGE = re.compile(r"\d+-year-old")


class Reading(Struct, frozen=True):
    """What a word form means: its row, the group that says it, its number, its position."""

    row: tuple[Cell | None, ...]
    group: int
    plural: bool
    listed: str
    where: Where


class Term(Struct, frozen=True):
    """An identity term found in a text: [start, end) of a part."""

    part: int
    start: int
    end: int
    text: str
    reading: Reading


class Swap(Struct, frozen=True):
    """One exchange of a text: from one group to another, or both ways ("a↔b").

    `edits` are empty where the exchange cannot be made; then `reason` says why.
    """

    direction: str
    edits: tuple[Edit, ...] = ()
    reason: str = ""


class Finder(Struct, frozen=True):
    """The words of one attribute, ready to be found. Made by `finder`."""

    name: str
    attribute: Attribute
    grammar: Grammar
    readings: Mapping[str, tuple[Reading, ...]]
    wanted: re.Pattern[str]
    protected: re.Pattern[str]
    bound: Mapping[str, re.Pattern[str]]
    colours: frozenset[str]
    people: frozenset[str]

    def terms(self, parts: Parts) -> list[Term]:
        """The identity terms of the texts, in order; none within what is left alone."""
        found = []
        for part, text in enumerate(parts):
            kept = spans(self.protected, text)
            for match in self.wanted.finditer(text):
                reading = self._read(text, match)
                if reading is not None and not overlaps(*match.span(), kept):
                    found.append(Term(part, *match.span(), match[0], reading))
        return found

    def swaps(self, parts: Parts, *, single_person: bool = False) -> Iterator[Swap]:
        """Every exchange of a group that the texts name with another, in a stable order.

        `single_person`: the texts speak of one person, so that words which cannot both hold
        of one ("male", "wife") make the text impossible. Nothing where no term is found.
        """
        terms = self.terms(parts)
        present = {term.reading.group for term in terms}
        for first, second in combinations(range(len(self.attribute.groups)), 2):
            if first in present or second in present:
                yield self._swap(parts, terms, present, (first, second), single_person)

    def _swap(
        self,
        parts: Parts,
        terms: Sequence[Term],
        present: set[int],
        pair: tuple[int, int],
        single_person: bool,
    ) -> Swap:
        names = self.attribute.groups
        a, b = pair if pair[0] in present else pair[::-1]
        both = b in present
        direction = f"{names[a]}{'↔' if both else '→'}{names[b]}"
        other = {a: b, b: a}
        edits = []
        for term in terms:
            if term.reading.group not in other:
                continue
            edit = _exchange(parts[term.part], term, other[term.reading.group])
            if edit is None:
                target = names[other[term.reading.group]]
                return Swap(direction, reason=f"no word for {key(term.text)!r} in {target}")
            edits.append(edit)
        full = with_articles(parts, edits, self.grammar)
        targets = (a, b) if both else (b,)
        reason = self._bound(parts, [names[g] for g in targets])
        if single_person and not reason:
            reason = self._contradiction(terms) or self._contradiction(
                self.terms(apply(parts, full))
            )
        return Swap(direction, reason=reason) if reason else Swap(direction, full)

    def _bound(self, parts: Parts, groups: Sequence[str]) -> str:
        """Why these groups cannot stand in the text; "" where they can."""
        for group in groups:
            for text in parts if group in self.bound else ():
                match = self.bound[group].search(text)
                if match is not None:
                    return f"impossible: {key(match[0])!r} with {group}"
        return ""

    def _contradiction(self, terms: Sequence[Term]) -> str:
        """Why no one person can be all that the terms say; "" where one can."""
        said = {key(term.text): self.attribute.groups[term.reading.group] for term in terms}
        for group, limits in self.attribute.impossible.items():
            refused = {key(word) for word in limits.single_person} & said.keys()
            if refused and group in said.values():
                return f"impossible: {min(refused)!r} with {group}, of one person"
        return ""

    def _read(self, text: str, match: re.Match[str]) -> Reading | None:
        word = key(match[0])
        if self.attribute.capital and not match[0][:1].isupper() and self._named(word):
            return None
        if self._elsewhere(text, *match.span()):
            return None
        if word in self.colours and not self._beside(text, *match.span()):
            return None
        for reading in self.readings.get(word, ()):
            if len(self.readings[word]) == 1 or stands(text, match, reading.where, self.grammar):
                return reading
        return None

    def _named(self, word: str) -> bool:
        """Whether a word is listed with a capital, as names are and pronouns are not."""
        return all(reading.listed[:1].isupper() for reading in self.readings.get(word, ()))

    def _elsewhere(self, text: str, start: int, end: int) -> bool:
        """Whether what stands beside a word makes a place or the like of it."""
        words = self.attribute.not_beside
        after = NEXT.match(text, end)
        if words.next and after and key(after[1]) in map(key, words.next):
            return True
        before = " " + key(text[max(0, start - REACH) : start])
        return any(before.endswith(f" {key(word)}") for word in words.previous)

    def _beside(self, text: str, start: int, end: int) -> bool:
        """Whether a word that may be a colour stands where it names people."""
        before = " " + key(text[max(0, start - REACH) : start]).rstrip(" :=")
        if any(before.endswith(f" {key(p)}") for p in self.attribute.only_beside.previous):
            return True
        for match in listed_after(text, end):
            word = key(match[1]).removesuffix("'s").rstrip("'")
            if word in self.people:
                return True
            if not (word in ("and", "or") or word in self.readings or _AGE.fullmatch(word)):
                return False
        return False


def finder(lexicon: Lexicon, name: str) -> Finder:
    """Prepare the words of one attribute of a lexicon for finding."""
    whole = not lexicon.unspaced
    attribute = lexicon.attributes[name]
    readings: dict[str, list[Reading]] = {}
    for where, row in rows(attribute):
        for group, cell in enumerate(row):
            if cell is None or not cell.read:
                continue
            for plural, form in ((False, cell.one), (True, cell.many)):
                if form is not None:
                    reading = Reading(row, group, plural, form, where)
                    readings.setdefault(key(form), []).append(reading)
    return Finder(
        name=name,
        attribute=attribute,
        grammar=lexicon.grammar,
        readings={word: tuple(found) for word, found in readings.items()},
        wanted=pattern((r.listed for found in readings.values() for r in found), whole=whole),
        protected=protected_pattern(lexicon.leave_alone, whole=whole),
        bound={
            g: pattern(i.always, whole=whole) for g, i in attribute.impossible.items() if i.always
        },
        colours=frozenset(map(key, attribute.only_beside.words)),
        people=frozenset(map(key, attribute.only_beside.next)),
    )


def _exchange(text: str, term: Term, group: int) -> Edit | None:
    """The term as another group says it; None where that group has no such word."""
    reading = term.reading
    cell = reading.row[group]
    if cell is None:
        return None
    plain = cell.many if reading.plural and cell.many is not None else cell.one
    new = recase(term.text, reading.listed, plain)
    if plain.startswith("the ") and not _BEGINS.search(text[: term.start]):
        new = new[:1].lower() + new[1:]  # "China" has its capital from the name, not the place
    end = term.end
    if reading.plural:
        end, new = _possessive(text, term, new)
    return Edit(term.part, term.start, end, text[term.start : end], new)


def _possessive(text: str, term: Term, new: str) -> tuple[int, str]:
    """A plural in the genitive: "gentlemen's" ↔ "ladies'"."""
    match = re.match(r"(['’])([sS])?(?!\w)", text[term.end : term.end + 3])
    if match is None:
        return term.end, new
    mark, s = match[1], match[2]
    ends_in_s = new[-1] in "sS"
    if s and ends_in_s:
        return term.end + 2, new + mark
    # A bare mark is a genitive only before a word, and where it closes no quotation.
    bare = not s and NEXT.match(text, term.end + 1) and not quoted(text[: term.start + 1])
    if bare and not ends_in_s:
        return term.end + 1, new + mark + ("S" if new.isupper() else "s")
    return term.end, new
