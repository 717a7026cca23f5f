"""The words of an input: what an explanation gives scores to, and what is removed to test it.

What a word is, in any script, `segments` says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from math import fsum

from msgspec import Struct

from fmaudit.segments import spans
from fmaudit.types import Attributions, Input, Pair

HIDDEN = "..."
"""What stands in place of a hidden word: shap's own, where a tokenizer has no mask token."""


class Word(Struct, frozen=True):
    """A word: where it stands (`part` 1 is the second text of a pair) and how it reads."""

    part: int
    start: int
    end: int
    text: str


def texts_of(value: Input) -> tuple[str, ...]:
    """An input as its texts: one, or the two of a pair."""
    return (value.first, value.second) if isinstance(value, Pair) else (value,)


def words_of(value: Input) -> tuple[Word, ...]:
    """The words of an input in reading order; none where there is nothing but space.

    >>> [word.text for word in words_of("It is 手机, no?")]
    ['It', 'is', '手', '机', ',', 'no?']
    """
    return tuple(
        Word(part, start, end, text[start:end])
        for part, text in enumerate(texts_of(value))
        for start, end in spans(text)
    )


def only(value: Input, words: Sequence[Word], keep: Collection[int]) -> Input:
    """The input with only those of its words whose places in `words` are in `keep`.

    `words` are all of `words_of(value)`. Neighbours stay joined as they stood, so that keeping
    all gives the input unchanged; where words fell out there is one space, and none in a text
    without spaces. The words of the outcome are the kept words. None kept: an empty text.

    >>> only("It  is very good", words_of("It  is very good"), {0, 1, 3})
    'It  is good'
    """
    texts = [
        "".join(
            _pieces(text, [(place, w) for place, w in enumerate(words) if w.part == part], keep)
        )
        for part, text in enumerate(texts_of(value))
    ]
    return Pair(*texts) if isinstance(value, Pair) else texts[0]


def hidden(value: Input, words: Sequence[Word], keep: Collection[int]) -> Input:
    """The input with "..." in place of each word whose place in `words` is not in `keep`.

    What stands between the words stays. Never what `only` gives, unless every word is kept or
    those that are not read "..." themselves.

    >>> hidden("It  is very good", words_of("It  is very good"), {0, 3})
    'It  ... ... good'
    """
    texts = list(texts_of(value))
    for place in reversed(range(len(words))):  # from the end, so that places stay what they are
        if place not in keep:
            word, text = words[place], texts[words[place].part]
            texts[word.part] = text[: word.start] + HIDDEN + text[word.end :]
    return Pair(*texts) if isinstance(value, Pair) else texts[0]


def by_word(
    words: Sequence[Word], found: Attributions
) -> tuple[tuple[float, ...], float, float | None]:
    """Signed sums of token scores: by word, and of what stands in no word (special tokens).

    A token that covers several words is shared by their characters in it; words that the model
    did not read get 0. The sums add up to that of the tokens. Last, the share of the tokens in
    no word: Σ|their scores| / Σ|all scores|, in 0..1; None where every score is 0.
    """
    owner = {(w.part, at): k for k, w in enumerate(words) for at in range(w.start, w.end)}
    scores = [0.0] * len(words)
    apart: list[float] = []
    rows = zip(found.parts, found.starts, found.ends, found.special, found.scores, strict=True)
    for part, start, end, special, score in rows:
        places = [] if special else [(part, at) for at in range(start, end) if (part, at) in owner]
        for place, characters in Counter(owner[at] for at in places).items():
            scores[place] += score * (characters / len(places))
        if not places:
            apart.append(score)
    weight = fsum(map(abs, found.scores))
    return tuple(scores), fsum(apart), fsum(map(abs, apart)) / weight if weight else None


def _pieces(text: str, words: Sequence[tuple[int, Word]], keep: Collection[int]) -> Iterator[str]:
    """The kept words of one text, with what stands between them."""
    kept = [(at, word) for at, (place, word) in enumerate(words) if place in keep]
    if not kept:
        yield "" if words else text
        return
    (first, opening), (last, closing) = kept[0], kept[-1]
    yield (text[: opening.start] if first == 0 else "") + opening.text
    for (at, word), (after, following) in pairwise(kept):
        between = [word for _, word in words[at : after + 1]]
        yield text[word.end : following.start] if after == at + 1 else _gap(between)
        yield following.text
    yield text[closing.end :] if last == len(words) - 1 else ""


def _gap(words: Sequence[Word]) -> str:
    """What stands between the first and the last of these when those between them are gone."""
    touching = all(a.end == b.start for a, b in pairwise(words))
    # Letters of two words must not run into one: "a手b" without its middle is "a b".
    return "" if touching and len(words_of(words[0].text + words[-1].text)) > 1 else " "
