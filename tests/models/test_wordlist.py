"""A word list as a classifier: what it counts, and what it leaves alone."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.errors import SpecError
from fmaudit.models.wordlist import Finder, WordListHandle, Words, read_list
from fmaudit.types import Classify, Failure, Logits, Tokenize

EN = Words(
    flags=("stupid*", "piece of trash", "bad", "don't care"),
    spares=("good", "kind"),
    negations=("not", "never", "*n't"),
    leave_alone=("not bad at all", "bad luck", "not only"),
)
ZH = Words(
    flags=("坏", "不好", "生气"),
    spares=("好", "生气勃勃"),
    negations=("没",),
    spaced=False,
    leave_alone=("坏笑", "没准"),
)


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("He is stupid.", 1),
        ("What stupidity!", 1),
        ("STUPID", 1),
        ("unstupid", 0),
        ("a piece  of\ntrash", 1),
        ("a good man", -1),
        ("a kindness", 0),
        ("not a good man", 1),
        ("never bad", -1),
        ("It isn't bad", -1),
        ("I was not there. Bad weather came", 1),
        ("not bad at all", 0),
        ("bad luck, bad man", 1),
        ("not in the very same way bad", 1),
        ("I don’t care", 1),
        ("not only kind but good", -2),
        ("not kind", 1),
        ("", 0),
    ],
)
def test_words_of_a_spaced_language(text: str, hits: int) -> None:
    assert Finder(EN).hits(text) == hits


@pytest.mark.parametrize(
    ("text", "hits"),
    [("他很坏", 1), ("他不好", 1), ("他很好", -1), ("他坏笑了", 0), ("坏人坏事", 2), ("他没坏", -1)]
    + [("没准坏了", 1), ("他生气了", 1), ("生气勃勃的人", -1)],
)
def test_words_of_an_unspaced_language(text: str, hits: int) -> None:
    assert Finder(ZH).hits(text) == hits


@given(st.text(max_size=80))
def test_any_text_is_counted(text: str) -> None:
    assert isinstance(Finder(EN).hits(text) + Finder(ZH).hits(text), int)


def _handle() -> WordListHandle:
    content = {
        "classes": ["other", "toxic"],
        "languages": {
            "en": {"flags": ["stupid"]},
            "zh": {"flags": ["坏"], "spaced": False},
        },
    }
    return WordListHandle(read_list(content, "mine"), "list:mine/toxicity")


def test_languages_are_counted_together() -> None:
    model = _handle().load()
    asked = [Classify(text) for text in ("fine", "stupid", "坏 stupid")]
    answers = model.run(model.prepare(asked), length=1, rows=3)
    assert answers == [Logits((0.0, -1.0)), Logits((0.0, 1.0)), Logits((0.0, 3.0))]
    assert 1 / (1 + math.exp(1.0)) < 0.5
    assert model.facts.classes == ("other", "toxic")


def test_anything_else_is_refused() -> None:
    model = _handle().load()
    (answer,) = model.run(model.prepare([Tokenize("x")]), length=1, rows=1)
    assert isinstance(answer, Failure)


def test_a_changed_word_is_another_scorer() -> None:
    other = read_list({"classes": ["a", "b"], "languages": {"en": {"flags": ["x"]}}}, "mine")
    assert _handle().key != WordListHandle(other, "list:mine/toxicity").key


@pytest.mark.parametrize(
    "content",
    [
        {"classes": ["one"], "languages": {}},
        {"classes": ["a", "b"], "languages": {"en": {"flag": ["x"]}}},
        {"classes": ["a", "b"], "languages": {"en": {"flags": [""]}}},
        ["a"],
    ],
)
def test_a_list_of_another_shape_is_told(content: object) -> None:
    with pytest.raises(SpecError, match=r"list:mine/x: .*datasets/README.md"):
        read_list(content, "list:mine/x")


@pytest.mark.parametrize("entry", ["*", " ", "**"])
def test_an_entry_that_says_nothing_is_told(entry: str) -> None:
    content = {"classes": ["a", "b"], "languages": {"en": {"flags": ["x"], "spares": [entry]}}}
    with pytest.raises(SpecError, match=r"languages.en.spares: .* says nothing"):
        read_list(content, "list:mine/x")
