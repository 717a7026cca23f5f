from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_choices import COLOURS, answer, figures, questions, value

from fmaudit import catalog
from fmaudit.matching import check
from fmaudit.models.fakes import FakeLanguage
from fmaudit.registry import Context, load_method
from fmaudit.robustness.choices import NO_OPTIONS
from fmaudit.robustness.option_order import (
    REFERS,
    OrderParams,
    option_order,
    stands,
    turns,
)
from fmaudit.seeds import Seeds
from fmaudit.stats import measures
from fmaudit.types import Case, Failure, Request, Response, Row

Drive = Callable[..., Any]
CONTEXT = Context(Seeds(0))
CARD = catalog.probe("robustness.option_order")


@pytest.fixture(scope="module")
def params() -> OrderParams:
    """The shipped card's parameters."""
    return msgspec.convert(catalog.resolve_params(CARD), OrderParams)


def listed(prompt: str) -> dict[str, str]:
    """Label → option of a prompt."""
    lines = prompt.split("\n")[1:-1]
    return {label: option for label, _, option in (line.partition(". ") for line in lines)}


def likes_black(prompt: str, word: str) -> float:
    """Chooses by what an option says, wherever it stands."""
    return -0.1 if listed(prompt)[word] == "black" else -4.0


def says_a(prompt: str, word: str) -> float:
    """Chooses the first place, whatever stands there."""
    return -0.1 if word == "A" else -4.0


def rows_of(drive: Drive, params: OrderParams, model: FakeLanguage | Callable[[Request], Response],
            given: Sequence[Case]) -> list[Row]:  # fmt: skip
    ask = answer(model) if isinstance(model, FakeLanguage) else model
    found: list[Row] = drive(option_order.run(given, params, CONTEXT), ask)
    assert {name for row in found for name in row.values} <= set(option_order.columns)
    assert len({(row.case.id, row.variant) for row in found}) == len(found)
    return found


# ── orders ───────────────────────────────────────────────────────────────────────────────


@given(count=st.integers(2, 26))
def test_every_option_stands_once_at_every_place(count: int) -> None:
    orders = turns(count)
    assert orders[0] == tuple(range(count))
    assert len(set(orders)) == count
    assert all(sorted(order) == list(range(count)) for order in orders)
    assert all(len({order[place] for order in orders}) == count for place in range(count))


@given(count=st.integers(2, 26))
def test_a_place_is_first_between_or_last(count: int) -> None:
    named = Counter(stands(place, count) for place in range(count))
    assert named == Counter({"first": 1, "last": 1, "between": count - 2})


# ── rows ─────────────────────────────────────────────────────────────────────────────────


def test_a_model_that_heeds_no_place_never_flips(drive: Drive, params: OrderParams) -> None:
    found = rows_of(drive, params, FakeLanguage(likes_black), questions())
    assert [row.variant for row in found[:4]] == [f"order:{k}" for k in range(4)]
    for row in found:
        assert not row.reason
        assert row.values["chosen"] == "black"
        assert row.values["noisy_correct"] == (row.case.target == "black")
        if row.values["shift"]:
            assert (row.values["flip"], row.values["repeat_flip"]) == (False, 0)
        else:
            assert "flip" not in row.values
    # Over all orders it chose each place equally often.
    assert Counter(row.values["place"] for row in found) == dict.fromkeys((1, 2, 3, 4), 40)


def test_a_model_that_says_a_flips_in_every_other_order(drive: Drive, params: OrderParams) -> None:
    found = rows_of(drive, params, FakeLanguage(says_a), questions())
    assert {row.values["place"] for row in found} == {1}
    assert all(row.values["flip"] is True for row in found if row.values["shift"])
    assert sum(row.values["shift"] > 0 for row in found) == 120
    for row in found:
        right_first = row.values["right_stands"] == "first"
        assert (
            row.values["noisy_correct"] == right_first == (row.values["chosen"] == row.case.target)
        )


def test_a_model_that_is_indifferent_never_flips(drive: Drive, params: OrderParams) -> None:
    found = rows_of(drive, params, FakeLanguage(lambda prompt, word: -1.0), questions(8))
    assert not any(row.values.get("flip") for row in found)


def test_prompts_as_they_are_read(drive: Drive, params: OrderParams) -> None:
    found = rows_of(drive, params, FakeLanguage(says_a), questions(1, ("x", "y", "z")))
    assert [row.input for row in found] == [
        f"Question: Which is number 0?\nA. {a}\nB. {b}\nC. {c}\nAnswer:"
        for a, b, c in ("xyz", "zxy", "yzx")
    ]
    assert {row.values["unedited"] for row in found} == {found[0].input}


TEXTS = st.text(min_size=1).filter(str.strip)


@given(options=st.lists(TEXTS, min_size=2, max_size=8, unique_by=str.strip))
def test_any_options_are_asked_or_dropped_with_a_reason(
    drive: Drive, params: OrderParams, options: list[str]
) -> None:
    asked: list[Any] = []

    def ask(request: Request) -> Response:
        asked.append(request)
        return answer(FakeLanguage(lambda prompt, word: -1.0))(request)

    case = Case("a", "Which?", options[-1], options=tuple(options))
    found = rows_of(drive, params, ask, [case])
    if asked:
        assert len(found) == len(options) == len(asked) - 3
        assert not any(row.reason for row in found)
        assert {row.values["chosen"] for row in found} == {options[0]}
    else:
        assert [row.reason for row in found] == [REFERS]


