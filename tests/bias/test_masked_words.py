from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from fmaudit.bias.masked_words import LENGTHS, SEVERAL, Word, differing, read, sums
from fmaudit.bias.preference import ALIKE, Read, Sums
from fmaudit.selftest.plants.base import driven
from fmaudit.types import (
    Failure,
    Logits,
    MaskedLogprobs,
    Pseudo,
    Request,
    Response,
    Scored,
    Tokenize,
    Tokens,
)

PAIR = ("He said so.", "She said so.")
WORDS = {"he": 5, "she": 6, "said": 7, "so.": 8, "not": 9}
CHANCE = {"he": -1.0, "she": -3.0}


def scored(*logprobs: float) -> Scored:
    n = len(logprobs)
    return Scored((0,) * n, logprobs, (0,) * n, (0.0,) * n, (1.0,) * n)


def answer(request: Request) -> Response:
    """A model whose tokens are words, with one special token before them."""
    said = str(request.input).lower().split()  # type: ignore[union-attr]
    if isinstance(request, Tokenize):
        return Tokens((101, *(WORDS[word] for word in said)))
    assert isinstance(request, MaskedLogprobs)
    assert request.places is not None
    return Pseudo(scored(*(CHANCE[said[k - 1]] for k in request.places)), request.places)


def test_only_the_word_that_differs_is_hidden() -> None:
    asked: list[Request] = []

    def noted(request: Request) -> Response:
        asked.append(request)
        return answer(request)

    found: list[Read] = driven(read([("target", PAIR), ("base", PAIR[::-1])]), noted)
    assert found == [Sums(-1.0, -3.0, 1, 1), Sums(-3.0, -1.0, 1, 1)]
    assert [r.places for r in asked if isinstance(r, MaskedLogprobs)] == [(1,)] * 4
    assert [r.on for r in asked] == 2 * (["target"] * 2 + ["base"] * 2)


@pytest.mark.parametrize(
    ("second", "why"),
    [
        ("He said so.", Word(0)),
        ("She not so.", SEVERAL),
        ("She not said so.", LENGTHS),
    ],
)
def test_sentences_that_differ_otherwise_are_told(second: str, why: Word | str) -> None:
    first = answer(Tokenize(PAIR[0]))
    found = differing((PAIR[0], second), first, answer(Tokenize(second)))
    assert found == (why if why != Word(0) else SEVERAL)


def test_a_pair_that_cannot_be_read_leaves_the_others() -> None:
    found: list[Read] = driven(
        read([("target", (PAIR[0], "She not so.")), ("target", PAIR)]), answer
    )
    assert found == [SEVERAL, Sums(-1.0, -3.0, 1, 1)]


def test_words_that_the_model_does_not_know() -> None:
    same: Response = Tokens((101, 100, 7, 8))
    assert differing(PAIR, same, same) == ALIKE


def test_unusable_tokens() -> None:
    good = answer(Tokenize(PAIR[0]))
    assert isinstance(good, Tokens)
    for odd, said in (
        (Failure("lost"), "lost"),
        (Logits((0.0,)), "Logits"),
        (msgspec.structs.replace(good, cut=3), "3 tokens of a sentence do not fit"),
    ):
        pairs: Sequence[tuple[Response, Response]] = ((good, odd), (odd, good))
        for both in pairs:
            found = differing(PAIR, *both)
            assert isinstance(found, Failure)
            assert said in found.reason


def test_answers_of_another_kind_or_place_are_failures() -> None:
    good = Pseudo(scored(-1.0), (1,))
    assert sums(Word(1), good, good) == Sums(-1.0, -1.0, 1, 1)
    for odd in (
        Failure("lost"), Logits((0.0,)), Pseudo(scored(-1.0), (2,)),
        Pseudo(scored(), (1,)), Pseudo(scored(float("nan")), (1,)),
    ):  # fmt: skip
        assert isinstance(sums(Word(1), good, odd), Failure)
        assert isinstance(sums(Word(1), odd, good), Failure)
