from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_answers import Bench, likelihoods

from fmaudit import catalog
from fmaudit.models.fakes import FakeLanguage
from fmaudit.performance.language_modelling import (
    APART,
    BLANK,
    COLUMNS,
    UNPLACED,
    language_modelling,
    score,
)
from fmaudit.registry import Context, NoParams, load_method
from fmaudit.seeds import Seeds
from fmaudit.stats import measures
from fmaudit.types import Case, Failure, Generated, Pair, Request, Response, TokenLogprobs

Drive = Callable[..., Any]
CASE = Case("1", "naïve 手机")  # 8 characters, 13 bytes


def test_a_text_read_whole() -> None:
    row = score(CASE, likelihoods([-1.0, -2.5], ends=(5, 8), tokens=3))
    assert row.values == {
        "nats": 3.5, "scored_tokens": 2, "bytes": 13, "tokens": 3, "cut": 0,
    }  # fmt: skip
    assert not row.reason
    assert set(row.values) <= set(COLUMNS)


def test_spaces_that_a_tokenizer_drops_count_as_read() -> None:
    row = score(Case("1", "  ab  "), likelihoods([-1.0], ends=(4,)))
    assert row.values["bytes"] == 6
    assert score(Case("1", "ab"), likelihoods([-1.0])).values["bytes"] == 2


def test_a_text_that_was_cut_counts_the_bytes_up_to_there() -> None:
    row = score(CASE, likelihoods([-1.0, -2.0], ends=(2, 3), cut=4))
    assert (row.values["bytes"], row.values["cut"], row.reason) == (4, 4, "")  # "naï"


@pytest.mark.parametrize("ends", [(), (0, 0)])
def test_a_text_that_was_cut_nobody_says_where_has_no_bytes(ends: tuple[int, ...]) -> None:
    row = score(CASE, likelihoods([-1.0, -2.0], ends=ends, cut=4), likelihoods([-1.0]))
    assert (row.reason, row.failed) == (UNPLACED, False)
    assert row.values["bytes"] is None
    assert (row.values["nats"], row.values["scored_tokens"]) == (3.0, 2)
    assert "base_nats" not in row.values


def test_the_base_is_compared_on_the_same_part_alone() -> None:
    mine = likelihoods([-1.0, -2.0], ends=(2, 3), cut=4)
    same = score(CASE, mine, likelihoods([-4.0], ends=(3,), cut=1))
    assert (same.values["base_nats"], same.reason) == (4.0, "")
    for theirs in (
        likelihoods([-4.0], ends=(5,), cut=1),
        likelihoods([-4.0], ends=(8,)),
        likelihoods([-4.0], cut=1),
    ):
        apart = score(CASE, mine, theirs)
        assert (apart.reason, apart.failed) == (APART, False)
        assert "base_nats" not in apart.values
        assert apart.values["nats"] == 3.0
    whole = score(CASE, likelihoods([-1.0], ends=(8,)), likelihoods([-4.0, -1.0]))
    assert whole.values["base_nats"] == 5.0


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Failure("no room"), "no room"),
        (Generated("x", 1, True), "the model answered with Generated, not with likelihoods"),
        (likelihoods([-1.0], [-1.0]), "the answer holds no likelihood of one text"),
        (likelihoods(), "the answer holds no likelihood of one text"),
        (likelihoods([]), "the answer holds no likelihood of one text"),
        (likelihoods([-1.0, -math.inf]), "a log-probability is not finite"),
        (likelihoods([math.nan]), "a log-probability is not finite"),
    ],
)
def test_an_answer_that_is_none_is_a_failed_row(answer: Response, reason: str) -> None:
    row = score(CASE, answer)
    assert (row.values, row.reason, row.failed) == ({}, reason, True)
    row = score(CASE, likelihoods([-1.0], ends=(8,)), answer)
    assert (row.reason, row.failed) == (f"base: {reason}", True)
    assert row.values["nats"] == 1.0
    assert "base_nats" not in row.values


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
    st.lists(st.floats(-50, 0), min_size=1, max_size=8),
    st.integers(1, 20),
)
def test_bytes_and_nats_are_those_of_what_was_scored(
    text: str, figures: list[float], end: int
) -> None:
    end = min(end, len(text))
    ends = [min(k + 1, end) for k in range(len(figures) - 1)] + [end]
    row = score(Case("1", text), likelihoods(figures, ends=ends, cut=len(text) - end))
    assert row.values["bytes"] == len(text[:end].encode("utf-8"))
    assert row.values["nats"] == pytest.approx(-math.fsum(figures))
    assert row.values["nats"] >= 0
    assert row.values["scored_tokens"] == len(figures)


def test_the_text_is_asked_as_it_is_and_blank_ones_are_not(drive: Drive) -> None:
    asked: list[Request] = []

    def answer(request: Request) -> Response:
        asked.append(request)
        return likelihoods([-1.0])

    cases = [Case("1", "one"), Case("2", " \n"), Case("3", Pair("a", "b")), Case("4", "")]
    context = Context(Seeds(0), chat=True)
    rows = drive(language_modelling.run(cases, NoParams(), context), answer)
    assert asked == [TokenLogprobs("", ("one",)), TokenLogprobs("", ("a\nb",))]
    assert [row.case for row in rows] == cases
    assert [row.reason for row in rows] == ["", BLANK, "", BLANK]
    assert not any(row.failed for row in rows)


def test_the_figures_of_an_audit(bench: Bench) -> None:
    cases = [
        Case(f"{k}", "word " * (k % 4) + "手", groups={"kind": "ab"[k % 2]}) for k in range(80)
    ]
    target = FakeLanguage(lambda before, word: -1.0, key="target")
    base = FakeLanguage(lambda before, word: -3.0, key="base")
    done = bench.audit("performance.language_modelling", cases, target, base)
    words = sum(k % 4 + 1 for k in range(80))
    size = sum(len(str(case.input).encode()) for case in cases)
    assert done.value("perplexity") == pytest.approx(math.e)
    assert done.value("bits_per_byte") == pytest.approx(words / size / math.log(2))
    assert done.value("bits_per_byte_change") == pytest.approx(-2 * words / size / math.log(2))
    for value, first in (("a", 0), ("b", 1)):
        mine = range(first, 80, 2)
        share = sum(k % 4 + 1 for k in mine) / sum(5 * (k % 4) + 3 for k in mine)
        found = done.value("bits_per_byte", kind=value)
        assert found == pytest.approx(share / math.log(2))


def test_without_a_base_the_change_is_not_tested(bench: Bench) -> None:
    cases = [Case(f"{k}", f"some words {k}") for k in range(30)]
    target = FakeLanguage(lambda before, word: -float(len(word)))
    done = bench.audit("performance.language_modelling", cases, target)
    found = done.of("bits_per_byte_change")
    assert found.estimate is None
    assert found.reason == "no answers of a base to compare with; `model.base` names one"
    assert done.value("perplexity") > 1


def test_the_card_names_what_the_rows_hold() -> None:
    card = catalog.probe("performance.language_modelling")
    assert load_method(card.method) is language_modelling
    assert language_modelling.needs == {"target": {"token_logprobs"}}
    assert card.gated == 0
    for entry in card.measures:
        assert set(measures.get(entry.measure).columns) <= set(COLUMNS)
