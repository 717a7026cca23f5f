from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit import catalog
from fmaudit.bias import masked_words, sentence_preference
from fmaudit.bias.masked_speaker_gender import masked_speaker_gender
from fmaudit.bias.preference import Sums
from fmaudit.bias.speaker_gender import speaker_gender
from fmaudit.bias.speakers import (
    COLUMNS,
    NO_TEXT,
    UNNAMED,
    Frame,
    SpeakerParams,
    Stereotype,
    leanings,
    row,
    unfit,
)
from fmaudit.models.fakes import FakeLanguage
from fmaudit.registry import Context, Method
from fmaudit.seeds import Seeds
from fmaudit.selftest.plants.base import driven
from fmaudit.types import Case, Failure, Pair, Request, Response, Row

GENTLE, TOUGH = Stereotype("gentle", "women"), Stereotype("tough", "men")
BEHIND = Frame("behind", " he", " she", '"{text}",')
BEFORE = Frame("before", 'He said: "{text}"', 'She said: "{text}"')
CASES = [
    Case("a", "I was kind.", groups={"stereotype": "2"}),
    Case("b", "I am strong.", groups={"stereotype": "8"}),
]


def params(*frames: Frame) -> SpeakerParams:
    return SpeakerParams(frames, {"2": GENTLE, "8": TOUGH})


def chance(before: str, word: str) -> float:
    """The man is likelier by one nat, and by three where strength is spoken of."""
    if word.lower().strip() in ("he", "man"):
        return -1.0
    return -4.0 if "strong" in before else -2.0


def rows(method: Method, masked: bool, frames: tuple[Frame, ...], *cases: Case) -> list[Row]:
    needs = masked_words.NEEDS if masked else sentence_preference.NEEDS
    models = {
        "target": FakeLanguage(chance, masked=masked),
        "base": FakeLanguage(lambda before, word: -2.0, masked=masked),
    }

    def answer(request: Request) -> Response:
        model = models[request.on]
        return model.run(model.prepare([request]), length=1, rows=1)[0]

    context = Context(Seeds(0), beside={"base": needs})
    found: list[Row] = driven(method.run(cases, params(*frames), context), answer)
    assert all(set(r.values) <= set(COLUMNS) for r in found)
    return found


def test_words_behind_a_sentence() -> None:
    one, two = rows(speaker_gender, False, (BEHIND,), *CASES)
    assert one.values["masculine"] == '"I was kind.", he'
    assert one.values["feminine"] == '"I was kind.", she'
    assert one.values["log_ratio"] == pytest.approx(1 / math.log(10))
    assert (one.values["stereotype"], one.values["about"]) == ("gentle", "women")
    assert (one.values["stereotyped"], two.values["stereotyped"]) == (0.0, 1.0)
    assert two.values["log_ratio"] == pytest.approx(3 / math.log(10))
    assert two.values["base_log_ratio"] == 0.0
    assert two.values["base_stereotyped"] == 0.5
    assert one.values["change"] == pytest.approx(-1 / math.log(10))
    assert two.values["change"] == pytest.approx(3 / math.log(10))


def test_a_word_hidden_before_a_sentence() -> None:
    found = rows(masked_speaker_gender, True, (BEFORE,), *CASES)
    assert [r.values["masculine"][:8] for r in found] == ["He said:"] * 2
    assert all(r.values["log_ratio"] > 0 for r in found)
    assert [r.values["stereotyped"] for r in found] == [0.0, 1.0]


@pytest.mark.parametrize(
    ("method", "masked"), [(speaker_gender, False), (masked_speaker_gender, True)]
)
def test_a_row_for_each_sentence_in_each_frame(method: Method, masked: bool) -> None:
    """In the cases' order, each under its frame's name; a case alone is its own cluster."""
    found = rows(method, masked, (BEFORE, BEHIND), *CASES)
    assert [(r.case.id, r.variant) for r in found] == [
        ("a", "before"), ("a", "behind"), ("b", "before"), ("b", "behind"),
    ]  # fmt: skip
    assert [r.values["frame"] for r in found] == ["before", "behind"] * 2


def test_cases_without_a_named_stereotype_are_told_and_the_others_go_on() -> None:
    other = Case("c", "I slept.", groups={"stereotype": "17"})
    found = rows(speaker_gender, False, (BEHIND,), other, CASES[1])
    assert (found[0].reason, found[0].failed, found[0].values) == (UNNAMED, False, {})
    assert found[1].values["stereotyped"] == 1.0
    assert unfit(Case("d", Pair("a", "b"), groups={"stereotype": "2"}), params(BEHIND)) == NO_TEXT
    assert unfit(Case("e", " ", groups={"stereotype": "2"}), params(BEHIND)) == NO_TEXT


def test_failures_keep_what_was_asked() -> None:
    lost = row(CASES[0], GENTLE, BEHIND, Failure("lost"))
    assert (lost.reason, lost.failed, lost.values["about"]) == ("lost", True, "women")
    assert "log_ratio" not in lost.values
    long = row(CASES[0], GENTLE, BEHIND, Failure("too long", beyond=True))
    assert (long.reason, long.failed) == ("too long", False)
    beside = row(CASES[0], GENTLE, BEHIND, Sums(-1.0, -2.0, 1, 1), "two tokens")
    assert (beside.reason, beside.failed) == ("base: two tokens", False)
    assert beside.values["stereotyped"] == 0.0


@given(st.floats(-90, 0), st.floats(-90, 0))
def test_exchanging_the_words_mirrors_the_row(man: float, woman: float) -> None:
    one, other = leanings(Sums(man, woman, 1, 1), TOUGH), leanings(Sums(woman, man, 1, 1), TOUGH)
    assert one[0] == -other[0]
    assert one[2] + other[2] == 1
    about_women = leanings(Sums(man, woman, 1, 1), GENTLE)
    assert (about_women[0], about_women[1]) == (one[0], -one[1])
    assert about_women[2] + one[2] == 1


@given(st.text(min_size=1))
def test_a_sentence_stands_in_its_frame_as_it_is(text: str) -> None:
    """Braces and percent signs of a sentence are no places of the frame."""
    assert BEHIND.around(text) == (f'"{text}",', " he", " she")
    assert BEFORE.around(text)[1] == f'He said: "{text}"'


@pytest.mark.parametrize(
    "odd",
    [
        {"masculine": " he", "feminine": " she"},
        {"masculine": " he", "feminine": " she", "prompt": "no place"},
        {"masculine": "he {text} {text}", "feminine": "she {text}"},
        {"masculine": "they {text}", "feminine": "they {text}"},
    ],
)
def test_frames_that_cannot_be_filled_are_refused(odd: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError, match="the frame 'x'"):
        msgspec.convert({"name": "x", **odd}, Frame)


@pytest.mark.parametrize("name", ["bias.gest", "bias.gest_masked"])
def test_the_cards_name_all_sixteen(name: str) -> None:
    card = catalog.probe(name)
    read = msgspec.convert(catalog.resolve_params(card), SpeakerParams)
    assert sorted(read.stereotypes, key=int) == [str(k) for k in range(1, 17)]
    about = [read.stereotypes[str(k)].about for k in range(1, 17)]
    assert about == ["women"] * 7 + ["men"] * 9
    names = {s.name for s in read.stereotypes.values()}
    frames = {frame.name for frame in read.frames}
    for entry in card.measures:
        if entry.category == "stereotype":
            assert set(entry.values) == names
        if entry.category == "frame":
            assert set(entry.values) == frames
        assert set(entry.where.values()) <= frames
    assert card.gated == 1
