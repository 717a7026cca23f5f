from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fmaudit.explanations.words import HIDDEN, Word, by_word, hidden, only, words_of
from fmaudit.types import Attributions, Pair

# Letters with and without spaces between words, marks, joiners, every kind of space.
CHARACTERS = "ab.,'9 \t\n\u3000\u00a0手机、ภาษีကျန်日かﾞ\u0301\u200d\u200b\u094d한שع👩"
TEXTS = st.text(st.sampled_from(CHARACTERS), max_size=30)
INPUTS = TEXTS | st.builds(Pair, TEXTS, TEXTS)


@st.composite
def kept(draw):
    value = draw(INPUTS)
    words = words_of(value)
    return value, words, draw(st.sets(st.integers(0, max(0, len(words) - 1))))


def texts(value):
    return [word.text for word in words_of(value)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It is  very\tgood.\n", ["It", "is", "very", "good."]),
        ("", []),
        (" \n\u3000", []),
        ("他说手机很好。", list("他说手机很好。")),
        ("我的iPhone 15手机", ["我", "的", "iPhone", "15", "手", "机"]),
        ("ที่นี่ดี", ["ที่", "นี่", "ดี"]),
        ("န်မာ", ["န်မာ"]),
        ("e\u0301te\u0301 cafe\u0301", ["e\u0301te\u0301", "cafe\u0301"]),
        ("👨\u200d👩\u200d👧 ok", ["👨\u200d👩\u200d👧", "ok"]),
        ("שלום עולם טוב", ["שלום", "עולם", "טוב"]),
        ("좋은 날입니다", ["좋은", "날입니다"]),
        ("क्षत्रिय है", ["क्षत्रिय", "है"]),
    ],
)
def test_words(text, found):
    assert texts(text) == found


def test_words_of_a_pair_know_their_part():
    assert words_of(Pair("a b", " c")) == (
        Word(0, 0, 1, "a"),
        Word(0, 2, 3, "b"),
        Word(1, 1, 2, "c"),
    )


@pytest.mark.parametrize(
    ("text", "keep", "left"),
    [
        ("It  is very good.\n", {0, 1, 3}, "It  is good.\n"),
        (" It is ", {1}, "is "),
        (" It is ", {0}, " It"),
        ("It is very good", set(), ""),
        ("他说手机很好", {0, 2, 5}, "他手好"),
        ("a手b", {0, 2}, "a b"),
        ("手a机", {0, 2}, "手机"),
        ("手 a 机", {0, 2}, "手 机"),
        ("one\n\ntwo three", {0, 2}, "one three"),
    ],
)
def test_only(text, keep, left):
    assert only(text, words_of(text), keep) == left


def test_only_of_a_pair_stays_a_pair():
    value = Pair("a b c", "d e f")
    assert only(value, words_of(value), {0, 2, 4}) == Pair("a c", "e")
    assert only(value, words_of(value), {3}) == Pair("", "d")


@given(INPUTS)
def test_all_words_are_the_input_unchanged(value):
    words = words_of(value)
    assert only(value, words, range(len(words))) == value


@given(kept())
@example(("a手b", words_of("a手b"), {0, 2}))
def test_the_words_that_are_left_are_those_that_were_kept(drawn):
    value, words, keep = drawn
    wanted = [(w.part, w.text) for k, w in enumerate(words) if k in keep]
    assert [(w.part, w.text) for w in words_of(only(value, words, keep))] == wanted


@given(INPUTS)
def test_words_cover_all_that_is_no_space_once(value):
    parts = (value.first, value.second) if isinstance(value, Pair) else (value,)
    words = words_of(value)
    for part, text in enumerate(parts):
        mine = [w for w in words if w.part == part]
        assert all(a.end <= b.start for a, b in zip(mine, mine[1:], strict=False))
        assert all(w.text == text[w.start : w.end] and w.start < w.end for w in mine)
        assert "".join(w.text for w in mine) == "".join(text.split())


def attributions(*rows):
    """Rows: part, start, end, special, score."""
    parts, starts, ends, special, scores = zip(*rows, strict=True)
    return Attributions(
        target=1, against=0, parts=parts, starts=starts, ends=ends, special=special,
        scores=scores, difference=sum(scores), error=0.0, change=0.0, steps=8, passes=9,
        converged=True, baseline="mask",
    )  # fmt: skip


def test_tokens_are_summed_by_word_and_what_is_in_none_stands_apart():
    value = Pair("unhappy man", "no")
    found = attributions(
        (0, 0, 0, True, 0.5),  # [CLS]
        (0, 0, 2, False, 1.0),
        (0, 2, 7, False, -0.25),
        (0, 7, 11, False, 2.0),  # with the space before it
        (0, 0, 0, True, -0.5),  # [SEP]
        (1, 0, 2, False, 4.0),
        (0, 7, 8, False, 0.25),  # a token of nothing but space
    )
    scores, apart, share = by_word(words_of(value), found)
    assert scores == (0.75, 2.0, 4.0)
    assert apart == 0.25
    assert share == pytest.approx(1.25 / 8.5)


def test_a_token_over_several_words_is_shared_by_characters():
    scores, apart, share = by_word(words_of("手机bbb"), attributions((0, 0, 5, False, 5.0)))
    assert scores == pytest.approx((1.0, 1.0, 3.0))
    assert (apart, share) == (0, 0.0)


def test_words_that_were_not_read_get_nothing():
    assert by_word(words_of("a b"), attributions((0, 0, 1, False, 3.0)))[0] == (3.0, 0.0)


def test_the_share_of_nothing_is_not_defined():
    assert by_word(words_of("a"), attributions((0, 0, 1, False, 0.0)))[2] is None


@given(
    INPUTS,
    st.lists(
        st.tuples(
            st.sampled_from([0, 1]),
            st.integers(0, 30),
            st.integers(0, 30),
            st.booleans(),
            st.floats(-5, 5),
        ),
        min_size=1,
        max_size=12,
    ),
)
def test_nothing_is_lost(value, rows):
    found = attributions(*((p, min(s, e), max(s, e), x, v) for p, s, e, x, v in rows))
    scores, apart, share = by_word(words_of(value), found)
    assert sum(scores) + apart == pytest.approx(sum(found.scores), abs=1e-9)
    assert share is None or 0 <= share <= 1 + 1e-12


@given(kept())
def test_a_hidden_word_leaves_its_place(found):
    value, words, keep = found
    shown = hidden(value, words, keep)
    assert hidden(value, words, set(range(len(words)))) == value
    sides = lambda v: (v.first, v.second) if isinstance(v, Pair) else (v,)  # noqa: E731
    for part, (text, masked) in enumerate(zip(sides(value), sides(shown), strict=True)):
        own = [(k, word) for k, word in enumerate(words) if word.part == part]
        gone = [word for k, word in own if k not in keep]
        assert masked.count(HIDDEN[0]) - sum(
            word.text.count(HIDDEN[0]) for k, word in own if k in keep
        ) == len(HIDDEN) * len(gone)
        assert len(masked) == len(text) + sum(3 - len(word.text) for word in gone)
    if any(k not in keep and set(word.text) - {"."} for k, word in enumerate(words)):
        assert shown != only(value, words, keep)
