"""The noise floor in sentences: of each capability what moved, in its own unit."""

from __future__ import annotations

import re

import pytest
from support_spoken import ANSWERS, LIKELIHOODS

from fmaudit.reporting import noise
from fmaudit.reporting.language import language
from fmaudit.reporting.wordings import WORDINGS

CHINESE = language("zh")
LATIN = re.compile(r"[A-Za-z]{2,}")
STEADY = {"alone": 0.0, "padded": 0.0, "again": 0.0}


def said(capability: str, **changes: object) -> str:
    """The sentences of a floor where nothing moves, but for these figures."""
    found = {
        "largest": {"alone": 2.9e-6, "padded": 1e-6, "again": 0.0},
        "flips": STEADY,
        "answered": dict.fromkeys(STEADY, 200),
        **changes,
    }
    return " ".join(noise.words(capability, found))


def test_a_steady_language_model_is_told_in_nats():
    assert said("token_logprobs") == (
        "The same prompt always had the same likeliest continuation, and the log-likelihood of a "
        "text moved by at most 0.0000029 nats."
    )
    assert said("token_logprobs", flips={}) == (
        "The log-likelihood of the same text moved by at most 0.0000029 nats."
    )
    assert said("masked_logprobs", flips={}) == (
        "The log-likelihood of the same text's masked words moved by at most 0.0000029 nats."
    )
    assert said("fill_mask", flips={}) == (
        "The log-probability of the same word in the same place moved by at most 0.0000029 nats."
    )
    assert said("generate") == "The same prompt was answered by the same text every time."


def test_no_class_is_spoken_of_where_there_is_none():
    for found in (LIKELIHOODS, ANSWERS):
        for capability in ("token_logprobs", "masked_logprobs", "generate"):
            assert "class" not in " ".join(noise.words(capability, found))


def test_likelihoods_that_move_and_decide_otherwise():
    moved = said("token_logprobs", largest={"alone": 0.25, "padded": 0.2, "again": 0.0})
    assert "but the log-likelihood of a text moved by up to 0.25 nats" in moved
    assert "Differences of this size are the arithmetic's" in moved
    flipped = said("token_logprobs", flips={**STEADY, "padded": 0.03})
    assert (
        "padded to twice its length, in 3 % of the prompts with several continuations another "
        "one became the likeliest" in flipped
    )
    unsteady = said("token_logprobs", flips={**STEADY, "again": 0.2})
    assert "in 20 % of the prompts" in unsteady
    assert "No rule passes or fails in this audit" in unsteady


def test_written_answers_that_change_stop_no_rule():
    """What is written hangs on ties; the engine lets no rule rest on it (`floor.DECIDED`)."""
    text = said("generate", flips={**STEADY, "alone": 0.25}, largest={"alone": 1.0})
    assert (
        "read alone, not beside others, 25 % of the prompts were answered by another text" in text
    )
    assert "No rule passes" not in text
    assert "arithmetic" not in text


def test_what_float32_moves_is_told_with_the_preference_share():
    text = " ".join(noise.words("token_logprobs", LIKELIHOODS))
    assert "the model is served in bfloat16, which rounds" in text
    assert "on 200 prompts, the log-likelihood of a text moves by up to 0.75 nats" in text
    assert "in 3.2 % of those with several continuations another one is the likeliest" in text
    assert (
        "The share of prompts whose first continuation is the likeliest moves by −0.73 percentage "
        "points" in text
    )
    text = " ".join(noise.words("generate", ANSWERS))
    assert "In float32, 38 % of 8 prompts are answered by another text" in text


@pytest.mark.parametrize(
    "capability", ["token_logprobs", "masked_logprobs", "fill_mask", "classify"]
)
def test_nothing_decided_beside_float32(capability):
    compared = {"dtype": "float16", "items": 100, "largest": 0.5}
    text = said(capability, flips={}, float32=compared)
    assert "moves by up to 0.50" in text or "move by up to 0.50" in text
    assert "float16" in text
    assert "Project-Id" not in text  # the catalogue's head, which an empty sentence would find
    assert "likeliest" not in text


def test_padding_that_moves_likelihoods_is_a_leak():
    text = said("token_logprobs", largest={"alone": 0.0, "padded": 3.0, "again": 0.0})
    assert "Filling up a prompt with padding moves the log-likelihood of a text by up to 3" in text
    assert "attention mask" in text
    assert "arithmetic" not in text
    rounding = {"dtype": "bfloat16", "items": 9, "largest": 1.5, "flips": 0.0, "padded": 1e-6}
    text = said("token_logprobs", largest={"alone": 0.4, "padded": 3.0}, float32=rounding)
    assert "attention mask" not in text, "three roundings explain it"
    changed = said("generate", largest={"alone": 0.0, "padded": 1.0}, flips={"padded": 0.1})
    assert "attention mask" not in changed


def floors(capability: str):
    """Every shape that a floor of this capability takes."""
    notes = {"dtype": "float32", "note": "served in float32: nothing to compare"}
    beside = {"dtype": "bfloat16", "items": 9, "largest": 0.5}
    decided = [STEADY, {**STEADY, "again": 0.02}, {**STEADY, "again": 0.5}]
    shapes = {"masked_logprobs": [{}], "fill_mask": [{}], "generate": decided}.get(
        capability, [{}, *decided]
    )
    for most in (0.0, 1e-6, 0.3):
        for flips in shapes:
            full = {**beside, **({"flips": 0.03, "padded": 0.0} if flips else {})}
            first = {**full, "first": -0.0073} if capability == "token_logprobs" else full
            for compared in (None, notes, full, first):
                yield {
                    "largest": {"alone": most, "padded": 2 * most, "again": 0.0},
                    "flips": flips,
                    "answered": dict.fromkeys(STEADY, 200),
                    **({"float32": compared} if compared else {}),
                }


@pytest.mark.parametrize("capability", sorted(WORDINGS))
def test_every_floor_is_said_in_chinese_with_the_same_figures(capability):
    for found in floors(capability):
        english = noise.words(capability, found)
        chinese = noise.words(capability, found, CHINESE)
        assert len(chinese) == len(english)
        assert all(text.endswith(".") for text in english)
        assert all(text.endswith("。") for text in chinese)
        assert not LATIN.search(re.sub("float32|bfloat16", "", "".join(chinese)))
        figures = [set(re.findall(r"\d+\.\d+", "".join(text))) for text in (english, chinese)]
        assert figures[0] == figures[1]


def test_a_change_has_its_unit_in_the_table():
    assert noise.change("token_logprobs", 0.25) == "0.25 nats"
    assert noise.change("masked_logprobs", 0.25, CHINESE) == "0.25 纳特"
    assert noise.change("classify", 0.25) == noise.change("rank", 0.25) == "0.25"
    assert noise.change("generate", 1.0) == noise.change("classify", None) == "—"


def test_only_what_was_asked_is_explained():
    assert noise.moves(["generate", "strange"]) == [WORDINGS["generate"].moves]
    assert len(noise.moves(WORDINGS)) == len(WORDINGS)
    assert noise.of("base", "token_logprobs") == "its base, likelihoods of texts"
