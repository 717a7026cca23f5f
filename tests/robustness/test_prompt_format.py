from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from support_choices import COLOURS, answer, figures, questions, value

from fmaudit import catalog
from fmaudit.documents import read_any
from fmaudit.matching import check
from fmaudit.models.fakes import FakeLanguage
from fmaudit.registry import Context, load_method
from fmaudit.robustness.choices import NO_OPTIONS
from fmaudit.robustness.prompt_format import FormatParams, prompt_format
from fmaudit.seeds import Seeds
from fmaudit.stats import measures
from fmaudit.types import Case, Chat, Failure, Request, Response, Row

Drive = Callable[..., Any]
CONTEXT = Context(Seeds(0))
CARD = catalog.probe("robustness.prompt_format")


@pytest.fixture(scope="module")
def params() -> FormatParams:
    """The shipped card's parameters."""
    return msgspec.convert(catalog.resolve_params(CARD), FormatParams)


def listed(prompt: str) -> dict[str, str]:
    """Label → option, of a prompt in any of the English formats."""
    body = prompt.replace("; ", "\n").replace("? A. ", "?\nA. ").replace(" Answer:", "\nAnswer:")
    lines = [line for line in body.rstrip().split("\n") if line]
    options = [line for line in lines if line[-1] not in "?:-"]
    return {line.split(" ", 1)[0].strip("().").lower(): line.split(" ", 1)[1] for line in options}


def knows(prompt: str, word: str) -> float:
    """Chooses by what the options say: the right one, whatever the format."""
    number = int(prompt.split("number ")[1].split("?")[0])
    return -0.1 if listed(prompt)[word.strip("()").lower()] == COLOURS[number % 4] else -4.0


def says_first(prompt: str, word: str) -> float:
    """Says the first label, whatever stands behind it."""
    return -0.1 if word.strip("()").lower() in ("a", "1") else -4.0


def reads_fields(prompt: str, word: str) -> float:
    """Knows the answer where the field is called "Answer:", else says the first label."""
    if prompt.rstrip().endswith("Answer:"):
        return knows(prompt, word)
    return says_first(prompt, word)


def rows_of(drive: Drive, params: FormatParams, model: FakeLanguage | Callable[[Request], Response],
            given: Sequence[Case], context: Context = CONTEXT) -> list[Row]:  # fmt: skip
    ask = answer(model) if isinstance(model, FakeLanguage) else model
    found: list[Row] = drive(prompt_format.run(given, params, context), ask)
    assert {name for row in found for name in row.values} <= set(prompt_format.columns)
    assert [(r.case.id, r.values["format"]) for r in found] == [
        (case.id, name) for case in given for name in params.use
    ]
    assert all(row.variant == f"format:{row.values['format']}" for row in found)
    return found


def test_a_model_that_does_not_heed_the_format_never_flips(
    drive: Drive, params: FormatParams
) -> None:
    for row in rows_of(drive, params, FakeLanguage(knows), questions()):
        assert not row.reason
        assert row.values["noisy_correct"] is True
        assert row.values["chosen"] == row.case.target
        if row.values["format"] == "plain":
            assert "flip" not in row.values
        else:
            told = ("flip", "repeat_flip", "correct", "repeat_correct", "distance", "cut")
            assert [row.values[name] for name in told] == [False, 0, True, 1, 0, 0]
            assert row.input != row.values["unedited"]


def test_a_model_that_heeds_a_field_s_name_flips(drive: Drive, params: FormatParams) -> None:
    found = rows_of(drive, params, FakeLanguage(reads_fields), questions())
    flipped = Counter(row.values["format"] for row in found if row.values.get("flip"))
    # Of forty questions ten have their answer at A, where this model says it without reading.
    assert flipped == dict.fromkeys(["short_fields", "loud_fields", "small_fields", "dashes"], 30)
    assert all(
        row.values["noisy_correct"] == (row.values["chosen"] == row.case.target) for row in found
    )


