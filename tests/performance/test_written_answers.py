from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from support_answers import Bench, likelihoods

from fmaudit import catalog
from fmaudit.models.fakes import FakeLanguage
from fmaudit.performance.written_answers import (
    BLANK,
    COLUMNS,
    NO_REFERENCES,
    AnswerParams,
    score,
    written_answers,
)
from fmaudit.registry import Context, load_method
from fmaudit.seeds import Seeds
from fmaudit.stats import measures
from fmaudit.types import (
    Case,
    Chat,
    Decoding,
    Failure,
    Generate,
    Generated,
    Message,
    Request,
    Response,
)

Drive = Callable[..., Any]
PARAMS = AnswerParams(articles=("a", "an", "the"))
CASE = Case("1", "Who won?", references=("Carolina", "Denver Broncos"))


def said(text: str, *, finished: bool = True) -> Generated:
    return Generated(text, len(text.split()), finished, prompt_tokens=7, cut=1)


def test_the_row_of_an_answer() -> None:
    row = score(PARAMS, CASE, said("The Denver Broncos."))
    values = row.values
    assert set(values) <= set(COLUMNS)
    assert (values["answer"], values["reference"]) == ("The Denver Broncos.", "Denver Broncos")
    assert (values["exact"], values["token_f1"]) == (True, 1.0)
    assert values["rouge_1"] == values["rouge_l"] == pytest.approx(0.8)
    assert values["rouge_2"] == pytest.approx(2 / 3)
    assert 50 < values["chrf"] < 100
    assert (values["unfinished"], values["written"]) == (False, 3)
    assert (values["tokens"], values["cut"]) == (7, 1)
    assert not row.reason


def test_an_empty_answer_is_wrong_not_failed() -> None:
    row = score(PARAMS, CASE, said("", finished=False))
    assert (row.values["exact"], row.values["token_f1"], row.values["chrf"]) == (False, 0.0, 0.0)
    assert row.values["unfinished"] is True
    assert not row.failed
    assert row.values["reference"] == "Carolina"  # all are as far; the first is named


def test_the_base_stands_beside() -> None:
    row = score(PARAMS, CASE, said("Denver"), said("carolina!"))
    assert (row.values["exact"], row.values["base_exact"]) == (False, True)
    assert row.values["base_answer"] == "carolina!"
    assert "base_exact" not in score(PARAMS, CASE, said("Denver")).values


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Failure("the prompt has no token"), "the prompt has no token"),
        (likelihoods([-1.0]), "the model answered with Likelihoods, not with a text"),
    ],
)
def test_an_answer_that_is_none_is_a_failed_row(answer: Response, reason: str) -> None:
    row = score(PARAMS, CASE, answer)
    assert (row.values, row.reason, row.failed) == ({}, reason, True)
    row = score(PARAMS, CASE, said("Carolina"), answer)
    assert (row.reason, row.failed) == (f"base: {reason}", True)
    assert row.values["exact"] is True
    assert "base_exact" not in row.values


def test_what_is_asked(drive: Drive) -> None:
    cases = [
        CASE,
        Case("2", "Who?"),
        Case("3", "Who?", references=("x", " ")),
        Case("4", "Where?", references=("here",)),
    ]
    asked: list[Request] = []

    def answer(request: Request) -> Response:
        asked.append(request)
        return said("here")

    params = AnswerParams(most_tokens=5, stop=("\n",))
    rows = drive(written_answers.run(cases, params, Context(Seeds(0), chat=True)), answer)
    assert [row.reason for row in rows] == ["", NO_REFERENCES, BLANK, ""]
    assert not any(row.failed for row in rows)
    decoding = Decoding(most_tokens=5, temperature=0.0, stop=("\n",))
    assert asked == [
        Generate(Chat((Message("user", text),)), decoding) for text in ("Who won?", "Where?")
    ]


@pytest.mark.parametrize(
    "params",
    [{"most_tokens": 0}, {"stop": [""]}, {"word_order": -1}, {"articles": "a"}, {"stops": ["x"]}],
)
def test_parameters_that_mean_nothing_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(params, AnswerParams)


def test_no_package_of_scores_is_loaded_before_it_is_needed() -> None:
    code = (
        "import sys, fmaudit.performance.written_answers\n"
        "print(sorted({'rouge_score', 'sacrebleu', 'nltk', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# ── an audit ─────────────────────────────────────────────────────────────────────────────


def cases(count: int) -> list[Case]:
    return [
        Case(f"{k}", f"Say {k}", groups={"kind": "ab"[k % 2]}, references=(f"number {k}",))
        for k in range(count)
    ]


def parrot(wrong: int, key: str) -> FakeLanguage:
    """Says the number; the next one, or on without end, where it is divisible by `wrong`."""

    def writes(prompt: str) -> str:
        k = int(prompt.split()[1])
        if k % wrong:
            return f"The number {k}.\n\nSay {k + 1}"
        return " ".join(["more"] * 500) if k % 2 else f"number {k + 1}"

    return FakeLanguage(lambda before, word: -1.0, writes, key=key)


def test_the_figures_of_an_audit(bench: Bench) -> None:
    done = bench.audit(
        "performance.written_answers", cases(90), parrot(3, "target"), parrot(9, "base")
    )
    assert done.value("exact_match") == pytest.approx(2 / 3)
    assert done.value("exact_match", kind="a") == pytest.approx(2 / 3)
    assert done.value("exact_match_change") == pytest.approx(-20 / 90)
    assert done.value("unfinished_share") == pytest.approx(15 / 90)
    assert done.value("token_f1") == pytest.approx((60 + 15 * 0.5) / 90)
    assert done.value("rouge_1") == pytest.approx((60 * 0.8 + 15 * 0.5) / 90)
    assert 0 < done.value("rouge_2") < done.value("rouge_l") < 1
    assert 50 < done.value("chrf") < 100
    endless = [row for row in done.rows if row.values["unfinished"]]
    assert all(row.values["written"] == 64 for row in endless)
    assert len(endless) == 15


def test_without_a_base_the_change_is_not_tested(bench: Bench) -> None:
    done = bench.audit("performance.written_answers", cases(40), parrot(3, "target"))
    assert (
        done.of("exact_match_change").reason
        == "no answers of a base to compare with; `model.base` names one"
    )
    assert done.value("exact_match") == pytest.approx(26 / 40)


def test_a_model_that_fails_too_often_has_no_figures(bench: Bench) -> None:
    many = [*cases(30), *(Case(f"x{k}", "Say 1", references=("number 1",)) for k in range(5))]

    class Broken(FakeLanguage):
        def _answer(self, request: Request) -> Response:
            return Failure("broken") if request.input == "Say 1" else super()._answer(request)

    broken = Broken(lambda before, word: -1.0, parrot(3, "x").writes, key="broken")
    done = bench.audit("performance.written_answers", many, parrot(3, "target"), broken)
    found = done.of("exact_match_change")
    assert found.verdict == "error"
    assert "base: broken" in found.reason


def test_the_card_names_what_the_rows_hold() -> None:
    card = catalog.probe("performance.written_answers")
    assert load_method(card.method) is written_answers
    assert card.gated == 0
    params = msgspec.convert(catalog.resolve_params(card), AnswerParams)
    assert set(params.articles) == {"a", "an", "the"}
    for entry in card.measures:
        assert set(measures.get(entry.measure).columns) <= set(COLUMNS)
