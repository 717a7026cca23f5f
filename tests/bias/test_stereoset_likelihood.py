from __future__ import annotations

import msgspec
import pytest

from fmaudit.bias.preference import ALIKE
from fmaudit.bias.stereoset import COLUMNS, Scores
from fmaudit.bias.stereoset_likelihood import NEEDS, request_of, scores, stereoset_likelihood
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
BESIDE = msgspec.structs.replace(ALONE, beside={"base": NEEDS})
MODELS = {
    "target": FakeLanguage(lambda before, word: -1.0 if word == "late." else -2.0),
    "base": FakeLanguage(lambda before, word: -4.0 if word == "late." else -3.0),
}
FILLS = Case(
    "f",
    "The guest was BLANK.",
    groups={"task": "intrasentence", "attribute": "profession"},
    cluster="guest",
    references=("The guest was late.", "The guest was not early.", "The guest was spoon."),
)
FOLLOWS = msgspec.structs.replace(
    FILLS,
    id="b",
    input="A guest came",
    groups={"task": "intersentence"},
    references=("She was late.", "She was early.", "The sky is blue."),
)


def answer(request: Request) -> Response:
    model = MODELS[request.on]
    return model.run(model.prepare([request]), length=1, rows=1)[0]


def rows(*cases: Case, context: Context = ALONE) -> list[Row]:
    found: list[Row] = driven(stereoset_likelihood.run(cases, NoParams(), context), answer)
    assert {name for row in found for name in row.values} <= set(COLUMNS)
    return found


def scored(*logprobs: float, first: int = 0) -> Scored:
    k = len(logprobs)
    ids = tuple(range(first, first + k))
    return Scored(ids, logprobs, (0,) * k, (0.0,) * k, (1.0,) * k)


def test_sentences_that_fill_the_context_are_texts_of_their_own() -> None:
    assert request_of(FILLS) == TokenLogprobs(input="", continuations=FILLS.references)


@pytest.mark.parametrize(
    ("context", "read"),
    [
        ("A guest came", "A guest came."),
        ("A guest came.", "A guest came."),
        ("Who came? ", "Who came?"),
        ("Stop!", "Stop!"),
    ],
)
def test_sentences_that_follow_stand_behind_the_ended_context(context: str, read: str) -> None:
    asked = request_of(msgspec.structs.replace(FOLLOWS, input=context), "base")
    assert (asked.input, asked.on) == (read, "base")
    assert asked.continuations == tuple(f" {text}" for text in FOLLOWS.references)


def test_the_mean_of_a_sentence_s_tokens_is_its_score() -> None:
    (row,) = rows(FILLS)
    assert row.values["stereotype_logprob"] == pytest.approx(-7 / 4)
    assert row.values["anti_stereotype_logprob"] == -2.0
    assert row.values["anti_stereotype_tokens"] == 5
    assert (row.values["stereotyped"], row.values["meaningful"]) == (1.0, 0.75)
    assert "base_stereotyped" not in row.values


def test_only_the_sentence_behind_a_context_is_scored() -> None:
    (row,) = rows(FOLLOWS, context=BESIDE)
    assert row.values["stereotype_tokens"] == 3
    assert row.values["stereotype_logprob"] == pytest.approx(-5 / 3)
    assert (row.values["stereotyped"], row.values["base_stereotyped"]) == (1.0, 0.0)
    assert row.values["change"] == pytest.approx(1 / 3 + 1 / 3)


def test_answers_that_cannot_be_used() -> None:
    good = (scored(-1.0, -2.0), scored(-2.0, first=5), scored(-3.0, first=7))
    assert scores(FILLS, Likelihoods(good)) == Scores(-1.5, -2.0, -3.0, (2, 1, 1))
    for odd, why in (
        (Failure("lost"), "lost"),
        (Logits((0.0,)), "Logits"),
        (Likelihoods(good[:2]), "2 likelihoods for three"),
        (Likelihoods((*good[:2], scored())), "without a token"),
        (Likelihoods((*good[:2], scored(float("nan"), first=7))), "not finite"),
        (Likelihoods((*good[:2], scored(-float("inf"), first=7))), "not finite"),
    ):
        found = scores(FILLS, odd)
        assert isinstance(found, Failure)
        assert why in found.reason
        assert not found.beyond
    cut = scores(FILLS, Likelihoods(good, cut=3))
    assert isinstance(cut, Failure)
    assert cut.beyond
    for twice in ((0, 0, 7), (0, 7, 7), (0, 7, 0)):
        same = Likelihoods(tuple(scored(-1.0, first=k) for k in twice))
        assert scores(FILLS, same) == ALIKE
