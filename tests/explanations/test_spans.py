from __future__ import annotations

import math

import pytest

from fmaudit.explanations import spans
from fmaudit.explanations.maps import TOO_LONG
from fmaudit.explanations.spans import Span, check, mean, own, reference, scored
from fmaudit.registry import Context
from fmaudit.seeds import Seeds
from fmaudit.selftest.plants.base import driven
from fmaudit.types import (
    Case,
    Chat,
    Decoding,
    Failure,
    Generate,
    Generated,
    Likelihoods,
    Logits,
    Message,
    Pair,
    Scored,
    TokenLogprobs,
)

PLAIN = Context(Seeds(0), capabilities=frozenset({"token_logprobs", "generate"}))
CHAT = Context(Seeds(0), capabilities=PLAIN.capabilities, chat=True)


def tokens(logprobs, ranks=None, ids=None):
    n = len(logprobs)
    return Scored(
        ids=tuple(ids or range(n)),
        logprobs=tuple(logprobs),
        ranks=tuple(ranks or [0] * n),
        means=(-1.0,) * n,
        deviations=(1.0,) * n,
    )


def likelihood(logprobs, ranks=None, ids=None, **more):
    return Likelihoods((tokens(logprobs, ranks, ids),), **more)


def checked(packed, alone, written=None, tolerance=0.01, floor=0.0):
    """What a check says where the model answers so among others, and so alone."""
    context = Context(Seeds(0), floor=floor)
    asked = []

    def answer(request):
        asked.append(request)
        return alone if request.under == "alone" else packed

    found = driven(check(Span("a b c d e", "", " f", context, written), tolerance), answer)
    assert [request.under for request in asked] == ["", "alone"]
    assert {(request.input, request.continuations) for request in asked} == {("a b c d e", (" f",))}
    return found


# ── the check ────────────────────────────────────────────────────────────────────────────


def test_two_ways_that_agree_are_sound():
    found = checked(likelihood([-1.0, -3.0]), likelihood([-1.001, -2.999]))
    assert (found.mean, found.tokens) == (-2.0, 2)
    assert found.disagreement == pytest.approx(0.001)
    assert (found.wrong, found.unsure) == ("", "")


@pytest.mark.parametrize("alone", [[-7.81, -2.33, -10.13], [-7.82, -3.91, -8.72]])
def test_two_ways_that_part_are_wrong(alone):
    found = checked(likelihood([-7.81, -3.89, -8.72]), likelihood(alone))
    assert found.wrong == spans.APART


def test_errors_that_cancel_out_over_the_answer_are_found():
    found = checked(likelihood([-1.0, -3.0]), likelihood([-2.0, -2.0]))
    assert found.disagreement == pytest.approx(1.0)
    assert found.wrong == spans.APART


def test_other_tokens_alone_are_wrong():
    packed, alone = likelihood([-1.0], ids=[1]), likelihood([-1.0], ids=[2])
    assert checked(packed, alone).wrong == spans.APART


@pytest.mark.parametrize(
    ("floor", "apart", "wrong"),
    [
        (0.0, 0.02, True),
        (0.02, 0.03, False),
        (0.02, 0.05, True),
        (5.0, 0.2, False),
        (5.0, 0.3, True),
    ],
)
def test_the_noise_of_half_precision_is_forgiven_up_to_a_bound(floor, apart, wrong):
    found = checked(likelihood([-1.0]), likelihood([-1.0 - apart]), floor=floor)
    assert bool(found.wrong) == wrong


@pytest.mark.parametrize(
    ("ranks", "alone", "written", "wrong", "unsure"),
    [
        ([0, 0], [0, 0], 2, "", ""),
        ([0, 1], [0, 0], 2, "", ""),  # packing exchanged two that are as likely
        ([0, 1], [0, 1], 2, "", spans.NEAR_TIE),
        ([0, 7], [0, 7], 2, spans.NOT_FIRST, ""),
        ([0, 7], [0, 7], 3, "", spans.REREAD),
        ([3, 7], [3, 7], None, "", ""),  # another's answer need not be the first choice
    ],
)
def test_what_a_model_writes_must_be_its_first_choice(ranks, alone, written, wrong, unsure):
    found = checked(likelihood([-1.0, -1.0], ranks), likelihood([-1.0, -1.0], alone), written)
    assert (found.wrong, found.unsure) == (wrong, unsure)


