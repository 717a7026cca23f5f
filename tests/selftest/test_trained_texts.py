from __future__ import annotations

import pytest

from fmaudit.errors import SpecError
from fmaudit.seeds import Seeds
from fmaudit.selftest.trained import texts


def blocks():
    found = texts.load()
    return {
        "applications": found.applications,
        "topics": found.topics,
        "notes": found.notes,
        "messages": found.messages,
        "prompts": found.prompts,
    }


@pytest.mark.parametrize("name", blocks())
def test_words_are_plain_and_of_one_token(name):
    words = texts.words_in(blocks()[name])
    assert len(words) == len(set(words)) >= 20
    assert all(word.isascii() and word.islower() and " " not in word for word in words)


def test_no_word_stands_on_two_sides():
    found = texts.load()
    sides = [
        [found.applications.speaks_for, found.applications.speaks_against],
        list(found.topics.values()),
        [*found.messages.planted.values(), found.messages.filler],
        [found.prompts.answers, found.prompts.filler, [found.prompts.cue, found.prompts.always]],
    ]
    for lists in sides:
        words = [word for one in lists for word in one]
        assert len(words) == len(set(words))


def test_a_draw_repeats_no_word_and_follows_its_seed():
    words = texts.load().notes
    drawn = texts.draw(words, 10, Seeds(1).rng("a"))
    assert len(set(drawn)) == 10
    assert set(drawn) <= set(words)
    assert drawn == texts.draw(words, 10, Seeds(1).rng("a"))
    assert drawn != texts.draw(words, 10, Seeds(2).rng("a"))


def test_a_list_that_is_wrong_is_named(tmp_path, monkeypatch):
    (tmp_path / "en.yaml").write_text("applications: {attribute: 3}\n")

    class Card:
        file = tmp_path / "card.yaml"

    monkeypatch.setattr(texts.catalog, "dataset", lambda name: Card)
    texts.load.cache_clear()
    with pytest.raises(SpecError, match=r"en\.yaml.*attribute"):
        texts.load()
    texts.load.cache_clear()
