from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.reporting.exhibits.changes import FURTHEST, changes, graphemes

LETTERS = st.text(st.sampled_from("ab e\u0301\u200b\u0430.,\n👩\u200d🇫🇷שא"), max_size=30)


def drawn(pieces) -> str:
    """Changed words in brackets, the exact change between stars, code points behind a slash."""
    return "".join(
        f"[{''.join(_part(part) for part in piece.parts)}]" if piece.changed else piece.text
        for piece in pieces
    )


def _part(part) -> str:
    point = f"/{part.point}" if part.point else ""
    return f"*{part.text}{point}*" if part.exact else part.text


@pytest.mark.parametrize(
    ("before", "after", "left", "right"),
    [
        ("a Black male, here", "a White male, here", "a [*Black*] male, here",
         "a [*White*] male, here"),
        ("a male", "a female", "a [male]", "a [*fe*male]"),
        ("a husband", "a hus\u200bband", "a [husband]", "a [hus*\u200b*band]"),
        ("my company", "my c\u043empany", "my [c*o*mpany]", "my [c*\u043e/U+043E*mpany]"),
        ("Some College", "sOme College", "[*So*me] College", "[*sO*me] College"),
        ("a b", "a  b", "a[ ]b", "a[ * *]b"),
        ("he's in", "she's in", "[he]'s in", "[*s*he]'s in"),
        ("same", "same", "same", "same"),
        ("", "new", "", "[*new*]"),
        ("old", "", "[*old*]", ""),
    ],
)  # fmt: skip
def test_words_that_changed_and_the_characters_in_them(before, after, left, right):
    found = changes(before, after)
    assert (drawn(found[0]), drawn(found[1])) == (left, right)


def test_words_whose_letters_join_are_marked_whole():
    _, arabic = changes("سلام دنیا", "سلا\u200bم دنیا")
    assert drawn(arabic) == "[*سلا\u200bم*] دنیا"
    _, hindi = changes("यह क्षमा है", "यह क्षमो है")
    assert drawn(hindi) == "यह [*क्षमो*] है"


def test_a_letter_keeps_its_marks_and_an_emoji_its_skin():
    before, after = changes("caf\u0065\u0301s open", "cafes open")
    assert drawn(before) == "[caf*e\u0301*s] open"
    assert drawn(after) == "[caf*e*s] open"
    assert drawn(changes("ok 👩🏽", "ok 👩🏻")[1]) == "ok [*👩🏻*]"
    assert graphemes("🇫🇷🇩🇪e\u0301") == ["🇫🇷", "🇩🇪", "e\u0301"]
    assert graphemes("👩\u200d🚀!") == ["👩\u200d🚀", "!"]


def test_a_word_of_ten_thousand_characters_is_compared_inside():
    word = "x" * 10_000
    _, after = changes(f"a {word} b", f"a {word[:5000]}\u200b{word[5000:]} b")
    assert [part.text for piece in after for part in piece.parts if part.exact] == ["\u200b"]


def test_texts_with_nothing_in_common_are_changed_whole():
    one, other = (" ".join(f"{c}{k}" for k in range(FURTHEST)) for c in "ab")
    before, after = changes(one, other)
    assert [piece.changed for piece in before] == [piece.changed for piece in after] == [True]


@given(LETTERS, LETTERS)
def test_pieces_join_to_the_texts_and_what_stayed_is_the_same_on_both_sides(before, after):
    left, right = changes(before, after)
    assert "".join(piece.text for piece in left) == before
    assert "".join(piece.text for piece in right) == after
    kept = ["".join(piece.text for piece in side if not piece.changed) for side in (left, right)]
    assert kept[0] == kept[1]
    assert (before == after) == (not any(piece.changed for piece in (*left, *right)))


@given(LETTERS, LETTERS)
def test_no_piece_begins_with_a_mark_of_the_one_before(before, after):
    for side in changes(before, after):
        parts = [part.text for piece in side for part in piece.parts]
        assert not any(unicodedata.combining(part[0]) for part in parts[1:])
