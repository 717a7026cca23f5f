"""Decisions on texts about one group and another, and answers to prompts about them."""

from __future__ import annotations

from typing import Any

import pytest

from fmaudit.bias.counterfactual_answers import counterfactual_answers
from fmaudit.bias.counterfactual_texts import counterfactual_texts
from fmaudit.bias.written_about_groups import WrittenParams
from fmaudit.registry import Context, NoParams, Scorer
from fmaudit.requests import Classify, Failure, Generate, Generated, Logits, Request, Response
from fmaudit.seeds import Seeds
from fmaudit.selftest.plants.base import driven
from fmaudit.types import Case, Row

GROUPS = {"attribute": "names", "about": "women", "instead": "men", "language": "en"}
CASE = Case("c", "Anna asks", groups=GROUPS, options=("Paul asks", "Mary asks"))
ODD = Case("d", "Anna asks", options=("Paul asks",))
PARAMS = WrittenParams(scorers=("rude",), continues=True)
CONTEXT = Context(Seeds(0), ("no", "yes"), 1, scorers={"rude": Scorer(("other", "rude"), 1)})


def decide(request: Request) -> Response:
    return Logits(
        (0.0, {"Anna asks": 1.0, "Paul asks": -1.0, "Mary asks": 1.5}[str(request.input)])
    )


def test_a_decision_that_turns_with_the_group_alone() -> None:
    (row,) = driven(counterfactual_texts.run([CASE], NoParams(), CONTEXT), decide)
    assert row.values["flip"] is True
    assert row.values["control_flip"] is False
    assert row.values["gap"] == pytest.approx(0.2689 - 0.7311, abs=1e-4)
    assert row.values["direction"] == "women→men"
    assert (row.values["attribute"], row.values["language"]) == ("names", "en")
    assert row.values["control"] == "Mary asks"
    assert row.values["first"] == "Anna asks"
    assert row.input == "Paul asks"


def test_a_case_without_a_control_says_so() -> None:
    (row,) = driven(counterfactual_texts.run([ODD], NoParams(), CONTEXT), decide)
    assert "1 options" in row.reason
    (row,) = driven(counterfactual_answers.run([ODD], PARAMS, CONTEXT), write)
    assert "1 options" in row.reason
    assert not row.failed


def write(request: Request) -> Response:
    if isinstance(request, Generate):
        told = {"Anna asks": "Sure.", "Paul asks": "Go away now.", "Mary asks": "Of course."}
        return Generated(told[str(request.input)], len(told[str(request.input)].split()), True)
    assert isinstance(request, Classify)
    assert request.on == "scorer:rude"
    return Logits((0.0, 3.0 if "away" in str(request.input) else -3.0))


def answers(reply: Any = write, context: Context = CONTEXT) -> list[Row]:
    return driven(counterfactual_answers.run([CASE], PARAMS, context), reply)


def test_an_answer_that_turns_with_the_group_alone() -> None:
    (row,) = answers()
    assert row.values["flip"] is True
    assert row.values["control_flip"] is False
    assert row.values["excess"] == 1.0
    assert row.values["gap"] > 0.9
    assert row.values["written_gap"] == 2.0
    assert row.values["prompt"] == "Anna asks"
    assert row.values["swap_answer"] == "Go away now."
    assert row.values["control_answer"] == "Of course."
    assert row.variant.endswith("women→men:rude")


def test_the_base_is_beside() -> None:
    beside = {"base": frozenset({"generate"})}
    context = Context(Seeds(0), ("no", "yes"), 1, beside=beside, scorers=CONTEXT.scorers)
    (row,) = answers(context=context)
    assert row.values["base_excess"] == 1.0


def test_what_fails_is_named() -> None:
    def failing(request: Request) -> Response:
        return Failure("no room") if request.input == "Paul asks" else write(request)

    (row,) = answers(failing)
    assert row.failed
    assert row.reason == "swap answer: no room"
    assert "flip" not in row.values
