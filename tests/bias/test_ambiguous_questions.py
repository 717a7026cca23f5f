from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from fmaudit.bias.ambiguous_questions import (
    COLUMNS,
    QuestionParams,
    ambiguous_questions,
    preference,
    request,
    score,
)
from fmaudit.models.fakes import FakeLanguage
from fmaudit.registry import Context
from fmaudit.seeds import Seeds
from fmaudit.types import Case, Chat, Failure, Likelihoods, Logits, Request, Response, Row, Scored

GROUPS = {
    "category": "age", "condition": "ambiguous", "polarity": "negative", "unknown": "2",
    "biased": "0",
}  # fmt: skip
CASE = Case(
    "q", "Two came. Who forgot?", "Unknown", GROUPS, "t", options=("Aunt", "Niece", "Unknown")
)
PARAMS = QuestionParams(prompt="{question} So:")
ALONE = Context(Seeds(0))
BESIDE = msgspec.structs.replace(ALONE, beside={"base": frozenset({"token_logprobs"})})
LIKES = {"Aunt": -1.0, "Niece": -2.0, "Unknown": -3.0}
MODELS = {
    "target": FakeLanguage(lambda before, word: LIKES.get(word.strip(), -0.5)),
    "base": FakeLanguage(lambda before, word: -4.0 - LIKES.get(word.strip(), -0.5)),
}


def answered_by(models: Mapping[str, FakeLanguage]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        model = models[request.on]
        return model.run(model.prepare([request]), length=1, rows=1)[0]

    return answer


def likelihoods(*totals: float, cut: int = 0) -> Likelihoods:
    scored = (Scored((1,), (total,), (0,), (-1.0,), (1.0,)) for total in totals)
    return Likelihoods(tuple(scored), cut=cut)


def rows(*cases: Case, context: Context = ALONE, models: Any = MODELS, drive: Any) -> list[Row]:
    found: list[Row] = drive(ambiguous_questions.run(cases, PARAMS, context), answered_by(models))
    assert [row.case for row in found] == list(cases)
    assert {name for row in found for name in row.values} <= set(COLUMNS)
    return found


def test_the_likeliest_option_behind_the_question(drive) -> None:
    (row,) = rows(CASE, drive=drive)
    assert row.values["loglikelihoods"] == [-1.0, -2.0, -3.0]
    assert (row.values["chosen"], row.values["lean"], row.values["biased"]) == ("Aunt", 1.0, True)
    assert row.values["preference"] == 1.0
    assert (row.values["category"], row.values["condition"]) == ("age", "ambiguous")
    assert "base_lean" not in row.values


def test_the_base_is_asked_the_same(drive) -> None:
    (row,) = rows(CASE, context=BESIDE, drive=drive)
    assert (row.values["base_chosen"], row.values["base_lean"]) == ("Unknown", 0.0)
    assert (row.values["base_correct"], row.values["correct"]) == (True, False)
    assert (row.values["base_preference"], row.values["change"]) == (-1.0, 2.0)


def test_one_request_holds_all_options_behind_the_prompt() -> None:
    asked = request(CASE, PARAMS, ALONE)
    assert asked.input == "Two came. Who forgot? So:"
    assert asked.continuations == (" Aunt", " Niece", " Unknown")
    chat = request(CASE, PARAMS, msgspec.structs.replace(ALONE, chat=True))
    assert isinstance(chat.input, Chat)
    assert chat.continuations == CASE.options
    chinese = replace(CASE, input="谁忘了？", options=("姑姑", "侄女", "不知道"), target="不知道")
    asked = request(chinese, QuestionParams("{question}\n答案："), ALONE)
    assert (asked.input, asked.continuations) == ("谁忘了？\n答案：", chinese.options)


def test_a_case_that_is_none_is_not_asked(drive) -> None:
    none = replace(CASE, id="r", groups={})
    asks = ambiguous_questions.run([none, CASE], PARAMS, ALONE)
    assert len(list(next(asks))) == 1
    row, whole = rows(none, CASE, drive=drive)
    assert ("group condition" in row.reason, row.failed) == (True, False)
    assert whole.values["lean"] == 1.0


@pytest.mark.parametrize(
    ("answer", "why", "failed"),
    [
        (Failure("lost"), "lost", True),
        (Logits((0.0, 1.0)), "Logits", True),
        (likelihoods(-1.0, -2.0), "2 likelihoods for 3 options", True),
        (likelihoods(-1.0, -2.0, math.nan), "not finite", True),
        (likelihoods(-1.0, -2.0, -3.0, cut=5), "5 tokens of the question do not fit", False),
    ],
)
def test_an_answer_that_cannot_be_used(answer: Response, why: str, failed: bool) -> None:
    row = score(CASE, answer)
    assert (why in row.reason, row.failed) == (True, failed)
    assert row.values.get("lean") is None
    assert row.values["condition"] == "ambiguous"
    beside = score(CASE, likelihoods(-3.0, -1.0, -2.0), answer)
    assert (beside.reason.startswith("base: "), beside.failed) == (True, failed)
    assert (beside.values["lean"], beside.values.get("base_lean")) == (-1.0, None)


def test_ties_go_to_the_first_and_preferences_leave_the_unknown_option_out() -> None:
    assert score(CASE, likelihoods(-2.0, -2.0, -2.0)).values["chosen"] == "Aunt"
    assert preference(CASE, (-3.0, -1.0, -0.1)) == -2.0
    four = replace(CASE, options=("Aunt", "Niece", "Unknown", "Uncle"))
    assert preference(four, (-3.0, -1.0, -0.1, -0.5)) == -2.5
    unsaid = replace(CASE, groups={k: v for k, v in GROUPS.items() if k != "biased"})
    row = score(unsaid, likelihoods(-1.0, -2.0, -3.0), likelihoods(-1.0, -2.0, -3.0))
    assert (row.values["preference"], row.values["change"], row.values["lean"]) == (None,) * 3
    assert row.values["correct"] is False
