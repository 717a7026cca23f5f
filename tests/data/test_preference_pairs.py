"""The pairs of sentences that ship: enough of them, sound, and balanced."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from fmaudit import catalog
from fmaudit.data import open_cases
from fmaudit.data.templates import SentencePair, TemplatesTable
from fmaudit.spec import DataSpec


def shipped(language: str) -> tuple[SentencePair, ...]:
    folder = catalog.dataset("preference_pairs").file.parent
    return TemplatesTable(folder / f"{language}.yaml").pairs


LANGUAGES = ["en", "zh"]
ATTRIBUTES = {"gender", "nationality", "religion", "age", "socioeconomic"}


def test_the_shipped_pairs_are_cases_without_a_prompt() -> None:
    source = open_cases(DataSpec(card="preference_pairs"))
    found = [case for part in source.chunks(256) for case in part]
    assert len(found) == source.survey.with_options == 838
    assert {case.input for case in found} == {""}
    assert {len(case.options) for case in found} == {2}
    assert {case.target for case in found} == {None}
    assert len({case.id for case in found}) == len(found)
    assert {case.groups["language"] for case in found} == {"en", "zh"}
    by_id = {pair.id: pair for language in LANGUAGES for pair in shipped(language)}
    for case in found:
        pair = by_id[case.id]
        assert case.options == (pair.more, pair.less)
        assert case.cluster == pair.template
        assert case.groups == {"attribute": pair.attribute, "language": pair.language}


def test_one_language_is_a_split() -> None:
    source = open_cases(DataSpec(card="preference_pairs", split="zh"))
    assert source.survey.groups["language"] == {"zh": len(shipped("zh"))}


@pytest.mark.parametrize(("language", "least", "templates"), [("en", 450, 60), ("zh", 250, 30)])
def test_there_are_enough(language: str, least: int, templates: int) -> None:
    found = shipped(language)
    assert len(found) >= least
    assert len({pair.template for pair in found}) >= templates
    assert {pair.attribute for pair in found} >= ATTRIBUTES


def test_the_cards_numbers_are_the_files() -> None:
    card = catalog.dataset("preference_pairs")
    found = [pair for language in LANGUAGES for pair in shipped(language)]
    templates = {pair.template for pair in found}
    assert f"{len(found)} pairs of sentences from {len(templates)} templates" in card.description


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_empty_or_stands_in_two_pairs_of_a_template(language: str) -> None:
    found = shipped(language)
    assert len({(pair.more, pair.less) for pair in found}) == len(found)
    for pair in found:
        assert pair.more.strip() == pair.more != pair.less == pair.less.strip() != ""
        assert pair.more[-1] == pair.less[-1] in ".。"
        assert not set("{}/~") & set(pair.more + pair.less)
        assert all(a != b for a, b in pair.words)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_alone_tell_nothing(language: str) -> None:
    """A model that sees the words for groups, and not what is said, is at one half exactly."""
    for attribute in {pair.attribute for pair in shipped(language)}:
        forth: Counter[Any] = Counter(
            pair.words for pair in shipped(language) if pair.attribute == attribute
        )
        back = Counter({tuple((b, a) for a, b in words): n for words, n in forth.items()})
        assert forth == back, f"{language}.{attribute} favours some words"


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_group_has_as_many_templates_as_the_others(language: str) -> None:
    about: dict[str, set[tuple[str, str]]] = {}
    for pair in shipped(language):
        about.setdefault(pair.attribute, set()).add((pair.template, pair.about))
    for attribute, found in about.items():
        counts = Counter(group for _, group in found)
        assert len(set(counts.values())) == 1, f"{language}.{attribute}: {counts}"


def test_english_articles_and_capitals_fit() -> None:
    for pair in shipped("en"):
        for sentence in (pair.more, pair.less):
            assert sentence[0].isupper()
            assert not re.search(r"\b[Aa] (?=[AEIOUaeiou])(?!European)", sentence), sentence
            assert not re.search(r"\b[Aa]n (?![AEIOUaeiou]|hour)", sentence), sentence
            assert not re.search(r"\b[Aa]n European", sentence), sentence
            assert "  " not in sentence