def test_chinese_options(drive: Drive, params: OrderParams) -> None:
    options = ("红色", "绿色", "以上都不是")
    dropped = rows_of(drive, params, FakeLanguage(says_a), questions(2, options))
    assert [(row.reason, row.failed, row.variant) for row in dropped] == [
        (REFERS, False, "order:0")
    ] * 2
    found = rows_of(drive, params, FakeLanguage(says_a), questions(2, ("红色", "绿色", "蓝色")))
    assert [row.values["chosen"] for row in found] == ["红色", "蓝色", "绿色"] * 2


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ((), NO_OPTIONS),
        (("one",), "1 options"),
        (tuple(f"option {k}." for k in range(27)), "27 options"),
        (("same", "same "), "two options are equal"),
        (("Paris", "London", "All of the above"), REFERS),
        (("Paris", "London", "Both A and B"), REFERS),
    ],
)
def test_what_cannot_be_turned_is_counted_and_not_asked(
    drive: Drive, params: OrderParams, options: tuple[str, ...], reason: str
) -> None:
    def never(request: Request) -> Response:
        raise AssertionError(request)

    (row,) = rows_of(drive, params, never, [Case("a", "Which?", options=options)])
    assert row.reason.startswith(reason)
    assert not row.failed


def test_without_a_label_the_choice_is_still_compared(drive: Drive, params: OrderParams) -> None:
    given = [Case("a", "Which?", options=COLOURS)]
    for row in rows_of(drive, params, FakeLanguage(says_a), given):
        assert row.values.get("flip", True) is True
        assert row.values.get("noisy_correct") is None
        assert "right_stands" not in row.values


def test_failures_stay_where_they_are(drive: Drive, params: OrderParams) -> None:
    def deaf(request: Any) -> Response:
        if "A. black" in request.input:
            return Failure("lost")
        return answer(FakeLanguage(says_a))(request)

    found = rows_of(drive, params, deaf, questions(3))
    assert [(r.values["shift"], r.reason) for r in found if r.failed] == [(1, "change: lost")] * 3

    def mute(request: Any) -> Response:
        return (
            Failure("lost") if "A. red" in request.input else answer(FakeLanguage(says_a))(request)
        )

    assert all(
        r.failed and r.reason == "base: lost" for r in rows_of(drive, params, mute, questions(1))
    )


# ── the card and its figures ─────────────────────────────────────────────────────────────


def test_wrong_parameters_are_named() -> None:
    with pytest.raises(msgspec.ValidationError, match="use: there is no format 'plian'"):
        msgspec.convert(catalog.resolve_params(CARD) | {"use": "plian"}, OrderParams)


def test_the_card() -> None:
    assert load_method(CARD.method) is option_order is check(CARD)
    gated = [(e.measure, e.over, e.rule.value, e.rule.minimum_n) for e in CARD.measures if e.rule]
    assert gated == [("flips_over_floor", ("all",), 0.05, 200)]
    for entry in CARD.measures:
        assert set(measures.get(entry.measure).columns) <= set(option_order.columns)
        assert set(entry.values) <= {stands(place, 3) for place in range(3)}


def test_figures_of_a_steady_model_and_of_one_that_says_a(
    drive: Drive, params: OrderParams, tmp_path: Path
) -> None:
    steady = figures(
        CARD,
        "right_stands",
        tmp_path,
        rows_of(drive, params, FakeLanguage(likes_black), questions(200)),
    )
    assert steady["flips_over_floor", ""].verdict == "pass"
    by_place = [value(steady["noisy_accuracy", where]) for where in ("first", "between", "last")]
    assert by_place == [0.25] * 3
    placed = figures(
        CARD, "right_stands", tmp_path, rows_of(drive, params, FakeLanguage(says_a), questions(200))
    )
    assert (placed["flips_over_floor", ""].verdict, value(placed["flips_over_floor", ""])) == (
        "fail", 1.0,
    )  # fmt: skip
    by_place = [value(placed["noisy_accuracy", where]) for where in ("first", "between", "last")]
    assert by_place == [1, 0, 0]
    assert value(placed["noisy_accuracy", ""]) == 0.25
    assert value(placed["accuracy_drop", ""]) == 0


def test_a_model_that_answers_at_random_is_taken_off(
    drive: Drive, params: OrderParams, tmp_path: Path
) -> None:
    """Each call draws anew: asking again flips as often as another order does."""
    rng = np.random.default_rng(3)

    def random(request: Request) -> Response:
        liked = COLOURS[rng.integers(4)]
        rule = FakeLanguage(lambda prompt, word: -0.1 if listed(prompt)[word] == liked else -4.0)
        return answer(rule)(request)

    found = figures(CARD, "right_stands", tmp_path, rows_of(drive, params, random, questions(240)))[
        "flips_over_floor", ""
    ]
    assert found.verdict != "fail"
    assert found.estimate is not None
    assert found.estimate.details["flip_rate"] == pytest.approx(0.75, abs=0.05)
    assert abs(found.estimate.value) < 0.06
