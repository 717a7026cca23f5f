from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.segments import between, spans, unspaced

CHARACTERS = "ab.,'9 \t\n\u3000\u00a0手机、ภာษี日かﾞ\u0301\u200d\u200b\u094d한שع👩"
TEXTS = st.text(st.sampled_from(CHARACTERS), max_size=30)


@given(TEXTS)
def test_the_words_hold_all_that_is_no_space_in_order(text: str) -> None:
    found = list(spans(text))
    joined = "".join(text[start:end] for start, end in found)
    assert joined == "".join(c for c in text if not c.isspace())
    edges = [edge for span in found for edge in span]
    assert edges == sorted(edges)
    assert all(start < end for start, end in found)


@pytest.mark.parametrize(
    ("before", "after", "gap"),
    [
        ("The sky is", "blue", " "),
        ("Answer:", "blue", " "),
        ("Answer: ", "blue", ""),
        ("Answer:\n", "blue", ""),
        ("Answer:", " blue", ""),
        ("", "blue", ""),
        ("Answer:", "", ""),
        ("法国的首都是", "巴黎", ""),
        ("法国的首都是", "Paris", ""),
        ("答案：", "A", ""),
        ("Capital:", "巴黎", ""),
        ("수도는", "서울", " "),
        ("Столица:", "Париж", " "),
        ("Is it 👍", "yes", " "),
    ],
)
def test_what_stands_between_two_texts(before: str, after: str, gap: str) -> None:
    assert between(before, after) == gap


@given(TEXTS, TEXTS)
def test_joined_texts_never_get_a_second_space(before: str, after: str) -> None:
    gap = between(before, after)
    assert gap in ("", " ")
    if gap:
        assert not before[-1].isspace()
        assert not after[0].isspace()


def test_scripts_without_spaces() -> None:
    assert all(map(unspaced, "手かภ"))
    assert not any(map(unspaced, "aé한9,"))
