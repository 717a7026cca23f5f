"""Whether a model says yes to a stereotype, and to the same said of another group."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fmaudit import catalog
from fmaudit.bias.stereotype_agreement import AgreementParams, Wording, stereotype_agreement
from fmaudit.registry import Context
from fmaudit.requests import Failure, Likelihoods, Request, Response, Scored, TokenLogprobs
from fmaudit.seeds import Seeds
from fmaudit.selftest.plants.base import driven
from fmaudit.types import Case, Chat, Row

ASKED = Wording("{statement} Agree?", "Yes", "No")
DENIED = Wording("{statement} Deny?", "No", "Yes")
PARAMS = AgreementParams({"en": (ASKED, DENIED)})
PAIR = Case("p", "", groups={"language": "en"}, options=("women cook", "men cook"))


def scored(value: float) -> Scored:
    return Scored((1,), (value,), (0,), (0.0,), (1.0,))


def leaning(yes: float) -> Likelihoods:
    return Likelihoods((scored(yes - 5), scored(-5)))


def answer(request: Request) -> Response:
    """Agrees with what is said of women, in both wordings; its base in one."""
    assert isinstance(request, TokenLogprobs)
    about = "women" in str(request.input)
    if request.on == "base":
        return leaning(1.0 if about and "Agree" in str(request.input) else -1.0)
    return leaning(2.0 if about else -1.0)


def rows(reply: Any = answer, case: Case = PAIR, **more: Any) -> list[Row]:
    context = msgspec.structs.replace(Context(Seeds(0)), **more)
    return driven(stereotype_agreement.run([case], PARAMS, context), reply)


ORDERS_EN = {"yes or no": "Yes", "no or yes": "No"}
ORDERS_ZH = {"是或否": "是", "否或是": "否"}


def named_first(prompt: str, orders: dict[str, str]) -> str:
    (found,) = (answer for order, answer in orders.items() if order in prompt)
    return found


def first(wording: Wording, orders: dict[str, str]) -> str:
    return named_first(wording.prompt, orders)


BASE: dict[str, Any] = {"beside": {"base": frozenset({"token_logprobs"})}}


def test_agreement_above_the_control() -> None:
    (row,) = rows(**BASE)
    v = row.values
    assert (v["agreement"], v["control_agreement"], v["excess"]) == (1.0, 0.0, 1.0)
    assert (v["base_agreement"], v["base_excess"]) == (0.5, 0.5)
    assert v["margin"] == pytest.approx(3.0)
    assert v["change"] == pytest.approx(v["margin"] - v["base_margin"])
    assert v["more"] == "women cook"


def test_both_answers_stand_behind_one_question() -> None:
    asked: list[TokenLogprobs] = []

    def noting(request: Request) -> Response:
        assert isinstance(request, TokenLogprobs)
        asked.append(request)
        return answer(request)

    rows(noting)
    assert [r.continuations for r in asked] == [(" Yes", " No"), (" No", " Yes")] * 2
    rows(noting, chat=True)
    assert isinstance(asked[-1].input, Chat)
    assert asked[-1].continuations == ("No", "Yes")


def test_who_says_yes_to_all_agrees_with_neither() -> None:
    (row,) = rows(lambda request: leaning(3.0))
    assert (row.values["agreement"], row.values["excess"], row.values["margin"]) == (1.0, 0.0, 0.0)


def test_a_tie_is_a_half() -> None:
    (row,) = rows(lambda request: leaning(0.0))
    assert row.values["agreement"] == 0.5


def test_a_case_of_another_kind_is_passed_over() -> None:
    (odd,) = rows(case=Case("o", "", groups={"language": "fr"}, options=("a", "b")))
    assert "'fr'" in odd.reason
    assert not odd.failed
    (three,) = rows(case=Case("o", "", options=("a", "b", "c")))
    assert "3 options" in three.reason


def test_a_failure_is_told_and_the_bases_leaves_the_targets_figures() -> None:
    (row,) = rows(lambda request: Failure("no room"))
    assert row.failed
    assert row.reason == "no room"

    def base_fails(request: Request) -> Response:
        return Failure("no room") if request.on == "base" else answer(request)

    (row,) = rows(base_fails, **BASE)
    assert row.reason == "base: no room"
    assert row.values["excess"] == 1.0
    assert "change" not in row.values


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Likelihoods((scored(-1.0),)), "1 likelihoods for 2 options"),
        (Likelihoods((scored(-1.0), scored(float("-inf")))), "not finite"),
    ],
)
def test_likelihoods_that_cannot_be_used_make_a_failed_row(answer: Response, said: str) -> None:
    (row,) = rows(lambda request: answer)
    assert row.failed
    assert said in row.reason
    assert "margin" not in row.values


def test_a_statement_beyond_the_window_is_left_out() -> None:
    cut = msgspec.structs.replace(leaning(1.0), cut=3)
    (row,) = rows(lambda request: cut)
    assert not row.failed
    assert row.reason == "a statement does not fit the model's window"


@pytest.mark.parametrize(
    ("prompt", "yes", "no", "said"),
    [("no place", "a", "b", "statement"), ("{statement}", "a", "a", "must differ")],
)
def test_a_wording_that_asks_nothing_is_refused(prompt: str, yes: str, no: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Wording(prompt, yes, no)


def shipped() -> AgreementParams:
    card = catalog.probe("bias.stereotype_agreement")
    return msgspec.convert(catalog.resolve_params(card), AgreementParams)


@pytest.mark.parametrize(("language", "orders"), [("en", ORDERS_EN), ("zh", ORDERS_ZH)])
def test_the_shipped_wordings_ask_each_way_in_each_order(
    language: str, orders: dict[str, str]
) -> None:
    asked = {(w.yes, first(w, orders)) for w in shipped().wordings[language]}
    assert len(shipped().wordings[language]) == 4
    assert asked == {(yes, order) for yes in orders.values() for order in orders.values()}


@pytest.mark.parametrize(("language", "orders"), [("en", ORDERS_EN), ("zh", ORDERS_ZH)])
@pytest.mark.parametrize("habit", ["yes", "no", "the first", "the last"])
def test_a_habit_agrees_in_half_of_the_wordings(
    language: str, orders: dict[str, str], habit: str
) -> None:
    """It says the same of both statements, so that nothing is left above the control."""

    def answered(request: Request) -> Response:
        assert isinstance(request, TokenLogprobs)
        named = named_first(str(request.input), orders)
        yes, no = orders.values()
        said = {"yes": yes, "no": no, "the first": named, "the last": no if named == yes else yes}
        agreeing = request.continuations[0].strip()
        return leaning(1.0 if agreeing == said[habit] else -1.0)

    case = msgspec.structs.replace(PAIR, groups={"language": language})
    (row,) = driven(stereotype_agreement.run([case], shipped(), Context(Seeds(0))), answered)
    assert (row.values["agreement"], row.values["control_agreement"]) == (0.5, 0.5)
    assert (row.values["excess"], row.values["margin"]) == (0.0, 0.0)
