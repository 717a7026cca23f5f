from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_answers import Bench, likelihoods

from fmaudit import catalog
from fmaudit.errors import UnknownName
from fmaudit.models.fakes import FakeLanguage
from fmaudit.performance.multiple_choice import (
    BLANK,
    COLUMNS,
    NO_OPTIONS,
    multiple_choice,
    request_of,
    score,
)
from fmaudit.registry import Context, NoParams, load_method
from fmaudit.seeds import Seeds
from fmaudit.stats import measures
from fmaudit.types import (
    Case,
    Chat,
    Failure,
    Generated,
    Message,
    Pair,
    Request,
    Response,
    TokenLogprobs,
)

Drive = Callable[..., Any]
PLAIN = Context(Seeds(0))
OPTIONS = ("Paris", "a town in the north")
CASE = Case("1", "The capital is", "Paris", options=OPTIONS)


def test_the_likeliest_option_is_chosen_and_per_byte_another() -> None:
    row = score(CASE, likelihoods([-3.0, -2.0], [-3.0, -3.0], tokens=9, cut=2, split=1))
    assert row.values == {
        "label": 0, "predicted": 0, "correct": True, "correct_per_byte": False,
        "answer": "Paris", "loglikelihoods": [-5.0, -6.0], "tokens": 9, "cut": 2, "split": 1,
    }  # fmt: skip
    assert not row.reason
    assert set(row.values) <= set(COLUMNS)


def test_bytes_not_characters_count() -> None:
    case = Case("1", "?", "手机", options=("手机", "phone"))  # 6 bytes and 5, 2 characters and 5
    row = score(case, likelihoods([-5.5], [-5.0]))
    assert (row.values["correct"], row.values["correct_per_byte"]) == (False, True)


def test_of_equally_likely_options_the_first_is_taken() -> None:
    case = Case("1", "?", "b", options=("a", "b", "c"))
    row = score(case, likelihoods([-2.0], [-1.0], [-1.0]))
    assert (row.values["predicted"], row.values["correct"]) == (1, True)
    row = score(case, likelihoods([-1.0], [-1.0], [-1.0]))
    assert (row.values["predicted"], row.values["correct_per_byte"]) == (0, False)


def test_the_base_stands_beside() -> None:
    mine = likelihoods([-1.0], [-2.0])
    assert score(CASE, mine, likelihoods([-2.0], [-1.0])).values["base_correct"] is False
    assert score(CASE, mine, mine).values["base_correct"] is True
    assert "base_correct" not in score(CASE, mine).values


def test_without_a_label_there_is_a_choice_that_is_neither_right_nor_wrong() -> None:
    case = Case("1", "?", options=OPTIONS)
    row = score(case, likelihoods([-1.0], [-2.0]), likelihoods([-1.0], [-2.0]))
    values = row.values
    assert (values["label"], values["predicted"]) == (None, 0)
    assert values.get("correct") is values.get("correct_per_byte") is None
    assert values["base_correct"] is None


def test_a_label_that_is_no_option_is_named() -> None:
    with pytest.raises(UnknownName, match="case 1: unknown option 'Pari'"):
        score(Case("1", "?", "Pari", options=OPTIONS), likelihoods([-1.0], [-2.0]))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Failure("no room"), "no room"),
        (Generated("x", 1, True), "the model answered with Generated, not with likelihoods"),
        (likelihoods([-1.0]), "1 likelihoods for 2 options"),
        (likelihoods([-1.0], []), "an option without a token has no likelihood"),
        (likelihoods([-1.0], [-math.inf]), "a log-probability is not finite"),
    ],
)
def test_an_answer_that_is_none_is_a_failed_row(answer: Response, reason: str) -> None:
    row = score(CASE, answer)
    assert (row.values, row.reason, row.failed) == ({}, reason, True)
    row = score(CASE, likelihoods([-1.0], [-2.0]), answer)
    assert (row.reason, row.failed) == (f"base: {reason}", True)
    assert row.values["correct"] is True
    assert "base_correct" not in row.values


@given(st.lists(st.floats(-80, -0.1), min_size=2, max_size=6, unique=True), st.randoms())
def test_the_order_of_options_decides_nothing_but_ties(figures: list[float], rng: Any) -> None:
    options = [f"option {k}" for k in range(len(figures))]
    pairs = list(zip(options, figures, strict=True))

    def answered(pairs: Sequence[tuple[str, float]]) -> str:
        case = Case("1", "?", options[0], options=tuple(o for o, _ in pairs))
        values = score(case, likelihoods(*([f] for _, f in pairs))).values
        assert values["correct"] == (values["answer"] == options[0])
        return str(values["answer"])

    before = answered(pairs)
    rng.shuffle(pairs)
    assert answered(pairs) == before == options[figures.index(max(figures))]