def test_all_labels_of_a_prompt_are_one_request(drive: Drive, params: FormatParams) -> None:
    asked: list[Any] = []

    def ask(request: Request) -> Response:
        asked.append(request)
        return answer(FakeLanguage(knows))(request)

    rows_of(drive, params, ask, questions(1))
    assert len(asked) == len(set(asked)) == len(params.use) + 3
    assert {len(request.continuations) for request in asked} == {4}
    assert Counter((r.under, r.replica) for r in asked) == {
        ("", 0): len(params.use), ("alone", 0): 1, ("padded", 0): 1, ("", 1): 1,
    }  # fmt: skip


def test_a_conversation_is_asked_where_the_model_reads_them(
    drive: Drive, params: FormatParams
) -> None:
    def ask(request: Any) -> Response:
        assert isinstance(request.input, Chat)
        assert all(text == text.strip() for text in request.continuations)
        return answer(FakeLanguage(chatty, chat=True))(request)

    def chatty(prompt: str, word: str) -> float:
        return knows(prompt.rstrip("\n"), word)

    found = rows_of(drive, params, ask, questions(4), Context(Seeds(0), chat=True))
    assert not any(row.reason or row.values.get("flip") for row in found)


def test_chinese_questions_in_chinese_formats(drive: Drive) -> None:
    formats = read_any(catalog.dataset("prompt_formats").file.parent / "zh.yaml")
    params = msgspec.convert({"formats": formats, "use": list(formats["formats"])}, FormatParams)
    options = ("红色", "绿色", "蓝色")
    given = [Case("问", "天空是什么颜色？", "蓝色", options=options)]

    def blue(prompt: str, word: str) -> float:
        return -0.1 if word.strip("（）").lower() in ("c", "3") else -5.0

    for row in rows_of(drive, params, FakeLanguage(blue), given):
        assert not row.reason
        assert row.values["chosen"] == "蓝色"
        assert not row.values.get("flip")
        assert "天空是什么颜色？" in str(row.input)


def test_what_cannot_be_asked_is_counted_and_not_asked(drive: Drive, params: FormatParams) -> None:
    def never(request: Request) -> Response:
        raise AssertionError(request)

    for row in rows_of(drive, params, never, [Case("a", "Which?"), Case("b", "Which?")]):
        assert (row.reason, row.failed) == (NO_OPTIONS, False)
    many = [Case("a", "Which is number 0?", options=tuple(f"option {k}" for k in range(27)))]
    assert {row.reason for row in rows_of(drive, params, never, many)} == {
        "27 options, where the format has labels for 2 to 26"
    }
    ten = [Case("a", "Which?", options=tuple(f"option {k}" for k in range(10)))]
    found = rows_of(drive, params, FakeLanguage(lambda prompt, word: -1.0), ten)
    assert [row.values["format"] for row in found if row.reason] == ["numbers"]


def test_failures_stay_where_they_are(drive: Drive, params: FormatParams) -> None:
    def deaf(request: Any) -> Response:
        if "QUESTION" in request.input:
            return Failure("lost")
        return answer(FakeLanguage(knows))(request)

    found = rows_of(drive, params, deaf, questions(3))
    assert [(r.values["format"], r.reason) for r in found if r.failed] == [
        ("loud_fields", "change: lost")
    ] * 3

    def mute(request: Any) -> Response:
        return Failure("lost") if request.under == "alone" else answer(FakeLanguage(knows))(request)

    broken = rows_of(drive, params, mute, questions(1))
    assert all(row.failed and row.reason == "repeat: lost" for row in broken)


def test_order_and_chunks_change_nothing(drive: Drive, params: FormatParams) -> None:
    given = [*questions(5), Case("none", "Which?")]
    model = FakeLanguage(reads_fields)
    at_once = rows_of(drive, params, model, given)
    apart = [row for case in reversed(given) for row in rows_of(drive, params, model, [case])]

    def key(row: Row) -> tuple[str, str]:
        return row.case.id, row.variant

    assert sorted(at_once, key=key) == sorted(apart, key=key)


