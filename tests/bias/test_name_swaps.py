"""Names, nations and Chinese words: what is found, what is left alone, what comes of it."""

from __future__ import annotations

from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit import catalog
from fmaudit.bias.lexicon import Lexicon, joined
from fmaudit.bias.swaps import Finder, finder
from fmaudit.bias.words import apply


@cache
def words(name: str, beside: str = "") -> Lexicon:
    def read(one: str) -> Lexicon:
        return msgspec.convert(catalog.word_list(f"list:{one}"), Lexicon)

    return joined(read(name), read(beside) if beside else None)


@cache
def found(name: str) -> Finder:
    lists = {
        "gender_names": ("first_names/en", "identity_terms/en"),
        "ethnic_names": ("first_names/en", "identity_terms/en"),
        "nationality": ("nations/en", "identity_terms/en"),
    }
    return finder(words(*lists.get(name, ("identity_terms_zh/zh",))), name)


def swapped(name: str, text: str, direction: str) -> str:
    """The text after the exchange of that direction; its reason where there is none."""
    for swap in found(name).swaps((text,)):
        if swap.direction == direction:
            return swap.reason or apply((text,), swap.edits)[0]
    return ""


TO_MAN = "female name→male name"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Emily asked for a loan.", "Jacob asked for a loan."),
        ("EMILY'S loan", "JACOB'S loan"),
        ("Mary Ann Smith wrote to us.", "John Paul Smith wrote to us."),
        ("Mary Smith wrote to us.", "James Smith wrote to us."),
        ("Emily said that she lost her keys.", "Jacob said that he lost his keys."),
        ("Emily saw her sister.", "Jacob saw his brother."),
        ("Mrs Karen Jones paid.", "Mr Kenneth Jones paid."),
        ("Susan is pregnant.", "impossible: 'pregnant' with male name"),
    ],
)
def test_names_of_women(text: str, expected: str) -> None:
    assert swapped("gender_names", text, TO_MAN) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Will you go on May 3, grace period and all?",
        "Mark my words: true hope may rise.",
        "She will go.".replace("She", "They"),
        "the emily dataset",
        "We met at Susan Street.",
        "St. Mary and St James are churches.",
        "Johns Hopkins",
        "Paris, Charlotte and Sydney are cities.",
        "Jordan and Taylor are here.",
        "Write to emily@example.org.",
    ],
)
def test_what_is_no_name_is_left_alone(text: str) -> None:
    assert not found("gender_names").terms((text,))


def test_both_names_are_exchanged() -> None:
    text = "Emily met Jacob and his wife."
    assert (
        swapped("gender_names", text, "female name↔male name") == "Jacob met Emily and her husband."
    )


@pytest.mark.parametrize(
    ("text", "direction", "expected"),
    [
        ("Greg applied.", "white name→Black name", "Jamal applied."),
        ("Juan Carlos applied.", "Hispanic name→white name", "Greg applied."),
        ("Juan applied.", "Hispanic name→white name", ""),
        ("Mei Ling's form", "Asian name→Black name", "Lakisha's form"),
        ("Sung-min is here", "Asian name→white name", "Connor is here"),
    ],
)
def test_names_of_groups(text: str, direction: str, expected: str) -> None:
    assert swapped("ethnic_names", text, direction) == expected


@pytest.mark.parametrize(
    ("text", "direction", "expected"),
    [
        ("An American nurse", "American→South Korean", "A South Korean nurse"),
        ("a South Korean nurse", "South Korean→American", "an American nurse"),
        ("She came from China.", "Chinese→American", "She came from the United States."),
        ("China is far.", "Chinese→American", "The United States is far."),
        ("He left the United States.", "American→Saudi", "He left Saudi Arabia."),
        ("two Mexicans", "Mexican→British", "two Britons"),
        ("a Chinese student", "Chinese→Nigerian", "a Nigerian student"),
    ],
)
def test_nations(text: str, direction: str, expected: str) -> None:
    assert swapped("nationality", text, direction) == expected


@pytest.mark.parametrize(
    "text",
    [
        "We ate at a Chinese restaurant.",
        "He speaks Chinese.",
        "A flat in New Mexico",
        "Mexico City is large.",
        "the Indian Ocean",
        "bone china",
        "African American students",
        "a fluent speaker of indian pale ale",
    ],
)
def test_what_names_no_nation_is_left_alone(text: str) -> None:
    assert not found("nationality").terms((text,))


@pytest.mark.parametrize(
    ("text", "direction", "expected"),
    [
        ("他的妻子是女医生。", "男↔女", "她的丈夫是男医生。"),
        ("她们都在公司。", "女→男", "他们都在公司。"),
        ("其他人弹吉他。", "男→女", ""),
        ("他买了其他东西。", "男→女", "她买了其他东西。"),
        ("这位女士怀孕了。", "女→男", "impossible: '怀孕' with 男"),
    ],
)
def test_chinese_words_of_sex(text: str, direction: str, expected: str) -> None:
    assert swapped("sex", text, direction) == expected


def test_chinese_words_of_other_groups() -> None:
    assert swapped("ethnicity", "一位汉族老师", "汉族→维吾尔族") == "一位维吾尔族老师"
    assert swapped("residence", "他是农村户口。", "农村→城市") == "他是城市户口。"
    assert swapped("region", "河南人和上海人", "上海↔河南") == "上海人和河南人"


NAMES = ["Emily", "Sarah", "Laura", "Mary Ann", "Hannah"]
PLAIN = st.text("bcd ,.", max_size=12)


@given(PLAIN, st.sampled_from(NAMES), PLAIN)
def test_there_and_back_again(before: str, name: str, after: str) -> None:
    text = f"{before} {name} {after}"
    there = swapped("gender_names", text, TO_MAN)
    assert there.startswith(before)
    assert there.endswith(after)
    assert swapped("gender_names", there, "male name→female name") == text


@given(st.sampled_from(["他", "她", "男人", "女儿"]), st.text("的在了。，天", max_size=8))
def test_chinese_there_and_back_again(word: str, rest: str) -> None:
    text = f"{rest}{word}{rest}"
    one, two = ("男→女", "女→男") if word in ("他", "男人") else ("女→男", "男→女")
    assert swapped("sex", swapped("sex", text, one), two) == text
