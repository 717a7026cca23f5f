from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.evidence import shown
from fmaudit.reporting.exhibits.changes import changes, unchanged
from fmaudit.reporting.exhibits.folding import (
    AROUND,
    CHANGED,
    LONG,
    WHOLE,
    brief,
    cut,
    folded,
    parts_of,
)
from fmaudit.types import Pair


def parts(pieces):
    return [part for piece in pieces for part in piece.parts]


def text(pieces) -> str:
    return "".join(part.text for part in parts(pieces))


def left_out(pieces) -> int:
    return sum(part.left_out for part in parts(pieces))


def test_a_short_text_does_not_fold():
    assert folded(unchanged("a few words")).brief == ()


def test_a_long_text_keeps_its_change_and_what_stands_around_it():
    before, after = "word " * 300 + "he" + " word" * 300, "word " * 300 + "she" + " word" * 300
    found = folded(changes(before, after)[1])
    assert text(found.whole) == after
    assert "word she word" in text(found.brief)
    assert len(text(found.brief)) < 2 * AROUND + 10
    assert len(text(found.brief)) + left_out(found.brief) == len(after)


def test_a_long_changed_word_keeps_its_change():
    word = "x" * 10_000
    found = folded(changes(word, f"{word[:5000]}\u200b{word[5000:]}")[1])
    assert "⟨U+200B⟩" in [part.text for part in parts(found.brief) if part.exact]
    assert left_out(found.brief) == 10_000 - 4 * AROUND


def test_only_so_many_changes_of_a_folded_text_are_shown():
    before = " ".join(f"word{k} and so on" for k in range(100))
    found = brief(changes(before, before.replace("word", "ward"))[1])
    assert sum(piece.changed for piece in found) == CHANGED
    assert len(text(found)) + left_out(found) == len(before)


def test_an_unfolded_text_ends_somewhere_and_says_how_much_more_there_is():
    found = folded(unchanged("ab " * 10_000))
    assert WHOLE - AROUND < len(text(found.whole)) <= WHOLE
    assert len(text(found.whole)) + left_out(found.whole) == 30_000


@pytest.mark.parametrize(
    ("before", "after", "seen"),
    [
        ("ab", "a\u200bb", "⟨U+200B⟩"),
        ("ab", "a b", "␣"),
        ("a b", "a\u00a0b", "⟨U+00A0⟩"),
        ("a b", "a\nb", "↵"),
    ],
)
def test_what_cannot_be_seen_is_drawn_where_it_is_the_change(before, after, seen):
    found = folded(changes(before, after)[1]).whole
    assert [part.text for part in parts(found) if part.drawn and part.exact] == [seen]


def test_a_hidden_character_that_stayed_is_drawn_and_a_space_is_not():
    found = folded(unchanged("a \u202eb")).whole
    assert [(part.text, part.drawn) for part in parts(found)] == [
        ("a ", False),
        ("⟨U+202E⟩", True),
        ("b", False),
    ]


@given(st.text(min_size=LONG, max_size=3 * LONG), st.integers(0, 4 * LONG))
def test_nothing_is_lost_uncounted(long, most):
    for found in (cut(unchanged(long), most), brief(unchanged(long))):
        assert len(text(found)) + left_out(found) == len(long)


def test_a_pair_is_told_from_a_text_that_looks_like_one():
    assert parts_of(shown(Pair("one", "two"))) == ("one", "two")
    assert parts_of('{"first": 1}') == ('{"first": 1}',)