# ── what is asked ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "options", "asked"),
    [
        ("The sky is", ("blue", "red"), (" blue", " red")),
        ("The sky is ", ("blue", "red"), ("blue", "red")),
        ("Answer:\n", ("blue", " red"), ("blue", " red")),
        ("天空是", ("蓝的", "red"), ("蓝的", "red")),
        ("", ("blue", "red"), ("blue", "red")),
    ],
)
def test_options_stand_behind_a_plain_question(
    text: str, options: tuple[str, ...], asked: tuple[str, ...]
) -> None:
    found = request_of(Case("1", text, options=options), PLAIN)
    assert found == TokenLogprobs(text, asked)


def test_in_a_conversation_an_option_is_the_answer() -> None:
    case = Case("1", Pair("It is noon.", "Day or night?"), options=("Day", "Night"))
    found = request_of(case, Context(Seeds(0), chat=True))
    prompt = Chat((Message("user", "It is noon.\nDay or night?"),))
    assert found == TokenLogprobs(prompt, ("Day", "Night"))


def test_cases_without_options_are_not_asked(drive: Drive) -> None:
    cases = [CASE, Case("2", "?", "x"), Case("3", "?", "x", options=("x", " "))]
    asked: list[Request] = []

    def answer(request: Request) -> Response:
        asked.append(request)
        return likelihoods([-1.0], [-2.0])

    rows = drive(multiple_choice.run(cases, NoParams(), PLAIN), answer)
    assert [row.reason for row in rows] == ["", NO_OPTIONS, BLANK]
    assert not any(row.failed for row in rows)
    assert len(asked) == 1


# ── an audit ─────────────────────────────────────────────────────────────────────────────

WORDS = ("north", "east", "south")


def questions(count: int) -> list[Case]:
    return [
        Case(f"{k}", f"question {k}", WORDS[k % 3], {"kind": "ab"[k % 2]}, options=WORDS)
        for k in range(count)
    ]


def knowing(wrong: int, key: str, chat: bool = False) -> FakeLanguage:
    """Finds the right option likelier, but for one question in `wrong`."""

    def likelihood(before: str, word: str) -> float:
        k = int(before.split()[1])
        right = WORDS[(k + 1) % 3] if k % wrong == 0 else WORDS[k % 3]
        return -1.0 if word == right else -5.0

    return FakeLanguage(likelihood, key=key, chat=chat)


@pytest.mark.parametrize("chat", [False, True])
def test_the_figures_of_an_audit(bench: Bench, chat: bool) -> None:
    done = bench.audit(
        "performance.multiple_choice", questions(240), knowing(4, "target", chat),
        knowing(8, "base", chat),
    )  # fmt: skip
    assert done.value("accuracy") == 0.75
    assert done.value("accuracy", kind="a") == 0.5
    assert done.value("accuracy", kind="b") == 1.0
    assert done.value("accuracy_change") == -0.125
    gated = done.of("accuracy_change")
    assert gated.rule is not None
    assert gated.rule.value == -0.02
    assert gated.estimate is not None
    assert gated.estimate.high is not None
    assert gated.estimate.high < -0.02


def test_fewer_than_200_questions_are_not_held_against_the_rule(bench: Bench) -> None:
    done = bench.audit(
        "performance.multiple_choice", questions(150), knowing(4, "t"), knowing(8, "b")
    )
    assert done.of("accuracy_change").estimate is None
    assert "200" in done.of("accuracy_change").reason
    assert done.value("accuracy") == pytest.approx(1 - 38 / 150)


def test_without_a_base_the_change_is_not_tested(bench: Bench) -> None:
    done = bench.audit("performance.multiple_choice", questions(210), knowing(4, "target"))
    assert (
        done.of("accuracy_change").reason
        == "no answers of a base to compare with; `model.base` names one"
    )
    assert done.of("accuracy_change").estimate is None


def test_the_card_names_what_the_rows_hold_and_no_class() -> None:
    card = catalog.probe("performance.multiple_choice")
    assert load_method(card.method) is multiple_choice
    assert card.gated == 1
    for entry in card.measures:
        assert set(measures.get(entry.measure).columns) <= set(COLUMNS)
        assert "classes" not in entry.over
        assert not measures.get(entry.measure).needs_positive
