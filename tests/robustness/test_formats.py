from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit import catalog
from fmaudit.documents import read_any
from fmaudit.robustness.formats import Format, Formats

FOLDER = catalog.dataset("prompt_formats").file.parent
LANGUAGES = ("en", "zh")
PLAIN = {"labels": "AB", "prompt": "{question}\n{options}", "option": "{label}. {option}"}


def shipped(language: str) -> Formats:
    return msgspec.convert(read_any(FOLDER / f"{language}.yaml"), Formats)


def test_a_prompt_as_it_is_read() -> None:
    options = ["ice", "stone"]
    found = {name: f.lay("What melts?", options) for name, f in shipped("en").formats.items()}
    assert found["plain"] == "Question: What melts?\nA. ice\nB. stone\nAnswer:"
    assert found["brackets"] == "Question: What melts?\n(A) ice\n(B) stone\nAnswer:"
    assert found["one_line"] == "Question: What melts? A. ice; B. stone Answer:"
    assert found["numbers"] == "Question: What melts?\n1. ice\n2. stone\nAnswer:"
    formats = shipped("en").formats
    assert formats["plain"].answers(2) == (" A", " B")
    assert formats["brackets"].answers(2) == (" (A)", " (B)")
    zh = shipped("zh").formats["plain"]
    assert zh.lay("什么会融化？", ["冰", "石头"]) == "问题：什么会融化？\nA. 冰\nB. 石头\n答案："
    assert zh.answers(2) == ("A", "B")


@given(question=st.text(), options=st.lists(st.text(), min_size=2, max_size=9))
@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_laid_out_as_they_are(language: str, question: str, options: list[str]) -> None:
    """Braces and line breaks of the data mean nothing; every prompt is another."""
    formats = shipped(language).formats
    prompts = [found.lay(question, options) for found in formats.values()]
    assert len(set(prompts)) == len(
        {(f.prompt, f.option, f.between, f.labels) for f in formats.values()}
    )
    for prompt in prompts:
        assert question in prompt
        assert all(option in prompt for option in options)


@pytest.mark.parametrize("language", LANGUAGES)
def test_shipped_formats(language: str) -> None:
    found = shipped(language)
    assert found.language == language
    assert list(found.formats) == list(shipped("en").formats)
    for name, layout in found.formats.items():
        assert not layout.prompt.endswith(" "), name
        assert len(layout.labels) == (9 if name == "numbers" else 26)
        # No answer begins another, so that none is likelier only because it is shorter.
        answers = layout.answers(26)
        assert not any(a != b and b.startswith(a) for a in answers for b in answers)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": "A"}, "labels"),
        ({"labels": "AA"}, "labels"),
        ({"prompt": "{question}"}, "prompt.*{options}"),
        ({"prompt": "{question} {options} {label}"}, "prompt"),
        ({"prompt": "{question} {question} {options}"}, "prompt"),
        ({"option": "{label}. {}"}, "option"),
        ({"option": "{label!r} {option}"}, "option"),
        ({"option": "{label:>9} {option}"}, "option"),
        ({"answer": "the answer"}, "answer"),
        ({"answer": "{label"}, "answer.*cannot be read"),
        ({"labels": 12}, "labels"),
        ({"separator": " "}, "separator"),
    ],
)
def test_a_wrong_format_is_named(change: dict[str, Any], said: str) -> None:
    document = {"language": "en", "formats": {"mine": {**PLAIN, "answer": " {label}", **change}}}
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert(document, Formats)


def test_equal_formats_are_refused() -> None:
    one = Format("AB", "{question}\n{options}", "{label}. {option}", " {label}")
    with pytest.raises(ValueError, match="second is first again"):
        Formats("en", {"first": one, "second": one})
