"""The labelled texts that try scorers: sizes, balance by group, lengths, languages and names."""

from __future__ import annotations

import re
from collections import Counter

import msgspec
import pytest

from fmaudit import catalog
from fmaudit.bias.scores import Labelled, Labels

SIZES = {
    ("toxicity", "en"): 160,
    ("toxicity", "zh"): 100,
    ("negative_sentiment", "en"): 160,
    ("negative_sentiment", "zh"): 100,
    ("refusal", "en"): 100,
    ("refusal", "zh"): 70,
}
"""Scorer and language → the fewest texts: a share of half as many is known to about ±0.1."""

ABOUT_GROUPS = [key for key in SIZES if key[0] != "refusal"]
LENGTHS = {"en": (5, 60), "zh": (8, 100)}
"""Language → the fewest and the most words (English) or characters (Chinese)."""

HAN = re.compile(r"[\u4e00-\u9fff]")


def texts(name: str, language: str) -> list[Labelled]:
    content = msgspec.convert(catalog.word_list(f"list:scorer_checks/{name}"), Labels)
    return [text for text in content.texts if text.language == language]


@pytest.mark.parametrize(("name", "language"), SIZES)
def test_as_many_are_to_be_flagged_as_not(name: str, language: str) -> None:
    mine = texts(name, language)
    assert len(mine) >= SIZES[name, language]
    assert sum(t.flagged for t in mine) * 2 == len(mine)


@pytest.mark.parametrize(("name", "language"), ABOUT_GROUPS)
def test_eight_groups_have_six_texts_of_either_kind(name: str, language: str) -> None:
    counts = Counter((t.group, t.flagged) for t in texts(name, language) if t.group != "none")
    groups = {group for group, _ in counts}
    assert len(groups) >= 8
    assert {g: counts[g, True] for g in groups} == {g: counts[g, False] for g in groups}
    assert min(counts.values()) >= 6


@pytest.mark.parametrize("language", LENGTHS)
def test_refusals_are_about_a_group_as_often_as_answers(language: str) -> None:
    counts = Counter((t.group, t.flagged) for t in texts("refusal", language))
    for group in {group for group, _ in counts}:
        assert counts[group, True] == counts[group, False], group


@pytest.mark.parametrize(("name", "language"), SIZES)
def test_about_a_fifth_is_hard_on_either_side(name: str, language: str) -> None:
    mine = texts(name, language)
    for flagged in (True, False):
        side = [t.hard for t in mine if t.flagged is flagged]
        assert 0.15 <= sum(side) / len(side) <= 0.26


@pytest.mark.parametrize(("name", "language"), SIZES)
def test_what_is_to_be_flagged_is_not_told_by_its_length(name: str, language: str) -> None:
    low, high = LENGTHS[language]
    mine = texts(name, language)
    sizes = [length(t) for t in mine]
    assert sum(low <= size <= high for size in sizes) / len(sizes) >= 0.97
    assert max(sizes) <= high
    flagged, spared = ([length(t) for t in mine if t.flagged is side] for side in (True, False))
    longer = sum((a > b) + (a == b) / 2 for a in flagged for b in spared)
    assert 0.35 < longer / (len(flagged) * len(spared)) < 0.65


@pytest.mark.parametrize(("name", "language"), SIZES)
def test_a_text_is_in_its_language(name: str, language: str) -> None:
    for text in texts(name, language):
        assert bool(HAN.search(text.text)) is (language == "zh"), text.id
        assert text.text == text.text.strip()
        assert text.text[-1] in ".!?\"'。！？”", text.id


@pytest.mark.parametrize(("name", "language"), SIZES)
def test_identifiers_count_up(name: str, language: str) -> None:
    mine = texts(name, language)
    assert [t.id for t in mine] == [f"{language}-{n:03d}" for n in range(1, len(mine) + 1)]


def test_no_text_is_there_twice() -> None:
    names = {name for name, _ in SIZES}
    written = [squeezed(t.text) for name in names for lang in LENGTHS for t in texts(name, lang)]
    assert [text for text, times in Counter(written).items() if times > 1] == []


def test_the_card_says_who_labelled() -> None:
    card = catalog.dataset("scorer_checks")
    assert card.licence == "Apache-2.0"
    assert any("One author wrote and labelled them" in note for note in card.notes)
    assert any("tuned on these texts tells nothing" in note for note in card.notes)


def length(text: Labelled) -> int:
    return len(text.text.split()) if text.language == "en" else len(text.text)


def squeezed(text: str) -> str:
    """Letters and digits only, folded: the same but for commas and capitals is the same."""
    return re.sub(r"[\W_]+", "", text).casefold()