# ── the card and its figures ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"use": ["plain"]}, "use: two formats"),
        ({"use": ["plain", "plain"]}, "use: two formats"),
        ({"use": ["plain", "brakets"]}, "use: there is no format 'brakets'. Known: plain"),
        ({"kinds": []}, "kinds"),
    ],
)
def test_wrong_parameters_are_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert(catalog.resolve_params(CARD) | change, FormatParams)


def test_the_card(params: FormatParams) -> None:
    assert load_method(CARD.method) is prompt_format is check(CARD)
    gated = [(e.measure, e.over, e.rule.value, e.rule.minimum_n) for e in CARD.measures if e.rule]
    assert gated == [("excess_accuracy_drop", ("all",), 0.05, 200)]
    for entry in CARD.measures:
        assert set(measures.get(entry.measure).columns) <= set(prompt_format.columns)
        if entry.values:
            changed = params.use if entry.measure == "noisy_accuracy" else params.use[1:]
            assert entry.values == changed
    assert set(params.use) == set(params.formats.formats)


def test_figures_of_a_steady_and_of_a_brittle_model(
    drive: Drive, params: FormatParams, tmp_path: Path
) -> None:
    given = questions(240)
    steady = figures(CARD, "format", tmp_path, rows_of(drive, params, FakeLanguage(knows), given))
    assert steady["excess_accuracy_drop", ""].verdict == "pass"
    brittle = figures(
        CARD, "format", tmp_path, rows_of(drive, params, FakeLanguage(reads_fields), given)
    )
    gated = brittle["excess_accuracy_drop", ""]
    assert gated.verdict == "fail"
    assert gated.estimate is not None
    assert value(gated) == pytest.approx(0.4 * 0.75)
    assert (gated.estimate.n, gated.estimate.clusters) == (2400, 240)

    assert (
        value(brittle["noisy_accuracy", "plain"])
        == value(brittle["noisy_accuracy", "brackets"])
        == 1
    )
    assert value(brittle["noisy_accuracy", "dashes"]) == 0.25
    assert (
        value(brittle["accuracy_drop", "dashes"])
        == value(brittle["flips_over_floor", "dashes"])
        == 0.75
    )
    assert value(brittle["flips_over_floor", "one_line"]) == 0


def test_too_few_questions_are_not_held_against_the_rule(
    drive: Drive, params: FormatParams, tmp_path: Path
) -> None:
    few = figures(
        CARD, "format", tmp_path, rows_of(drive, params, FakeLanguage(reads_fields), questions(199))
    )
    assert few["excess_accuracy_drop", ""].verdict == "not_tested"
    assert few["accuracy_drop", "dashes"].verdict == "measured"


@pytest.mark.parametrize("chance", [0.5, 0.1])
def test_random_answers_are_no_brittleness(
    drive: Drive, params: FormatParams, tmp_path: Path, chance: float
) -> None:
    """Each call draws anew: the floor takes off what a format seems to flip."""
    rng = np.random.default_rng(2)

    def moody(request: Request) -> Response:
        rule = says_first if rng.random() < chance else knows
        return answer(FakeLanguage(rule))(request)

    found = figures(CARD, "format", tmp_path, rows_of(drive, params, moody, questions(240)))
    assert found["excess_accuracy_drop", ""].verdict in ("pass", "inconclusive")
    flips = found["flips_over_floor", ""].estimate
    assert flips is not None
    assert flips.low is not None
    assert flips.high is not None
    assert flips.low < 0 < flips.high
    assert flips.details["flip_rate"] > chance * (1 - chance)


def test_chance_of_one_prompt_is_its_own(drive: Drive, params: FormatParams) -> None:
    """Likelihoods hashed from the prompt: every format is another draw, and no floor hides it."""

    def hashed(prompt: str, word: str) -> float:
        return -(zlib.crc32(f"{prompt}{word}".encode()) % 1000) / 100

    found = [
        row for row in rows_of(drive, params, FakeLanguage(hashed), questions(60))
        if row.values["format"] != "plain"
    ]  # fmt: skip
    assert {row.values["repeat_flip"] for row in found} == {0.0}
    assert np.mean([row.values["flip"] for row in found]) == pytest.approx(0.75, abs=0.08)
