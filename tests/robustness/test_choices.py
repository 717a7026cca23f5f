from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from fmaudit.engine.floor import CONDITIONS
from fmaudit.errors import UnknownName
from fmaudit.registry import Context
from fmaudit.robustness.choices import (
    EQUAL,
    NO_OPTIONS,
    NO_QUESTION,
    Trial,
    Way,
    as_logits,
    score,
    unaskable,
    way,
)
from fmaudit.robustness.formats import Format
from fmaudit.robustness.repeats import with_repeats
from fmaudit.seeds import Seeds
from fmaudit.types import (
    Case,
    Chat,
    Failure,
    Likelihoods,
    Logits,
    Message,
    Pair,
    Response,
    Scored,
    TokenLogprobs,
)

LAYOUT = Format("ABCD", "Q: {question}\n{options}\nA:", "{label}. {option}", " {label}")
CONTEXT = Context(Seeds(0))
CASE = Case("a", "Which?", target="red", options=("red", "green", "blue"))


def said(*figures: float, cut: int = 0, split: int = 0) -> Likelihoods:
    """Log-likelihoods of the labels, in the order in which they stand."""
    scored = tuple(Scored((1, 2), (f / 2, f / 2), (0, 0), (-1.0,) * 2, (1.0,) * 2) for f in figures)
    return Likelihoods(scored, tokens=9, cut=cut, split=split)


def trial(order: Sequence[int] = (2, 0, 1), case: Case = CASE) -> Trial:
    first = Way("first", TokenLogprobs(input="first", continuations=(" A", " B", " C")), (0, 1, 2))
    other = Way("other", TokenLogprobs(input="other", continuations=(" A", " B", " C")), (*order,))
    return Trial(case, "order:1", {"shift": 1}, first, other)


# ── what is asked ────────────────────────────────────────────────────────────────────────


def test_one_request_holds_all_labels() -> None:
    found = way(CASE, LAYOUT, (2, 0, 1), CONTEXT)
    assert found.text == "Q: Which?\nA. blue\nB. red\nC. green\nA:"
    assert found.request == TokenLogprobs(input=found.text, continuations=(" A", " B", " C"))


def test_a_conversation_is_answered_without_the_space() -> None:
    found = way(CASE, LAYOUT, (0, 1, 2), Context(Seeds(0), chat=True))
    assert found.request.input == Chat((Message("user", found.text),))
    assert found.request.continuations == ("A", "B", "C")


def test_both_texts_of_a_pair_are_asked() -> None:
    case = Case("a", Pair("A passage.", "Which?"), options=("x", "y"))
    assert way(case, LAYOUT, (0, 1), CONTEXT).text == "Q: A passage.\nWhich?\nA. x\nB. y\nA:"


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (Case("a", "Which?"), NO_OPTIONS),
        (Case("a", "Which?", options=("x",)), "1 options, where the format has labels for 2 to 4"),
        (Case("a", "Which?", options=tuple("vwxyz")), "5 options, where"),
        (Case("a", "Which?", options=("x", " x")), EQUAL),
        (Case("a", "Which?", options=("x", " ")), EQUAL),
        (Case("a", "", options=("x", "y")), NO_QUESTION),
        (Case("a", "\n", options=("x", "y")), NO_QUESTION),
        (Case("a", "Which?", options=tuple("wxyz")), ""),
    ],
)
def test_what_cannot_be_asked_has_a_reason(case: Case, reason: str) -> None:
    assert unaskable(case, LAYOUT).startswith(reason)
    assert bool(unaskable(case, LAYOUT)) == bool(reason)


def test_the_repeats_are_those_of_the_noise_floor() -> None:
    request = TokenLogprobs(input="x", continuations=("y",))
    base, *repeats = with_repeats(request)
    assert base == request
    assert [(r.under, r.replica) for r in repeats] == [
        (c.get("under", ""), c.get("replica", 0)) for c in CONDITIONS.values()
    ]


# ── scores ───────────────────────────────────────────────────────────────────────────────


