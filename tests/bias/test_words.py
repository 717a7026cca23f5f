from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.bias.lexicon import Grammar
from fmaudit.bias.words import (
    Edit,
    apply,
    input_of,
    parts_of,
    pattern,
    protected_pattern,
    recase,
    spans,
    with_articles,
)
from fmaudit.types import Pair

GRAMMAR = Grammar(an_before=("heir", "hour"), a_before=("euro", "uni"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("man", 1),
        ("a Man, a MAN.", 2),
        ("human manly woman man2 _man", 0),
        ("man-made and post-man", 0),
        ("man - made", 1),
        ("man's man’s 'man' “man”", 4),
        ("o'man", 0),
        ("man\u0303", 0),  # the mark belongs to the n: "mañ"
        ("man\u200dman", 0),
        ("man/woman (man)", 2),
        ("homme man 男man", 1),
    ],
)
def test_words_are_found_whole(text: str, found: int) -> None:
    assert len(spans(pattern(["man"]), text)) == found


def test_the_longest_word_is_found_first() -> None:
    wanted = pattern(["black", "black woman", "Black Womanhood"])
    text = "black  WOMAN black womanhood black"
    assert [text[a:b] for a, b in spans(wanted, text)] == [
        "black  WOMAN",
        "black womanhood",
        "black",
    ]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_composed_and_decomposed_texts_are_read_alike(form: str) -> None:
    text = unicodedata.normalize(form, "her fiancé came")  # type: ignore[arg-type]
    assert len(spans(pattern(["fiancé", "fianc"]), text)) == 1


def test_what_is_left_alone() -> None:
    wanted = protected_pattern(["Will", "black hole"])
    text = "Will will; Black Hole, willing; http://a.b/will x@will.org #will @will"
    assert [text[a:b] for a, b in spans(wanted, text)] == [
        "Will",
        "Black Hole",
        "http://a.b/will",
        "x@will.org",
        "#will",
        "@will",
    ]


def test_addresses_are_left_alone_without_any_phrase() -> None:
    assert spans(protected_pattern([]), "see www.man.com") == [(4, 15)]


@pytest.mark.parametrize(
    ("found", "listed", "target", "new"),
    [
        ("he", "he", "she", "she"),
        ("He", "he", "she", "She"),
        ("HE", "he", "she", "SHE"),
        ("white", "white", "Asian", "Asian"),
        ("White", "white", "Asian", "Asian"),
        ("WHITE", "white", "Native American", "NATIVE AMERICAN"),
        ("Asian", "Asian", "white", "White"),
        ("asian", "Asian", "Hispanic", "hispanic"),
    ],
)
def test_the_case_of_the_text_is_kept(found: str, listed: str, target: str, new: str) -> None:
    assert recase(found, listed, target) == new


@pytest.mark.parametrize(
    ("text", "old", "new", "result"),
    [
        ("a white man", "white", "Asian", "an Asian man"),
        ("An Asian man", "Asian", "White", "A White man"),
        ("A WHITE MAN", "WHITE", "ASIAN", "AN ASIAN MAN"),
        ("a white man", "white", "black", "a black man"),
        ("an heir", "heir", "prince", "a prince"),
        ("a European", "European", "Asian", "an Asian"),
        ("a “white” man", "white", "Asian", "an “Asian” man"),
        ("a Asian man", "Asian", "white", "a white man"),
        ("via white", "white", "Asian", "via Asian"),
        ("a, white", "white", "Asian", "a, Asian"),
    ],
)
def test_articles_follow_their_word(text: str, old: str, new: str, result: str) -> None:
    start = text.index(old)
    edits = with_articles((text,), [Edit(0, start, start + len(old), old, new)], GRAMMAR)
    assert apply((text,), edits) == (result,)
    assert [e.agrees for e in edits] == [False] + [True] * (len(edits) - 1)


@given(st.text(), st.text())
def test_inputs_and_parts(first: str, second: str) -> None:
    assert input_of(parts_of(first)) == first
    assert input_of(parts_of(Pair(first, second))) == Pair(first, second)


def test_edits_are_made_in_any_order() -> None:
    parts = ("one two three", "two")
    edits = [Edit(0, 8, 13, "three", "3"), Edit(1, 0, 3, "two", "2"), Edit(0, 0, 3, "one", "1")]
    assert apply(parts, edits) == ("1 two 3", "2")
    assert apply(parts, edits[::-1]) == ("1 two 3", "2")
