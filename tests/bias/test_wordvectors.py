from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from fmaudit.bias.wordvectors import (
    ALONE,
    NO_DIRECTION,
    UNKNOWN,
    Reading,
    Word,
    sentences,
    unit,
    words,
)
from fmaudit.selftest.plants.base import driven
from fmaudit.types import Case, Embed, Embedding, Failure, Logits, Request, Response

TEMPLATES = {"en": {"is": "The word is {word}.", "said": "Someone said {word}."}}


def word(text: str, language: str = "en") -> Case:
    return Case(f"{language}/{text}", text, groups={"language": language})


def read(
    cases: Sequence[Case], how: Reading, answer: Callable[[Request], Response]
) -> tuple[dict[str, Word], list[Embed]]:
    asked: list[Embed] = []

    def noted(request: Request) -> Response:
        assert isinstance(request, Embed)
        asked.append(request)
        return answer(request)

    found: dict[str, Word] = driven(words(cases, how, "target"), noted)
    assert set(found) == {case.id for case in cases}
    return found, asked


def spaced(request: Request) -> Response:
    """A byte-level vocabulary: whole words behind a space, else a piece a letter."""
    text = str(request.input)
    bare = text.strip()
    pieces = 1 if text.startswith(" ") else len(bare)
    return Embedding((float(len(text)), 1.0), pieces if bare.isascii() else 2 * pieces)


def test_both_forms_are_asked_of_layer_and_pool() -> None:
    _, asked = read([word("rose"), word("ant")], Reading(3, "last"), spaced)
    assert [r.input for r in asked] == ["rose", " rose", "ant", " ant"]
    assert {(r.layer, r.pool, r.on) for r in asked} == {(3, "last", "target")}


def test_words_are_read_in_the_form_of_fewer_tokens() -> None:
    found, _ = read([word("rose"), word("ant")], Reading(), spaced)
    assert {w.tokens for w in found.values()} == {1}
    assert found["en/rose"].vectors[ALONE] == pytest.approx(unit([5.0, 1.0]))


def test_the_form_is_one_for_a_language_and_plain_where_both_are_alike() -> None:
    def answer(request: Request) -> Response:
        text = str(request.input)
        tokens = {"rose": 1, " rose": 2, "ant": 3, " ant": 1, "花": 1, " 花": 2}.get(text, 1)
        return Embedding((float(len(text)), 1.0), tokens)

    found, _ = read([word("rose"), word("ant"), word("花", "zh")], Reading(), answer)
    assert [w.tokens for w in found.values()] == [2, 1, 1]
    alike, _ = read([word("rose")], Reading(), lambda r: Embedding((float(len(str(r.input))),), 1))
    assert alike["en/rose"].tokens == 1


def test_a_word_of_two_tests_is_asked_once() -> None:
    cases = [word("rose"), Case("again", "rose", groups={"language": "en"})]
    found, asked = read(cases, Reading(), spaced)
    assert len(asked) == 2
    assert found["again"].vectors[ALONE].tolist() == found["en/rose"].vectors[ALONE].tolist()


@pytest.mark.parametrize(
    ("answer", "reason", "failed", "tokens"),
    [
        (Embedding((1.0,), 1, 1), UNKNOWN, False, 1),
        (Embedding((0.0, 0.0), 1), NO_DIRECTION, False, 1),
        (Embedding((1.0,), 2), "the word takes more than one token", False, 2),
        (Failure("lost"), "lost", True, None),
        (Failure("too long", beyond=True), "too long", False, None),
        (Logits((1.0,)), "the model answered with Logits, not with a vector", True, None),
    ],
)
def test_what_leaves_a_word_out(
    answer: Response, reason: str, failed: bool, tokens: int | None
) -> None:
    found, _ = read([word("rose")], Reading(pieces="drop"), lambda request: answer)
    assert found["en/rose"] == Word(tokens, reason=reason, failed=failed)


def test_pieces_are_kept_by_default() -> None:
    found, _ = read([word("rose")], Reading(), lambda r: Embedding((3.0, 4.0), 2))
    assert found["en/rose"].tokens == 2
    assert found["en/rose"].vectors[ALONE].tolist() == [0.6, 0.8]


def test_sentences_are_asked_of_words_that_are_there() -> None:
    def answer(request: Request) -> Response:
        assert isinstance(request, Embed)
        if request.input == "Someone said rose.":
            return Failure("lost")
        unknown = int("odd" in request.input)
        return Embedding((1.0, float(len(request.input))), 1, unknown)

    how = Reading(-1, "first", templates=TEMPLATES)
    cases = [word("rose"), word("odd"), word("花", "zh")]
    found, asked = read(cases, how, answer)
    alone, in_sentences = asked[:6], asked[6:]
    assert {(r.layer, r.pool) for r in alone} == {(0, "mean")}
    assert {(r.layer, r.pool) for r in in_sentences} == {(-1, "first")}
    assert [r.input for r in in_sentences] == ["The word is rose.", "Someone said rose."]
    assert list(found["en/rose"].vectors) == ["is"]
    assert found["en/rose"].lost == {"said": Failure("lost")}
    assert found["en/odd"].reason == UNKNOWN
    assert found["zh/花"].reason == "there is no template in the language 'zh'"


def test_the_texts_of_a_word() -> None:
    assert sentences(word("rose"), Reading()) == {ALONE: "rose"}
    assert sentences(word("rose"), Reading(templates=TEMPLATES))["is"] == "The word is rose."
    assert sentences(word("花", "zh"), Reading(templates=TEMPLATES)) == {}


@pytest.mark.parametrize("text", ["no place", "{word} and {word}"])
def test_a_template_has_one_place_for_the_word(text: str) -> None:
    said: dict[str, Any] = {"templates": {"en": {"odd": text}}}
    with pytest.raises(msgspec.ValidationError, match="en/odd"):
        msgspec.convert(said, Reading)


def test_unit_vectors() -> None:
    assert unit([0.0, 0.0]) is None
    assert np.linalg.norm(unit([1e-30, 2e-30])) == pytest.approx(1.0)  # type: ignore[arg-type]
