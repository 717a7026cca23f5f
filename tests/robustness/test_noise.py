from __future__ import annotations

import unicodedata
from typing import Any

import msgspec
import pytest

from fmaudit.robustness.noise import Noise

WHOLE: dict[str, Any] = {
    "language": "en",
    "keyboard": {"a": ["s"]},
    "ocr": {"rn": ["m"]},
    "homoglyph": {"a": ["\u0430"]},
    "invisible": ["\u200b"],
    "leave_alone": ["never"],
    "never_make": ["from"],
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"keyboard": {"A": ["s"]}}, "keyboard: 'A'"),
        ({"keyboard": {"a": ["sd"]}}, "keyboard: 'a'"),
        ({"keyboard": {"a": []}}, "keyboard: 'a'"),
        ({"keyboard": {"1": ["q"]}}, "keyboard: '1'"),
        ({"ocr": {"l": ["l"]}}, "ocr: 'l'"),
        ({"ocr": {"l1": ["h"]}}, "ocr: 'l1'"),
        ({"homoglyph": {"ab": ["c"]}}, "homoglyph: 'ab'"),
        ({"invisible": ["x"]}, "invisible: 'x'"),
        ({"invisible": ["\u200b\u200b"]}, "invisible: .*U\\+200B U\\+200B"),
        ({"leave_alone": ["Never"]}, "'Never'"),
        ({"never_make": ["two words"]}, "'two words'"),
        ({"keybord": {}}, "keybord"),
    ],
)
def test_a_wrong_entry_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert(WHOLE | change, Noise)


def test_a_right_list_is_read() -> None:
    assert msgspec.convert(WHOLE, Noise).ocr == {"rn": ("m",)}


def test_the_shipped_lists(noise: Noise) -> None:
    assert set(noise.keyboard) == set("abcdefghijklmnopqrstuvwxyz")
    for key, beside in noise.keyboard.items():
        assert all(len(set(noise.keyboard[other])) > 1 for other in beside), key
    for letter, options in noise.homoglyph.items():
        assert letter.isascii()
        for option in options:
            assert not option.isascii()
            assert unicodedata.normalize("NFKC", option) != letter or option == "\u03f2"
            assert option.isupper() == letter.isupper()
    joiners = {"\u200c", "\u200d"}
    assert not joiners & set(noise.invisible)
    assert not set(noise.leave_alone) & set(noise.never_make) - {"last"}
