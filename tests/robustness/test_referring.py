from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fmaudit import catalog
from fmaudit.documents import read_any
from fmaudit.robustness.referring import Referring


@pytest.fixture(scope="module")
def referring() -> Referring:
    """The shipped phrases."""
    folder = catalog.dataset("prompt_formats").file.parent
    return msgspec.convert(read_any(folder / "referring.yaml"), Referring)


@pytest.mark.parametrize(
    "option",
    [
        "All of the above",
        "none of the above.",
        "None of these",
        "Both A and B",
        "both (a) and (b)",
        "A and C",
        "(A) or (B)",
        "A, B and C",
        "Neither A nor B.",
        "None",
        "ALL  OF\nTHEM",
        "Option D",
        "以上都对",
        "以上皆非。",
        "以上",
        "Ａ和Ｂ",
        "A、B都对",
        "选项C",
        "都不是",
    ],
)
def test_options_that_speak_of_others(referring: Referring, option: str) -> None:
    assert referring.in_any(["Paris", option])


@pytest.mark.parametrize(
    "option",
    [
        "",
        "Paris",
        "All day",
        "none the wiser",
        "a and the",
        "a dog and a cat",
        "both a dog and a cat",
        "vitamin A and vitamin B",
        "2 and 3",
        "be",
        "Adoption Dr.",
        "answer a letter",
        "They are all the same",
        "六十分以上",
        "18岁以上",
        "甲和乙",
        "全部的书",
        "AB",
    ],
)
def test_options_that_speak_of_themselves(referring: Referring, option: str) -> None:
    assert not referring.in_any([option, "London"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": ()}, "labels"),
        ({"whole": ()}, "whole"),
        ({"within": ("all of {these}",)}, "within.*these"),
        ({"within": ("  ",)}, "within"),
        ({"whole": ("{",)}, "whole"),
    ],
)
def test_wrong_phrases_are_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Referring(**{"labels": ("A",), "whole": ("none",), "within": ("the above",), **change})
