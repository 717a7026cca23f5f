"""The word list of identity terms as typed content: what `datasets/identity_terms/*.yaml` holds.

A lexicon is data that a person without Python writes, so reading it checks it: the message
names the attribute, the row and the word. How a row is written stands in the file itself.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec import Struct, field, structs

Where = Literal["", "before_noun", "alone", "after_article"]
"""The position in which a word is read by a row; "" is every position."""


class Positioned(Struct, frozen=True, forbid_unknown_fields=True):
    """A row for words that mean different things in different positions ("her", "his")."""

    words: tuple[str | None, ...]
    where: Where


class Impossible(Struct, frozen=True, forbid_unknown_fields=True):
    """Words that cannot stand with a group: `always`, or in a text about `single_person` only."""

    always: tuple[str, ...] = ()
    single_person: tuple[str, ...] = ()


class Beside(Struct, frozen=True, forbid_unknown_fields=True):
    """Everyday words (colours) that name a group only beside certain others.

    One of `words` counts where one of `next` follows, or one of `previous` stands before.
    """

    words: tuple[str, ...] = ()
    next: tuple[str, ...] = ()
    previous: tuple[str, ...] = ()


class NotBeside(Struct, frozen=True, forbid_unknown_fields=True):
    """Words that make a name of what stands beside them: "James Street", "St. James"."""

    next: tuple[str, ...] = ()
    previous: tuple[str, ...] = ()


class Attribute(Struct, frozen=True, forbid_unknown_fields=True):
    """The words of one attribute: a row a word, a cell a group, in the order of `groups`.

    `capital`: its words are read with a capital only, as names are.
    """

    groups: tuple[str, ...]
    words: tuple[tuple[str | None, ...], ...]
    by_position: tuple[Positioned, ...] = ()
    only_beside: Beside = Beside()
    impossible: Mapping[str, Impossible] = field(default_factory=dict)
    not_beside: NotBeside = NotBeside()
    capital: bool = False


class Grammar(Struct, frozen=True, forbid_unknown_fields=True):
    """Closed lists that decide what a word is in its sentence.

    `not_a_noun`: words before which "her" is "him" and "his" is "hers". `causative`: verbs
    ("let", "saw") after which "her" and one of `bare_verbs` is "him". `articles`: words that
    make what follows a noun. `an_before`, `a_before`: beginnings of words whose first sound
    is not their first letter's.
    """

    not_a_noun: tuple[str, ...] = ()
    causative: tuple[str, ...] = ()
    bare_verbs: tuple[str, ...] = ()
    articles: tuple[str, ...] = ("a", "an")
    an_before: tuple[str, ...] = ()
    a_before: tuple[str, ...] = ()


class Cell(Struct, frozen=True):
    """One word of one group: its singular, its plural if it has one, and whether it is read."""

    one: str
    many: str | None
    read: bool


class Lexicon(Struct, frozen=True, forbid_unknown_fields=True):
    """Identity terms by attribute, what is left alone, and the neutral words of the control.

    `unspaced`: the language has no spaces, and words are found anywhere, the longest first.
    """

    language: str
    attributes: Mapping[str, Attribute]
    neutral: tuple[tuple[str, ...], ...] = ()
    leave_alone: tuple[str, ...] = ()
    grammar: Grammar = Grammar()
    unspaced: bool = False

    def __post_init__(self) -> None:
        """Check what types cannot. Raises ValueError that names attribute, row and word."""
        for name, attribute in self.attributes.items():
            _check_attribute(name, attribute)
        _check_neutral(self)


def joined(lexicon: Lexicon, beside: Lexicon | None) -> Lexicon:
    """The lexicon with the neutral words, the grammar and what is left alone of another beside.

    What the other leaves alone is read where it is a word of the first's own. Raises `ValueError`
    where a neutral word is an identity term of the first.
    """
    if beside is None:
        return lexicon
    own = _forms(lexicon)
    lent = (p for p in beside.leave_alone if not any(p.casefold() in form for form in own))
    return structs.replace(
        lexicon,
        neutral=(*lexicon.neutral, *beside.neutral),
        leave_alone=(*lexicon.leave_alone, *lent),
        grammar=beside.grammar if lexicon.grammar == Grammar() else lexicon.grammar,
    )


def cell(text: str) -> Cell:
    """Read one cell: "man/men" has a plural; one in brackets is written but never read.

    >>> cell("(man/men)")
    Cell(one='man', many='men', read=False)
    """
    read = not (text.startswith("(") and text.endswith(")"))
    one, _, many = (text if read else text[1:-1]).partition("/")
    one, many = nfc(one.strip()), nfc(many.strip())
    return Cell(one, many or None, read)


def rows(attribute: Attribute) -> Iterator[tuple[Where, tuple[Cell | None, ...]]]:
    """Every row of an attribute as cells, those that depend on position first."""
    for row in attribute.by_position:
        yield row.where, _cells(row.words)
    for words in attribute.words:
        yield "", _cells(words)


def nfc(text: str) -> str:
    """The composed Unicode form, in which all words are compared."""
    return unicodedata.normalize("NFC", text)


def _cells(words: tuple[str | None, ...]) -> tuple[Cell | None, ...]:
    return tuple(None if word is None else cell(word) for word in words)


def _check_attribute(name: str, attribute: Attribute) -> None:
    place = f"attribute {name!r}"
    if len(attribute.groups) < 2 or len(set(attribute.groups)) != len(attribute.groups):
        raise ValueError(f"{place}: `groups` needs at least two different names")
    for group in attribute.impossible:
        if group not in attribute.groups:
            known = ", ".join(attribute.groups)
            raise ValueError(f"{place}: `impossible` names {group!r}; its groups are {known}")
    readers: dict[str, list[tuple[int, Where]]] = {}
    for where, row in rows(attribute):
        shown = [c.one if c else "~" for c in row]
        if len(row) != len(attribute.groups):
            raise ValueError(
                f"{place}: the row {shown} has {len(row)} cells and there are "
                f"{len(attribute.groups)} groups; write ~ where a group has no such word"
            )
        _check_row(f"{place}: the row {shown}", row)
        for number, found in enumerate(row):
            if found is not None and found.read:
                _claim(place, readers, found, number, where)


def _check_row(place: str, row: tuple[Cell | None, ...]) -> None:
    written = [c for c in row if c is not None]
    if any(not c.one for c in written):
        raise ValueError(f"{place} has an empty cell; write ~ where a group has no such word")
    if not any(c.read for c in written):
        raise ValueError(f"{place} is never read: every cell is in brackets")
    if len({c.many is None for c in written}) > 1:
        raise ValueError(f"{place} gives a plural for some groups only; give one for each")


def _claim(
    place: str, readers: dict[str, list[tuple[int, Where]]], found: Cell, group: int, where: Where
) -> None:
    """One word is read for one group, and by several rows only in different positions."""
    for form in {found.one.casefold(), (found.many or found.one).casefold()}:
        others = readers.setdefault(form, [])
        if any(other != group or at == where for other, at in others):
            raise ValueError(
                f"{place}: {form!r} is read twice; put it in brackets where it is only written"
            )
        others.append((group, where))


def _forms(lexicon: Lexicon) -> set[str]:
    """Every form of every identity term, read or written."""
    return {
        form.casefold()
        for attribute in lexicon.attributes.values()
        for _, row in rows(attribute)
        for found in row
        if found is not None
        for form in (found.one, found.many or found.one)
    }


def _check_neutral(lexicon: Lexicon) -> None:
    identity = _forms(lexicon)
    seen: set[str] = set()
    for words in lexicon.neutral:
        cells = [cell(word) for word in words]
        if len({c.one.casefold() for c in cells}) < 2 or not any(c.read for c in cells):
            raise ValueError(f"neutral {list(words)}: two different words are needed, one read")
        for found in cells:
            word = found.one.casefold()
            if word in identity:
                raise ValueError(f"neutral: {word!r} is an identity term")
            if found.read and word in seen:
                raise ValueError(f"neutral: {word!r} is read in two sets; bracket or drop one")
            if found.read:
                seen.add(word)
