"""Which of two words a masked model expects in the same place: the words of two sentences.

The sentences are the same but for one token, such as a pronoun. That token is hidden, and what is
compared is how likely the model finds the one and the other there.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from fmaudit.bias.preference import ALIKE, Asked, Read, alike, beyond, summed
from fmaudit.engine.asks import ask
from fmaudit.types import Asks, Failure, MaskedLogprobs, Pseudo, Response, Tokenize, Tokens

NEEDS = frozenset({"masked_logprobs", "tokenize"})

LENGTHS = "the tokenizer cuts the two words into different numbers of tokens"
SEVERAL = "the two sentences differ in more than one token, and one alone is hidden"


class Word(Struct, frozen=True):
    """Where the token stands that two sentences differ in."""

    place: int


def read(asked: Sequence[Asked]) -> Asks[list[Read]]:
    """The log-probabilities of the words that the sentences of each pair differ in."""
    tokens = yield from ask(
        [Tokenize(input=text, on=role) for role, pair in asked for text in pair]
    )
    found = [
        differing(pair, first, second)
        for (_, pair), first, second in zip(asked, tokens[::2], tokens[1::2], strict=True)
    ]
    answers = iter(
        (
            yield from ask(
                [
                    MaskedLogprobs(input=text, places=(word.place,), on=role)
                    for (role, pair), word in zip(asked, found, strict=True)
                    if isinstance(word, Word)
                    for text in pair
                ]
            )
        )
    )
    return [
        sums(word, next(answers), next(answers)) if isinstance(word, Word) else word
        for word in found
    ]


def differing(pair: Sequence[str], first: Response, second: Response) -> Word | Failure | str:
    """The place of the one token that differs, from the answers to `Tokenize`."""
    ids: list[tuple[int, ...]] = []
    for answer in (first, second):
        if isinstance(answer, Failure):
            return answer
        if not isinstance(answer, Tokens):
            return Failure(f"the model answered with {type(answer).__name__}, not with tokens")
        if answer.cut:
            return beyond(answer.cut)
        ids.append(answer.ids)
    if alike(pair, *ids):
        return ALIKE
    if len(ids[0]) != len(ids[1]):
        return LENGTHS
    places = [place for place, (a, b) in enumerate(zip(*ids, strict=True)) if a != b]
    return Word(places[0]) if len(places) == 1 else SEVERAL


def sums(word: Word, first: Response, second: Response) -> Read:
    """The log-probabilities of the two words from two answers to `MaskedLogprobs`."""
    figures = []
    for answer in (first, second):
        if isinstance(answer, Failure):
            return answer
        if not isinstance(answer, Pseudo):
            return Failure(f"the model answered with {type(answer).__name__}, not with tokens")
        if answer.places != (word.place,) or len(answer.scored.logprobs) != 1:
            return Failure("the model scored other tokens than it was asked for")
        figures.append(answer.scored.logprobs)
    return summed(*figures)
