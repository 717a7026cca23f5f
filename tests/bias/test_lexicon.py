from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fmaudit.bias.lexicon import Cell, Lexicon, cell


def lexicon(**changes: Any) -> Any:
    attribute = {"groups": ["male", "female"], "words": [["he", "she"]]} | changes
    return {"language": "en", "attributes": {"sex": attribute}, "neutral": [["about", "around"]]}


def test_cells() -> None:
    assert cell("he") == Cell("he", None, True)
    assert cell(" man / men ") == Cell("man", "men", True)
    assert cell("(Mr)") == Cell("Mr", None, False)
    assert cell("fiance\u0301").one == "fianc\u00e9"


def test_a_whole_lexicon_is_read() -> None:
    found = msgspec.convert(lexicon(), Lexicon)
    assert found.attributes["sex"].groups == ("male", "female")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"groups": ["male"]}, "`groups` needs at least two different names"),
        ({"groups": ["male", "male"]}, "`groups` needs at least two different names"),
        ({"words": [["he", "she", "they"]]}, r"\['he', 'she', 'they'\] has 3 cells and there are"),
        ({"words": [["man/men", "woman"]]}, "plural for some groups only"),
        ({"words": [["he", ""]]}, "an empty cell; write ~"),
        ({"words": [["(he)", "(she)"]]}, "is never read"),
        ({"words": [["Mr", "Ms"], ["Mr", "Mrs"]]}, "'mr' is read twice; put it in brackets"),
        ({"words": [["sir", "sir"]]}, "'sir' is read twice"),
        ({"impossible": {"men": {"always": ["pregnant"]}}}, "`impossible` names 'men'"),
        ({"word": [["he", "she"]]}, "unknown field `word`"),
        ({"by_position": [{"words": ["his", "her"], "where": "before"}]}, "Invalid enum value"),
        (
            {"by_position": [{"words": ["his", "her"], "where": "alone"}] * 2},
            "'his' is read twice|'her' is read twice",
        ),
    ],
)
def test_a_wrong_row_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(lexicon(**changes), Lexicon)


@pytest.mark.parametrize(
    ("neutral", "message"),
    [
        ([["about"]], "two different words are needed"),
        ([["about", "About"]], "two different words are needed"),
        ([["(about)", "(around)"]], "one read"),
        ([["about", "around"], ["About", "roughly"]], "'about' is read in two sets"),
        ([["she", "about"]], "'she' is an identity term"),
    ],
)
def test_wrong_neutral_words_are_named(neutral: list[list[str]], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(lexicon() | {"neutral": neutral}, Lexicon)


def test_a_word_may_be_read_in_several_positions() -> None:
    rows = [
        {"words": ["his", "her"], "where": "before_noun"},
        {"words": ["him", "her"], "where": "alone"},
    ]
    msgspec.convert(lexicon(by_position=rows), Lexicon)
