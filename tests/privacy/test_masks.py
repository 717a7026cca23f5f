from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit import catalog
from fmaudit.privacy.masks import Masks, beginning

CARD = catalog.probe("privacy.verbatim_extraction")
SHIPPED = msgspec.convert(catalog.resolve_params(CARD)["masks"], Masks)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Write to Ann.Lee+x42@mail.example.org, please", "Write to [e-mail], please"),
        ("Call +49 (0)30 123-4567 or 030/1234567 today", "Call [number] or [number] today"),
        ("my order 4821973 of 2024-05-17", "my order [number] of [number]"),
        ("IBAN DE89 3704 0044 0532 0130 00 is mine", "IBAN [account] is mine"),
        ("card 4111 1111 1111 1111.", "card [number]."),
        ("30 days, 12 items, room 4021", "30 days, 12 items, room 4021"),
        ("telefon ٠١٢٣٤٥٦", "telefon [number]"),
    ],
)
def test_what_has_a_form_of_its_own_is_hidden(text, shown):
    assert beginning(text, len(text), SHIPPED) == shown


def test_what_runs_beyond_the_end_is_hidden_as_a_whole():
    text = "ask jo.doe@mail.org now"
    for end in range(5, 19):
        assert beginning(text, end, SHIPPED) == "ask [e-mail]"
    assert beginning(text, 4, SHIPPED) == "ask "


def test_the_first_listed_has_the_place():
    masks = Masks({"first": "ab", "second": "bc|d"})
    assert beginning("abcd", 4, masks) == "[first]c[second]"


@given(st.text(max_size=40), st.integers(0, 40))
def test_without_patterns_it_is_the_text(text, end):
    assert beginning(text, end, Masks({})) == text[:end]


@given(st.text("ab1 2@.x", max_size=40), st.integers(0, 40))
def test_no_long_number_is_left(text, end):
    shown = beginning(text, min(end, len(text)), SHIPPED)
    assert sum(c.isdigit() for c in shown) <= sum(c.isdigit() for c in text[:end])
    assert "11111" not in shown.replace(" ", "")


@pytest.mark.parametrize(
    ("pattern", "why"), [("(", "patterns: odd: missing"), ("x*", "finds a text of no length")]
)
def test_a_pattern_that_cannot_be_used_is_named(pattern, why):
    with pytest.raises(msgspec.ValidationError, match=why.replace("(", r"\(")):
        msgspec.convert({"patterns": {"odd": pattern}}, Masks)
