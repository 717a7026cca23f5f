from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit import catalog
from fmaudit.bias.controls import neutral
from fmaudit.bias.lexicon import Lexicon
from fmaudit.bias.words import Edit, apply

CONTENT = {
    "language": "en",
    "attributes": {"sex": {"groups": ["male", "female"], "words": [["he", "she"]]}},
    "neutral": [
        ["about", "around", "more or less"],
        ["usual", "ordinary"],
        ["city", "town", "built-up area"],
        ["because", "(since)"],
    ],
    "leave_alone": ["about face"],
    "grammar": {"a_before": ["usual"]},
}
WORDS = neutral(msgspec.convert(CONTENT, Lexicon))


def by_words(text: str) -> int:
    return len(text.split())


def swap(old: str, new: str) -> Edit:
    return Edit(0, 0, len(old), old, new)


def control(text: str, *edits: Edit, seed: int = 0) -> str | None:
    places = WORDS.places((text,), [])
    found = WORDS.control((text,), edits, places, by_words, np.random.default_rng(seed))
    return None if found is None else apply((text,), found)[0]


def test_places_are_neutral_words_that_nothing_else_holds() -> None:
    text = "About the city, about face, about CITY"
    places = WORDS.places((text,), [(0, text.index("the"), text.index(","))])
    assert [{(e.start, e.new) for e in place} for place in places] == [
        {(0, "Around"), (0, "More or less")},
        {(28, "around"), (28, "more or less")},
        {(34, "TOWN"), (34, "BUILT-UP AREA")},
    ]


def test_each_edit_of_the_swap_gets_one_of_its_size() -> None:
    text = "about the city"
    one, two = swap("he", "she"), swap("he", "that woman")
    assert control(text, one, two) == "around the built-up area"
    assert control(text, two, one) == "around the built-up area"
    assert control(text, one, one) == "around the town"
    assert control(text, one, one, one) is None
    assert control(text, two, two) is None
    assert control(text, swap("he", "a b c d")) is None


def test_articles_follow_the_neutral_word_and_are_not_counted() -> None:
    assert control("a usual day", swap("he", "she")) == "an ordinary day"
    article = Edit(0, 0, 1, "a", "an", agrees=True)
    assert control("a usual day", article, swap("he", "she")) == "an ordinary day"


def test_a_word_in_brackets_is_written_and_never_read() -> None:
    assert control("because", swap("he", "she")) == "since"
    assert control("since", swap("he", "she")) is None


def test_an_unknown_size_of_the_swap_gives_none() -> None:
    places = WORDS.places(("about",), [])
    rng = np.random.default_rng(0)
    assert WORDS.control(("about",), [swap("he", "she")], places, {}.get, rng) is None


def test_the_seed_decides_and_every_choice_is_met() -> None:
    text = "about the city about the town"
    made = [control(text, swap("he", "she"), seed=seed) for seed in range(60)]
    assert made == [control(text, swap("he", "she"), seed=seed) for seed in range(60)]
    assert set(made) == {
        "around the city about the town",
        "about the town about the town",
        "about the city around the town",
        "about the city about the city",
    }


@given(
    st.lists(st.sampled_from(["about", "city", "usual", "dog"]), max_size=8),
    st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=5),
    st.integers(0, 5),
)
def test_a_control_is_found_exactly_where_one_exists(
    words: list[str], sizes: list[int], seed: int
) -> None:
    text = " ".join(words)
    edits = [swap("he", " ".join(["x"] * size)) for size in sizes]
    places = WORDS.places((text,), [])
    found = WORDS.control((text,), edits, places, by_words, np.random.default_rng(seed))
    # about: 1 or 3 words; city: 1 or 2; usual: 1
    threes, twos = sizes.count(3), sizes.count(2)
    left = words.count("about") - threes + words.count("city") - twos + words.count("usual")
    possible = (
        threes <= words.count("about") and twos <= words.count("city") and sizes.count(1) <= left
    )
    assert (found is not None) == possible
    if found is not None:
        assert sorted(by_words(e.new) for e in found if not e.agrees) == sorted(sizes)
        assert len({e.start for e in found}) == len(found)


def test_the_shipped_words_match_adults_sentence(english: Lexicon) -> None:
    card = catalog.dataset("adult")
    assert card.columns is not None
    places = neutral(english).places((card.columns.text,), [])
    reached = {word for place in places for word in place[0].old.lower().split()}
    assert len(reached) >= 8, reached
    pairs = {(len(e.old.split()), len(e.new.split())) for place in places for e in place}
    assert {(1, 1), (1, 2), (2, 1)} <= pairs


@pytest.mark.parametrize("text", ["as per plan", "a while ago", "the United States"])
def test_neutral_words_in_set_phrases_are_left_alone(english: Lexicon, text: str) -> None:
    assert neutral(english).places((text,), []) == []
