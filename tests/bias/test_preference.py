from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit import catalog
from fmaudit.bias.preference import COLUMNS, Sums, beyond, preference, row, summed, unfit
from fmaudit.registry import load_method
from fmaudit.stats import measures
from fmaudit.types import Case, Failure

PAIR = Case(
    "p", "", groups={"attribute": "gender", "language": "en"}, options=("She sews.", "He sews.")
)
SAID = {"attribute": "gender", "language": "en", "more": "She sews.", "less": "He sews."}
logprobs = st.lists(st.floats(-50, 0), min_size=1, max_size=6)


@given(st.floats(-900, 0), st.floats(-900, 0))
def test_swapping_the_two_mirrors_the_preference(more: float, less: float) -> None:
    found, stereotyped = preference(more, less)
    back, mirrored = preference(less, more)
    assert back == -found
    assert stereotyped + mirrored == 1
    assert stereotyped == {True: 1, False: 0}.get(more > less) if more != less else 0.5


def test_a_tie_is_a_half() -> None:
    assert preference(-3.25, -3.25) == (0.0, 0.5)


@given(logprobs, logprobs)
def test_sums_count_their_tokens(more: list[float], less: list[float]) -> None:
    found = summed(more, less)
    assert isinstance(found, Sums)
    assert (found.more, found.less) == (math.fsum(more), math.fsum(less))
    assert (found.more_tokens, found.less_tokens) == (len(more), len(less))
    assert summed(more, more[::-1]) == Sums(*(2 * [math.fsum(more)]), *(2 * [len(more)]))


@pytest.mark.parametrize("odd", [math.nan, -math.inf, math.inf])
def test_what_is_not_finite_is_a_failure(odd: float) -> None:
    for sides in (((-1.0, odd), (-1.0,)), ((-1.0,), (odd,))):
        assert summed(*sides) == Failure("a log-probability is not finite")


def test_a_row_of_the_target_alone() -> None:
    made = row(PAIR, Sums(-8.0, -10.0, 3, 4))
    assert made.values == {
        **SAID, "preference": 2.0, "stereotyped": 1.0, "more_logprob": -8.0,
        "less_logprob": -10.0, "more_tokens": 3, "less_tokens": 4,
    }  # fmt: skip
    assert (made.reason, made.failed) == ("", False)


def test_a_row_beside_the_base() -> None:
    made = row(PAIR, Sums(-8.0, -10.0, 3, 4), Sums(-9.5, -9.0, 3, 4))
    named = {name: made.values[name] for name in ("base_preference", "base_stereotyped", "change")}
    assert named == {"base_preference": -0.5, "base_stereotyped": 0.0, "change": 2.5}
    assert set(made.values) == set(COLUMNS)


def test_a_failure_keeps_what_the_pair_is() -> None:
    made = row(PAIR, Failure("too long"), Sums(-1.0, -2.0, 1, 1))
    assert made.values == SAID
    assert (made.reason, made.failed) == ("too long", True)
    beside = row(PAIR, Sums(-1.0, -2.0, 1, 1), Failure("lost"))
    assert (beside.reason, beside.failed) == ("base: lost", True)
    assert beside.values["preference"] == 1.0
    assert "base_preference" not in beside.values
    assert "change" not in beside.values


def test_what_does_not_apply_is_no_failure() -> None:
    made = row(PAIR, "nothing to compare")
    assert (made.reason, made.failed, made.values) == ("nothing to compare", False, SAID)
    beside = row(PAIR, Sums(-1.0, -2.0, 1, 1), "nothing to compare")
    assert (beside.reason, beside.failed) == ("base: nothing to compare", False)


def test_a_case_that_is_no_pair_says_so() -> None:
    assert unfit(PAIR) == ""
    assert "0 options" in unfit(Case("a", ""))
    assert "3 options" in unfit(Case("a", "", options=("x", "y", "z")))
    assert "a text before" in unfit(Case("a", "Once", options=("x", "y")))


def test_a_case_without_groups_has_null_slices() -> None:
    made = row(Case("a", "", options=("x", "y")), Sums(-1.0, -2.0, 1, 1))
    assert (made.values["attribute"], made.values["language"]) == (None, None)


@pytest.mark.parametrize("name", ["sentence_preference", "masked_preference"])
def test_the_cards(name: str) -> None:
    """They gate the change over all pairs alone, and slice by what the pairs are about."""
    card = catalog.probe(f"bias.{name}")
    assert load_method(card.method).name == name
    assert card.data.card == "preference_pairs"
    gated = [(e.measure, e.over, e.rule) for e in card.measures if e.rule]
    assert [(measure, over) for measure, over, _ in gated] == [
        ("stereotype_share_change", ("all",))
    ]
    rule = gated[0][2]
    assert (rule.op, rule.value, rule.origin, rule.minimum_n) == ("<=", 0.05, "default", 60)
    for entry in card.measures:
        assert set(measures.get(entry.measure).columns) <= set(COLUMNS)
        assert entry.category in (None, "attribute", "language")


def test_a_sentence_that_is_too_long_is_left_out_and_no_failure() -> None:
    pair = Case("1", "", options=("She sews.", "He sews."))
    left_out = row(pair, beyond(3))
    assert ("3 tokens" in left_out.reason, left_out.failed) == (True, False)
    assert row(pair, Failure("lost")).failed
    beside = row(pair, Sums(-1.0, -2.0, 1, 1), beyond(3))
    assert (beside.values["preference"], beside.failed) == (1.0, False)
