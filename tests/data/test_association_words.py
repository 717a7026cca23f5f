"""The words of association tests that ship: balanced, read as cases, and named by the probes."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from fmaudit import catalog
from fmaudit.bias.embedding_association import SIDES
from fmaudit.bias.wordvectors import PLACE, Reading
from fmaudit.data import open_cases
from fmaudit.data.published import PublishedTable
from fmaudit.spec import DataSpec
from fmaudit.types import Case

OWN = ("bias.embedding_association", "bias.sentence_embedding_association")


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    source = open_cases(DataSpec(card="association_words"))
    return [case for part in source.chunks(64) for case in part]


def test_every_list_has_eight_words(cases: list[Case]) -> None:
    counts = Counter((c.groups["language"], c.groups["test"], c.groups["set"]) for c in cases)
    assert set(counts.values()) == {8}
    assert {side for *_, side in counts} == set(SIDES)
    tests = Counter(language for language, _ in {key[:2] for key in counts})
    assert tests == {"en": 6, "zh": 5}
    assert len({case.id for case in cases}) == len(cases) == 11 * 32


def test_the_card_says_how_many(cases: list[Case]) -> None:
    card = catalog.dataset("association_words")
    assert "Eleven tests of four lists of eight words, six in English and five" in card.description
    assert any(note.startswith("How they were made.") for note in card.notes)
    assert card.licence == "Apache-2.0"


def test_words_are_single_words(cases: list[Case]) -> None:
    for case in cases:
        word = str(case.input)
        assert word == word.strip()
        assert " " not in word
        assert word.isascii() == (case.groups["language"] == "en"), word


@pytest.mark.parametrize("probe", OWN)
def test_the_probes_name_every_test_in_its_language(probe: str, cases: list[Case]) -> None:
    there = {(c.groups["language"], c.groups["test"]) for c in cases}
    card = catalog.probe(probe)
    for measure in {entry.measure for entry in card.measures}:
        named = {
            (entry.where["language"], value)
            for entry in card.measures
            if entry.measure == measure
            for value in entry.values
        }
        assert named == there, measure
    assert card.gated == 0


def test_the_published_probe_names_every_published_test(shared) -> None:
    table = PublishedTable(shared / "data/weat/weat.json", "weat")
    there = [str(row[0]) for _, row in table.rows(["test"])]
    for entry in catalog.probe("bias.embedding_association_weat").measures:
        assert list(entry.values) == list(dict.fromkeys(there))


def test_the_templates_take_every_word_in_either_language() -> None:
    card = catalog.probe("bias.sentence_embedding_association")
    how = msgspec.convert(catalog.resolve_params(card), Reading)
    assert set(how.templates) == {"en", "zh"}
    for sentences in how.templates.values():
        assert len(sentences) == 3
        assert all(not text.startswith(PLACE) for text in sentences.values())
