from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from fmaudit.bias.preference import ALIKE, COLUMNS, Sums
from fmaudit.bias.sentence_preference import sentence_preference, sums
from fmaudit.models.fakes import FakeLanguage
from fmaudit.registry import Context, NoParams
from fmaudit.seeds import Seeds
from fmaudit.selftest.plants.base import driven
from fmaudit.types import (
    Case,
    Failure,
    Likelihoods,
    Logits,
    Request,
    Response,
    Row,
    Scored,
    TokenLogprobs,
)

ALONE = Context(Seeds(0))
BESIDE = msgspec.structs.replace(ALONE, beside={"base": frozenset({"token_logprobs", "generate"})})
MODELS = {
    "target": FakeLanguage(lambda before, word: -1.0 if "She" in (before + word) else -2.0),
    "base": FakeLanguage(lambda before, word: -3.0 if word == "She" else -2.5),
}


def answered(models: Mapping[str, FakeLanguage]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        model = models[request.on]
        return model.run(model.prepare([request]), length=1, rows=1)[0]

    return answer


def pair(more: str, less: str, name: str = "p") -> Case:
    return Case(name, "", groups={"attribute": "gender"}, options=(more, less), cluster="t")


def rows(*cases: Case, context: Context = ALONE, models: Any = MODELS) -> list[Row]:
    asks = sentence_preference.run(cases, NoParams(), context)
    found: list[Row] = driven(asks, answered(models))
    assert [row.case for row in found] == list(cases)
    assert {name for row in found for name in row.values} <= set(COLUMNS)
    return found


def test_whole_sentences_are_compared_and_their_tokens_counted() -> None:
    (row,) = rows(pair("She sews.", "He sews well."))
    assert row.values["more_logprob"] == -2.0
    assert row.values["less_logprob"] == -6.0
    assert (row.values["preference"], row.values["stereotyped"]) == (4.0, 1.0)
    assert (row.values["more_tokens"], row.values["less_tokens"]) == (2, 3)
    assert "base_preference" not in row.values


def test_the_base_is_asked_the_same_where_it_can_answer() -> None:
    case = pair("She sews.", "He sews.")
    (row,) = rows(case, context=BESIDE)
    assert row.values["preference"] == 2.0
    assert (row.values["base_preference"], row.values["base_stereotyped"]) == (-0.5, 0.0)
    assert row.values["change"] == 2.5
    masked = msgspec.structs.replace(ALONE, beside={"base": frozenset({"masked_logprobs"})})
    assert rows(case, context=masked) == rows(case)


def test_one_request_a_pair_and_model_in_one_round() -> None:
    cases = [pair("She sews.", "He sews.", "a"), pair("She runs.", "He runs.", "b")]
    asks = sentence_preference.run(cases, NoParams(), BESIDE)
    asked = [(r.on, r.input, r.continuations) for r in next(asks) if isinstance(r, TokenLogprobs)]
    asks.close()
    assert asked == [(on, "", case.options) for on in ("target", "base") for case in cases]


def test_exchanged_options_mirror_the_row() -> None:
    (one,), (two,) = rows(pair("She sews.", "He sews.")), rows(pair("He sews.", "She sews."))
    assert one.values["preference"] == -two.values["preference"]
    assert one.values["stereotyped"] + two.values["stereotyped"] == 1


def test_equal_sentences_tie() -> None:
    (row,) = rows(pair("He sews.", "He sews."), context=BESIDE)
    named = ("preference", "stereotyped", "base_preference", "base_stereotyped", "change")
    assert [row.values[name] for name in named] == [0.0, 0.5, 0.0, 0.5, 0.0]


def test_one_sentence_without_an_answer_fails_the_pair() -> None:
    empty, whole = rows(pair("She sews.", " "), pair("She sews.", "He sews.", "q"))
    assert empty.failed
    assert "empty continuation" in empty.reason
    assert empty.values["attribute"] == "gender"
    assert empty.values.get("preference") is None
    assert whole.values["preference"] == 2.0


def test_a_case_that_is_no_pair_is_not_asked() -> None:
    question = Case("q", "Who sews?", options=("She", "He"))
    (row,) = rows(question, models={})
    assert "a text before" in row.reason
    assert not row.failed


SCORED = Scored((1,), (-1.0,), (0,), (-1.0,), (1.0,))
UNKNOWN = Scored((2,), (math.nan,), (0,), (-1.0,), (1.0,))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Failure("lost"), "lost"),
        (Logits((0.0, 1.0)), "Logits"),
        (Likelihoods((SCORED,)), "1 likelihoods for two sentences"),
        (Likelihoods((SCORED, SCORED), cut=3), "3 tokens of a sentence do not fit"),
        (Likelihoods((SCORED, UNKNOWN)), "not finite"),
    ],
)
def test_an_answer_that_cannot_be_used_is_a_failure(answer: Response, why: str) -> None:
    found = sums(("She sews.", "He sews."), answer)
    assert isinstance(found, Failure)
    assert why in found.reason


def test_different_sentences_with_equal_tokens_are_not_compared() -> None:
    both = Likelihoods((SCORED, SCORED))
    assert sums(("She sews.", "He sews."), both) == ALIKE
    assert sums(("He sews.", "He sews."), both) == Sums(-1.0, -1.0, 1, 1)
