"""The neutral control of a swap: other words of the same text changed, as many and as long.

A swap of identity words changes a text, and any change moves a model a little. What the
control moves is taken off what the swap moves, so that identity is left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from msgspec import Struct

from fmaudit.bias.lexicon import Lexicon, cell
from fmaudit.bias.words import (
    Edit,
    Parts,
    key,
    overlaps,
    pattern,
    protected_pattern,
    recase,
    spans,
    with_articles,
)

Size = Callable[[str], int | None]
"""How long a word is, in the unit of the match; None where that is not known."""

Span = tuple[int, int, int]
"""A part, and [start, end) in it."""


class Neutral(Struct, frozen=True):
    """The neutral words of a lexicon, ready to be found. Made by `neutral`."""

    lexicon: Lexicon
    others: Mapping[str, tuple[str, ...]]
    listed: Mapping[str, str]
    wanted: re.Pattern[str]
    protected: re.Pattern[str]

    def places(self, parts: Parts, taken: Iterable[Span]) -> list[tuple[Edit, ...]]:
        """For each neutral word of the texts, every edit that could be made of it.

        Words that overlap `taken` (identity terms) or what is left alone are passed over.
        """
        held = list(taken)
        places = []
        for part, text in enumerate(parts):
            kept = spans(self.protected, text) + [span[1:] for span in held if span[0] == part]
            for match in self.wanted.finditer(text):
                word = key(match[0])
                if word in self.others and not overlaps(*match.span(), kept):
                    places.append(
                        tuple(
                            Edit(
                                part,
                                *match.span(),
                                match[0],
                                recase(match[0], self.listed[word], other),
                            )
                            for other in self.others[word]
                        )
                    )
        return places

    def control(
        self,
        parts: Parts,
        edits: Sequence[Edit],
        places: Sequence[Sequence[Edit]],
        size: Size,
        rng: np.random.Generator,
    ) -> tuple[Edit, ...] | None:
        """One neutral edit for each edit of a swap, of the same size before and after.

        Every choice that matches is as likely as the next, but for the order in which
        conflicts are settled. None where the text has too few neutral words that match, or
        where a size of the swap's own words is not known.
        """
        wanted = [(size(e.old), size(e.new)) for e in edits if not e.agrees]
        if any(before is None or after is None for before, after in wanted):
            return None
        shuffled = [list(rng.permutation(len(place))) for place in places]
        fitting: list[dict[int, Edit]] = []
        for pair in wanted:
            options: dict[int, Edit] = {}
            for number in rng.permutation(len(places)):
                for choice in shuffled[number]:
                    edit = places[number][choice]
                    if (size(edit.old), size(edit.new)) == pair:
                        options.setdefault(int(number), edit)
            fitting.append(options)
        chosen = _assign(fitting)
        return None if chosen is None else with_articles(parts, chosen, self.lexicon.grammar)


def neutral(lexicon: Lexicon) -> Neutral:
    """Prepare the neutral words of a lexicon for finding."""
    sets = [[cell(word) for word in words] for words in lexicon.neutral]
    read = [(found.one, words) for words in sets for found in words if found.read]
    return Neutral(
        lexicon=lexicon,
        others={
            key(word): tuple(other.one for other in words if other.one != word)
            for word, words in read
        },
        listed={key(word): word for word, _ in read},
        wanted=pattern((word for word, _ in read), whole=not lexicon.unspaced),
        protected=protected_pattern(lexicon.leave_alone, whole=not lexicon.unspaced),
    )


def _assign(fitting: Sequence[Mapping[int, Edit]]) -> list[Edit] | None:
    """A different place for each wish (a bipartite matching), None where there is none."""
    holder: dict[int, int] = {}

    def settle(wish: int, tried: set[int]) -> bool:
        for place in fitting[wish]:
            if place in tried:
                continue
            tried.add(place)
            if place not in holder or settle(holder[place], tried):
                holder[place] = wish
                return True
        return False

    if not all(settle(wish, set()) for wish in range(len(fitting))):
        return None
    return [fitting[wish][place] for place, wish in sorted(holder.items())]
