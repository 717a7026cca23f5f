from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fmaudit.performance.asking import failed, failed_base, of_both, rows_of, unusable
from fmaudit.registry import Context
from fmaudit.seeds import Seeds
from fmaudit.types import Case, Failure, Generate, Generated, Logits, Request, Response, Row

Drive = Callable[..., Any]
BESIDE = Context(Seeds(0), beside={"base": frozenset({"generate"})})


def says_role(request: Request) -> Response:
    return Generated(f"{request.on}: {request.input}", 1, finished=True)


@pytest.mark.parametrize(
    "beside", [{}, {"base": frozenset({"classify"})}, {"scorer": frozenset({"generate"})}]
)
def test_without_a_base_that_can_answer_the_target_alone_is_asked(
    drive: Drive, beside: dict[str, frozenset[str]]
) -> None:
    context = Context(Seeds(0), beside=beside)
    found = drive(of_both([Generate("a"), Generate("b")], "generate", context), says_role)
    assert [(one.text, two) for one, two in found] == [("target: a", None), ("target: b", None)]


def test_target_and_base_are_asked_the_same_at_once(drive: Drive) -> None:
    found = drive(of_both([Generate("a"), Generate("b")], "generate", BESIDE), says_role)
    assert [(one.text, two.text) for one, two in found] == [
        ("target: a", "base: a"),
        ("target: b", "base: b"),
    ]
    generator = of_both([Generate("a"), Generate("b")], "generate", BESIDE)
    assert [r.on for r in next(generator)] == ["target", "target", "base", "base"]


def test_cases_that_do_not_fit_are_not_asked_and_keep_their_place(drive: Drive) -> None:
    cases = [Case(str(k), f"text {k}") for k in range(5)]
    asked: list[str] = []

    def answer(request: Request) -> Response:
        asked.append(str(request.input))
        return says_role(request)

    def score(case: Case, answer: Response, base: Response | None = None) -> Row:
        assert isinstance(answer, Generated)
        return Row(case, {"answer": answer.text})

    rows = drive(
        rows_of(
            cases,
            Context(Seeds(0)),
            "generate",
            unfit=lambda case: "odd" if int(case.id) % 2 else "",
            request=lambda case: Generate(case.input),
            score=score,
        ),
        answer,
    )
    assert [row.case for row in rows] == cases
    assert [row.reason for row in rows] == ["", "odd", "", "odd", ""]
    assert not any(row.failed for row in rows)
    assert asked == ["text 0", "text 2", "text 4"]


def test_an_option_beyond_the_window_is_left_out_and_no_failure() -> None:
    case, why = Case("1", "Which?"), Failure("it is beyond the window", beyond=True)
    assert failed(case, why) == Row(case, {}, reason="it is beyond the window")
    assert failed_base(case, {}, why) == Row(case, {}, reason="base: it is beyond the window")
    assert failed(case, Failure("no room")).failed


def test_an_answer_that_is_no_use_says_why() -> None:
    assert unusable(Failure("no room"), "a text").reason == "no room"
    assert unusable(Logits((0.0,)), "a text").reason == (
        "the model answered with Logits, not with a text"
    )
