from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmaudit.robustness.places import (
    beginning,
    input_of,
    letters,
    parts_of,
    places,
    words,
)
from fmaudit.types import Pair

NONE: frozenset[str] = frozenset()


def found(text: str, shortest: int = 4) -> list[str]:
    return [w.text for w in words((text,)) if len(w.text) >= shortest]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Plain words, here.", ["Plain", "words", "here"]),
        ("mother-in-law", ["mother"]),
        ("abc123def COVID19-related 45dollars", []),
        ("½portion Ⅳfour ²square", []),
        ("see https://example.org/path or mail someone@there.net", ["mail"]),
        ("www.Example here example.com", ["here"]),
        ("#hashtag snake_case and/other back\\slash", []),
        ("didn't shouldn’t o'clock", []),
        ("the dogs' houses 'quoted words'", ["dogs", "houses", "quoted", "words"]),
        ("", []),
        ("   \n\t ", []),
    ],
)
def test_words_that_may_be_edited(text: str, expected: list[str]) -> None:
    assert found(text) == expected


def test_only_the_inside_of_a_word() -> None:
    at = [(p.word.text, p.at) for p in places(("four and seven",), 4, frozenset({"seven"}))]
    assert at == [("four", 1), ("four", 2)]


def test_marks_and_halves_of_a_sign_are_left_whole() -> None:
    combining = "cafe\u0301s"  # no place at the e, nor beside its accent
    assert [p.at for p in places((combining,), 4, NONE)] == [1, 2]
    jamo = "\u1112\u1161\u11ab\u1100\u116e"  # two syllables in five parts
    assert not places((jamo,), 4, NONE)
    hindi = "\u0928\u092e\u0938\u094d\u0924\u0947"  # a conjunct: no place beside the virama
    assert all(p.at == 1 for p in places((hindi,), 4, NONE))


def test_right_to_left_texts_have_places() -> None:
    assert len(places(("مرحبا",), 4, NONE)) == 3
    assert len(places(("שלום",), 4, NONE)) == 2


def test_letters_are_counted_in_every_part() -> None:
    assert letters(("ab 1", "é_ش")) == 4


@settings(deadline=None)
@given(st.text(max_size=60))
def test_words_stand_where_they_say(text: str) -> None:
    for word in words((text,)):
        assert text[word.start : word.end] == word.text
        assert not any(c.isdigit() for c in word.text)


@settings(deadline=None)
@given(st.text(max_size=80), st.floats(0, 1))
def test_a_beginning_is_one(text: str, share: float) -> None:
    (short,) = beginning((text,), share)
    assert text.startswith(short)
    assert len(short) <= max(share * len(text), len(text.split()[0]) + 80 if text.split() else 0)
    assert not short or len(short) == len(text) or text[len(short)].isspace()


@pytest.mark.parametrize("given_", ["one", Pair("one", "two")])
def test_parts_and_back(given_: str | Pair) -> None:
    assert input_of(parts_of(given_)) == given_