@pytest.mark.parametrize(
    ("packed", "alone", "said"),
    [
        (Failure("no room", True), likelihood([-1.0]), "no room"),
        (likelihood([-1.0]), Failure("no room", True), "asked for alone: no room"),
        (likelihood([-1.0], cut=2), likelihood([-1.0]), TOO_LONG),
        (likelihood([-math.inf]), likelihood([-1.0]), "not finite"),
        (likelihood([math.nan]), likelihood([-1.0]), "not finite"),
        (likelihood([]), likelihood([]), "empty"),
        (Logits((0.0, 1.0)), likelihood([-1.0]), "answered with Logits"),
        (Likelihoods((tokens([-1.0]),) * 2), likelihood([-1.0]), "answered with Likelihoods"),
    ],
)
def test_what_is_no_likelihood_is_a_failure(packed, alone, said):
    found = checked(packed, alone)
    assert isinstance(found, Failure)
    assert said in found.reason
    assert found.transient == ("no room" in said)


def test_a_text_that_another_prompt_cuts_otherwise_is_compared_as_a_whole():
    assert mean(likelihood([-1.0, -3.0]), 2) == -2.0
    assert mean(likelihood([-1.0, -2.0, -1.0]), 2) == -2.0
    assert mean(Failure("no"), 2) == Failure("no")
    assert scored(likelihood([-1.0])).total == -1.0


# ── whose answer ─────────────────────────────────────────────────────────────────────────


def written(value, response, context=PLAIN):
    asked = []

    def answer(request):
        asked.append(request)
        return response

    return driven(own(Case("c", value), 7, context), answer), asked


def test_the_models_own_answer_is_greedy_and_bounded():
    span, asked = written("one two", Generated(" three", 3, True))
    assert asked == [Generate(input="one two", decoding=Decoding(most_tokens=7))]
    assert (span.answer, span.written) == (" three", 3)
    assert span.asked("... two") == TokenLogprobs(input="... two", continuations=(" three",))


def test_a_conversation_is_asked_through_its_template():
    span, asked = written("one two \n", Generated("three", 3, True), CHAT)
    assert asked[0].input == Chat((Message("user", "one two \n"),))
    assert span.asked("... two", "alone") == TokenLogprobs(
        input=Chat((Message("user", "... two \n"),)), continuations=("three",), under="alone"
    )


def test_spaces_at_the_end_are_the_answers_and_line_breaks_the_prompts():
    """A model goes on behind "two:", and what it writes brings its own space."""
    span, asked = written("one two:\n ", Generated(" three", 1, True))
    assert asked[0].input == "one two:\n"
    assert span.asked("one ...").input == "one ...\n"


def test_the_two_texts_of_a_pair_stand_one_above_the_other():
    span, asked = written(Pair("one two", "three\n"), Generated("four", 1, True))
    assert asked[0].input == "one two\nthree\n"
    assert span.asked(Pair("one ...", "three")).input == "one ...\nthree\n"


@pytest.mark.parametrize("text", ["", " \n", "\ufffd"])
def test_a_model_that_writes_nothing_has_no_answer(text):
    assert written("one two", Generated(text, 0, True))[0] == spans.SILENT


def test_letters_that_were_broken_off_are_left_out():
    assert written("one two", Generated("手\ufffd", 2, False))[0].answer == "手"


def test_a_model_that_cannot_write_is_a_reason():
    found, asked = written("one two", None, Context(Seeds(0)))
    assert found == spans.NOT_WRITTEN
    assert not asked


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (Failure("lost", True), "lost"),
        (Generated("three", 1, True, cut=4), TOO_LONG),
        (Logits((0.0,)), "answered with Logits"),
    ],
)
def test_an_answer_that_cannot_be_used_is_a_failure(response, said):
    found, _ = written("one two", response)
    assert isinstance(found, Failure)
    assert said in found.reason


@pytest.mark.parametrize(
    ("case", "answer"),
    [
        (Case("c", "which?", target="a", options=("a", "b"), references=("r",)), " a"),
        (Case("c", "which?", references=("r", "s"), target="t"), " r"),
        (Case("c", "which?", target="t"), " t"),
        (Case("c", "which? ", target="t"), "t"),
        (Case("c", "which?\n", target="t"), "t"),
        (Case("c", "which?", target=" t"), " t"),
        (Case("c", "这是什么？", target="手机"), "手机"),
        (Case("c", "这是手", target="机"), "机"),
        (Case("c", "这是什么？", target="phone"), " phone"),
    ],
)
def test_the_answer_of_the_data_stands_apart_from_the_prompt(case, answer):
    assert reference(case, PLAIN).answer == answer


def test_behind_a_template_the_answer_stands_as_it_is():
    assert reference(Case("c", "which?", target="t"), CHAT).answer == "t"


@pytest.mark.parametrize("case", [Case("c", "which?"), Case("c", "which?", target=" ")])
def test_a_case_without_an_answer_is_a_reason(case):
    assert reference(case, PLAIN) == spans.NO_REFERENCE
