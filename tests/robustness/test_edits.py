from __future__ import annotations

import re
from collections import Counter
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmaudit.robustness.edits import CHANGES, Kind, apply, edits
from fmaudit.robustness.noise import Noise
from fmaudit.robustness.places import places

KINDS = get_args(Kind)
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "modern",
                "clinical",
                "corner",
                "friend",
                "2024",
                "x9y",
                "never",
                "London's",
                "café",
                "naïve",
                "résumé",
                "3rd",
                "government",
                "approximately",
                "http://a.b/c",
                "applicant",
                "12,000",
                "мир",
                "здравствуй",
                "مرحبا",
            ]
        ),
        st.text(max_size=8),
    ),
    min_size=1,
    max_size=20,
).map(" ".join)


def made(kind: Kind, text: str, noise: Noise, wanted: int, seed: int = 0) -> tuple[str, int]:
    where = places((text,), 4, frozenset(noise.leave_alone))
    found = edits(kind, noise, where, wanted, 4, np.random.default_rng(seed))
    return apply((text,), found)[0], len(found)


def distance(a: str, b: str) -> int:
    """Levenshtein's."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


@settings(deadline=None)
@given(TEXTS, st.sampled_from(KINDS), st.integers(1, 8), st.integers(0, 99))
def test_edits_keep_what_means_something(
    noise: Noise, text: str, kind: Kind, wanted: int, seed: int
) -> None:
    edited, count = made(kind, text, noise, wanted, seed)
    assert count <= wanted
    assert (edited, count) == made(kind, text, noise, wanted, seed)
    assert (edited == text) == (count == 0)
    assert distance(text, edited) <= 2 * count
    assert edited.split() == [] or len(edited.split()) == len(text.split())
    for before, after in zip(text.split(), edited.split(), strict=True):
        if re.search(r"\d|/|[^\W\d_]['’][^\W\d_]", before) or before in noise.leave_alone:
            assert after == before
        assert after[0] == before[0]
        assert after[-1] == before[-1]
        if after != before:
            assert after.casefold() not in noise.never_make or after.casefold() == before.casefold()


@settings(deadline=None)
@given(TEXTS, st.integers(1, 8))
def test_invisible_edits_vanish(noise: Noise, text: str, wanted: int) -> None:
    edited, count = made("invisible", text, noise, wanted)
    unseen = dict.fromkeys(map(ord, noise.invisible))
    assert edited.translate(unseen) == text.translate(unseen)
    assert len(edited) == len(text) + count


@settings(deadline=None)
@given(TEXTS, st.integers(1, 8))
def test_casing_and_look_alikes_keep_length_and_reading(
    noise: Noise, text: str, wanted: int
) -> None:
    edited, count = made("casing", text, noise, wanted)
    assert edited.casefold() == text.casefold()
    assert sum(a != b for a, b in zip(text, edited, strict=True)) == count
    looks = {option: letter for letter, found in noise.homoglyph.items() for option in found}
    edited, count = made("homoglyph", text, noise, wanted)
    changed = [(a, b) for a, b in zip(text, edited, strict=True) if a != b]
    assert len(changed) == count
    assert all(looks[b] == a for a, b in changed)


def test_the_four_slips_of_a_hand(noise: Noise) -> None:
    seen = Counter()
    for seed in range(400):
        edited, _ = made("keyboard", "Applicant", noise, 1, seed)
        kind = {10: "double", 8: "drop"}.get(len(edited))
        seen[kind or ("swap" if sorted(edited) == sorted("Applicant") else "neighbour")] += 1
    assert set(seen) == {"double", "drop", "swap", "neighbour"}
    assert min(seen.values()) > 50


def test_capitals_stay_capitals_under_the_finger(noise: Noise) -> None:
    assert all(made("keyboard", "GOVERNMENT", noise, 2, s)[0].isupper() for s in range(30))


def test_scanners_join_and_split_letters(noise: Noise) -> None:
    seen = {made("ocr", "modern", noise, 1, seed)[0] for seed in range(100)}
    assert "modem" not in seen  # the last letter stays
    assert "moclern" in seen
    assert "tumer" in {made("ocr", "turner", noise, 1, seed)[0] for seed in range(100)}


def test_an_edit_makes_no_other_word(noise: Noise) -> None:
    from_form = {made("keyboard", "form", noise, 1, seed)[0] for seed in range(200)}
    assert "from" not in from_form
    assert len(from_form) > 5


def test_a_word_gets_one_edit_for_every_four_letters(noise: Noise) -> None:
    assert made("invisible", "word", noise, 9)[1] == 1
    assert made("invisible", "approximately", noise, 9)[1] <= 3
    assert max(made("invisible", "approximately", noise, 9, s)[1] for s in range(20)) == 3


@pytest.mark.parametrize("kind", ["keyboard", "ocr", "casing", "homoglyph"])
@pytest.mark.parametrize(
    "text", ["مرحبا بالعالم", "שלום עולם", "你好世界吗", "", "ok", "1234 5678"]
)
def test_other_alphabets_have_no_listed_errors(noise: Noise, kind: Kind, text: str) -> None:
    assert made(kind, text, noise, 5) == (text, 0)


def test_every_kind_has_its_change() -> None:
    assert set(CHANGES) == set(KINDS)
