from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fmaudit.robustness.window import ROOM, fitted
from fmaudit.types import Classify, Failure, Input, Logits, Pair, Response

Drive = Callable[..., Any]


def reads(window: int, size: Callable[[str], int] = lambda word: 1) -> Callable[..., Response]:
    def answer(request: Classify) -> Response:
        given = request.input
        text = f"{given.first} {given.second}" if isinstance(given, Pair) else given
        tokens = sum(map(size, text.split()))
        return Logits((0.0, 1.0), tokens=min(window, tokens), cut=max(0, tokens - window))

    return answer


def test_what_fits_is_tried_as_it_is(drive: Drive) -> None:
    texts: list[Input] = ["one two", Pair("one", "two"), "", "three"]
    assert drive(fitted(texts), reads(3)) == {text: text for text in texts}


def test_what_does_not_fit_is_tried_as_its_beginning(drive: Drive) -> None:
    text = "word " * 100
    short = drive(fitted([text]), reads(40))[text]
    assert text.startswith(short)
    assert 0.6 * ROOM * 40 <= len(short.split()) <= ROOM * 40


def test_a_beginning_of_long_words_is_shortened_again(drive: Drive) -> None:
    text = "a-long-word-first " * 60 + "b " * 900
    short = drive(fitted([text]), reads(200, len))[text]
    assert sum(map(len, short.split())) <= 200


def test_both_halves_of_a_pair_are_shortened(drive: Drive) -> None:
    pair = Pair("one " * 60, "two " * 60)
    short = drive(fitted([pair]), reads(40))[pair]
    assert len(short.first.split()) == len(short.second.split()) <= 15


def test_one_word_that_is_too_long_has_no_beginning(drive: Drive) -> None:
    assert drive(fitted(["x" * 99]), reads(10, len)) == {"x" * 99: None}


@pytest.mark.parametrize("answer", [Failure("no"), Logits((0.0,))])
def test_an_answer_without_a_window_leaves_the_text(drive: Drive, answer: Response) -> None:
    assert drive(fitted(["a b"]), lambda request: answer) == {"a b": "a b"}