def test_scores_by_hand() -> None:
    # blue, red, green stand at A, B, C: the model says A, as before, and so another option.
    row = score(trial(), said(-1, -2, -3), said(-1, -2, -3, split=2), [said(-1, -2, -3)] * 3)
    told = ("flip", "repeat_flip", "correct", "noisy_correct", "repeat_correct")
    assert [row.values[name] for name in told] == [True, 0.0, True, False, 1.0]
    where = ("base_chosen", "chosen", "place", "shift", "cut", "split", "unedited")
    assert [row.values[n] for n in where] == ["red", "blue", 1, 1, 0, 2, "first"]
    assert (row.input, row.variant, row.failed) == ("other", "order:1", False)
    total = math.fsum(math.exp(x) for x in (-1, -2, -3))
    p = [math.exp(x) / total for x in (-1, -2, -3)]
    moved = abs(p[1] - p[0]) + abs(p[2] - p[1]) + abs(p[0] - p[2])
    assert row.values["distance"] == pytest.approx(moved / 2, rel=1e-12)


def test_the_same_content_elsewhere_is_no_flip() -> None:
    row = score(trial(), said(-1, -2, -3), said(-3, -1, -2), [said(-3, -1, -2), said(-1, -2, -3)])
    told = ("flip", "repeat_flip", "distance", "place", "chosen")
    assert [row.values[name] for name in told] == [False, 0.5, 0.0, 2, "red"]
    assert row.values["repeat_correct"] == 0.5


def test_a_tie_prefers_no_place() -> None:
    row = score(trial(), said(-1, -1, -1), said(-1, -1, -1), [said(-1, -1, -1)])
    assert [row.values[name] for name in ("flip", "chosen", "place")] == [False, "red", 2]


def test_the_first_way_itself_is_compared_with_nothing() -> None:
    first = trial().base
    same = Trial(CASE, "order:0", {"shift": 0}, first, first)
    row = score(same, said(-2, -1, -3), said(-2, -1, -3), [said(-2, -1, -3)])
    assert row.values["noisy_correct"] is False
    assert row.values["chosen"] == "green"
    for name in ("flip", "repeat_flip", "correct", "repeat_correct", "distance"):
        assert name not in row.values


def test_without_a_label_nothing_is_correct() -> None:
    case = Case("a", "Which?", options=CASE.options)
    row = score(trial(case=case), said(-1, -2, -3), said(-1, -2, -3), [said(-1, -2, -3)])
    assert row.values["flip"] is True
    for name in ("correct", "noisy_correct", "repeat_correct"):
        assert row.values.get(name) is None


def test_a_label_that_is_no_option_is_named() -> None:
    case = Case("a", "Which?", target="rde", options=CASE.options)
    with pytest.raises(UnknownName, match="red"):
        score(trial(case=case), said(-1, -2, -3), said(-1, -2, -3), [said(-1, -2, -3)])


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (Failure("lost"), "lost"),
        (said(-1, -2), "2 likelihoods for 3 options"),
        (said(-1, float("nan"), -2), "not finite"),
        (said(-1, float("-inf"), -2), "not finite"),
        (Logits((0.0, 1.0, 2.0)), "the model answered with Logits, not with likelihoods"),
        (Likelihoods((Scored((), (), (), (), ()),) * 3), "without a token"),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_answer_that_cannot_be_used_fails_the_row(
    broken: Response, reason: str, place: int
) -> None:
    answers: list[Any] = [said(-1, -2, -3)] * 3
    answers[place] = broken
    row = score(trial(), answers[0], answers[1], [said(-1, -2, -3), answers[2]])
    assert row.failed
    assert row.reason.startswith(("base: ", "change: ", "repeat: ")[place])
    assert reason in row.reason
    assert set(row.values) == {"shift", "unedited"}


@pytest.mark.parametrize("place", [0, 1])
def test_a_prompt_that_is_cut_is_dropped(place: int) -> None:
    cut = [said(-1, -2, -3, cut=4 * (place == k)) for k in (0, 1)]
    row = score(trial(), *cut, [said(-1, -2, -3)])
    assert (row.failed, row.values["cut"]) == (False, 4)
    assert "window" in row.reason
    assert "flip" not in row.values


def test_likelihoods_are_put_in_the_case_s_own_order() -> None:
    found = as_logits(said(-1, -2, -3), (2, 0, 1))
    assert found == Logits((-2.0, -3.0, -1.0), tokens=9)
