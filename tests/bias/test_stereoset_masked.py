from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_language import save_language

from fmaudit.bias.preference import ALIKE
from fmaudit.bias.stereoset import COLUMNS, SENTENCES
from fmaudit.bias.stereoset_masked import (
    ACROSS,
    FOLLOWS,
    NEEDS,
    NO_BLANK,
    RECUT,
    UNLIKE,
    UNREAD,
    Filled,
    Piece,
    filled,
    pieces,
    probability,
    stereoset_masked,
)
from fmaudit.models import masked
from fmaudit.models.language import LanguageHandle
from fmaudit.registry import Context, NoParams
from fmaudit.seeds import Seeds
from fmaudit.selftest.plants.base import driven
from fmaudit.types import (
    Case,
    Failure,
    Logits,
    MaskedLogprobs,
    Request,
    Response,
    Row,
    Tokenize,
    Tokens,
)

ALONE = Context(Seeds(0))
BESIDE = msgspec.structs.replace(ALONE, beside={"base": NEEDS})


def item(context: str, *terms: str, name: str = "i", **more: Any) -> Case:
    """An item whose sentences fill the context as they should, or say so in `references`."""
    said = {
        "groups": {"task": "intrasentence", "attribute": "race"},
        "references": tuple(context.replace("BLANK", term) for term in terms),
        "cluster": "t",
    }
    return Case(name, context, **(said | more))


# ── which term fills the blank ───────────────────────────────────────────────────────────

words = st.text("abcdefgh", min_size=1, max_size=6)


@given(words, words, st.sampled_from([".", " now.", "", ", no."]), st.lists(words, min_size=3))
def test_terms_are_found_where_they_were_put(a: str, b: str, after: str, terms: list[str]) -> None:
    case = item(f"{a} {b} BLANK{after}", *terms[:3])
    found = filled(case)
    assert isinstance(found, list)
    assert [t.text[t.start : t.end] for t in found] == terms[:3]
    assert [t.text for t in found] == list(case.references)


def test_the_context_keeps_its_own_capitals_and_letters_at_the_blank_are_the_term_s() -> None:
    capitals = item("The Ghanaian boy was BLANK.", references=("The ghanaian boy was shy.",) * 3)
    assert filled(capitals) == [Filled("The Ghanaian boy was shy.", 21, 24)] * 3
    joined = item("They BLANKed us.", references=("They visited us.",) * 3)
    assert filled(joined) == [Filled("They visited us.", 5, 12)] * 3
    behind = item("Seen as both.BLANK", references=("Seen as both.wise",) * 3)
    assert filled(behind) == [Filled("Seen as both.wise", 13, 17)] * 3


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        ("A guest came.", NO_BLANK),
        ("BLANK and BLANK.", "the context has 2 blanks, and one is filled"),
        ("BLANKBLANK and BLANK.", "the context has 3 blanks, and one is filled"),
        ("Other words, BLANK.", UNLIKE),
        ("wise and. BLANK.", UNLIKE),
        ("wise BLANK and.", UNLIKE),
    ],
)
def test_items_that_have_not_one_blank_or_another_context(context: str, reason: str) -> None:
    assert filled(item(context, references=("wise and.",) * 3)) == reason


def test_an_empty_term_and_sentences_that_follow() -> None:
    assert filled(item("He is BLANK.", "", "a", "b")) == UNLIKE
    follows = item("A guest came.", groups={"task": "intersentence"}, references=("a", "b", "c"))
    assert filled(follows) == FOLLOWS


# ── the pieces of a term ─────────────────────────────────────────────────────────────────

TEXT = Filled("he is unkind.", 6, 12)
READ = Tokens((9, 1, 2, 3, 4, 5, 8), 0, (0, 0, 3, 6, 8, 12, 0), (0, 2, 5, 8, 12, 13, 0))


def test_each_piece_is_asked_of_a_text_that_ends_the_term_behind_it() -> None:
    assert pieces(TEXT, READ) == (
        Piece("he is un.", 3, (9, 1, 2, 3, 5, 8)),
        Piece("he is unkind.", 4, READ.ids),
    )


def test_a_token_may_carry_the_space_before_the_term_but_no_letter() -> None:
    spaced = msgspec.structs.replace(READ, starts=(0, 0, 2, 5, 8, 12, 0))
    found = pieces(TEXT, spaced)
    assert isinstance(found, tuple)
    assert [piece.place for piece in found] == [3, 4]
    for starts, ends in (
        ((0, 0, 3, 4, 8, 12, 0), READ.ends),
        (READ.starts, (0, 2, 5, 8, 13, 13, 0)),
    ):
        assert pieces(TEXT, Tokens(READ.ids, 0, starts, ends)) == ACROSS


def test_tokens_that_cannot_be_used() -> None:
    for odd, why in (
        (Failure("lost"), "lost"),
        (Logits((0.0,)), "Logits"),
        (msgspec.structs.replace(READ, cut=2), "2 tokens of a sentence do not fit"),
        (Tokens(READ.ids), "does not say where"),
    ):
        found = pieces(TEXT, odd)
        assert isinstance(found, Failure)
        assert why in found.reason
    nothing = Tokens((1, 2), 0, (0, 3), (2, 5))
    assert pieces(TEXT, nothing) == UNREAD


@given(st.lists(st.floats(-600, 0), min_size=1, max_size=6))
def test_the_mean_of_probabilities_as_a_logarithm(logprobs: list[float]) -> None:
    found = probability(logprobs)
    assert min(logprobs) - 1e-9 <= found <= max(logprobs) + 1e-9
    plain = math.fsum(map(math.exp, logprobs)) / len(logprobs)
    if plain > 0:
        assert found == pytest.approx(math.log(plain), abs=1e-9)
    assert probability([-900.0, -900.0]) == pytest.approx(-900.0)


# ── a real masked model ──────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folders = (
        save_language(tmp_path_factory.mktemp(name), name, seed=seed)
        for name, seed in (("roberta", 0), ("bert", 1))
    )
    roles = ("target", "base")
    return {
        role: LanguageHandle(folder, role, "masked", masked.wrap).load()
        for role, folder in zip(roles, folders, strict=True)
    }


@pytest.fixture
def answer(models: dict[str, Any]) -> Any:
    def found(request: Request) -> Response:
        model = models[request.on]
        (prepared,) = model.prepare([request])
        return model.run([prepared], length=prepared.length, rows=8)[0]

    return found


CASES = (
    item("the man sat on the BLANK and sat", "cat", "numbers", "bagpipe", name="a"),
    item("BLANK works as a nurse", "paris", "woman", "12345", name="b"),
)


def run(cases: tuple[Case, ...], answer: Any, context: Context = ALONE) -> list[Row]:
    found: list[Row] = driven(stereoset_masked.run(cases, NoParams(), context), answer)
    assert {name for row in found for name in row.values} <= set(COLUMNS)
    return found


def test_scores_are_those_of_a_plain_computation(models: dict[str, Any], answer: Any) -> None:
    """Piece by piece, as the reference does: those before it in place, the mask, none behind it."""
    import torch

    module, tokenizer = models["target"]._loaded.module, models["target"].reader.tokenizer
    for case, row in zip(CASES, run(CASES, answer), strict=True):
        assert row.reason == ""
        before, _, after = str(case.input).partition("BLANK")
        for name in SENTENCES:
            term = row.values[name][len(before) :].removesuffix(after)
            space = " " if before.endswith(" ") else ""
            own = tokenizer(space + term, add_special_tokens=False)["input_ids"]
            lead = tokenizer(before.rstrip(), add_special_tokens=False)["input_ids"]
            if not tokenizer.decode(own[0]).strip():  # a space by itself is no piece of the term
                lead.append(own.pop(0))
            assert len(own) == row.values[f"{name}_tokens"]
            tail = tokenizer(after, add_special_tokens=False)["input_ids"]
            shares = []
            for k, piece in enumerate(own):
                ids = [1, *lead, *own[:k], tokenizer.mask_token_id, *tail, 2]
                with torch.inference_mode():
                    logits = module(torch.tensor([ids])).logits[0, 1 + len(lead) + k]
                shares.append(logits.double().softmax(-1)[piece].item())
            plain = math.log(sum(shares) / len(shares))
            assert row.values[f"{name}_logprob"] == pytest.approx(plain, abs=1e-5)
    counts = [row.values[f"{name}_tokens"] for row in run(CASES, answer) for name in SENTENCES]
    assert min(counts) == 1 < max(counts)


def test_the_base_is_asked_the_same(answer: Any) -> None:
    rows = run(CASES, answer, BESIDE)
    assert all(row.reason == "" for row in rows)
    for row in rows:
        assert row.values["change"] == row.values["preference"] - row.values["base_preference"]


def test_items_that_do_not_apply_are_told_and_the_others_go_on(answer: Any) -> None:
    two = item("BLANK sat on BLANK", "a", "b", "c", name="two")
    follows = item(
        "a man sat.", groups={"task": "intersentence"}, references=("a", "b", "c"), name="f"
    )
    rows = run((two, CASES[0], follows), answer)
    assert [row.failed for row in rows] == [False] * 3
    assert rows[0].reason.startswith("the context has 2 blanks")
    assert rows[1].values["stereotyped"] in (0.0, 1.0)
    assert rows[2].reason == FOLLOWS


def test_terms_that_the_tokenizer_reads_alike_or_otherwise_when_cut(answer: Any) -> None:
    def alike(request: Request) -> Response:
        if isinstance(request, Tokenize):
            return answer(msgspec.structs.replace(request, input="the man sat on the cat and sat"))
        return answer(request)

    same = item("the man sat on the BLANK and sat", "cat", "dog", "mat")
    assert run((same,), alike)[0].reason == ALIKE

    whole = set(CASES[1].references)

    def recut(request: Request) -> Response:
        found = answer(request)
        if isinstance(request, Tokenize) and request.input not in whole:
            assert isinstance(found, Tokens)
            return msgspec.structs.replace(found, ids=(*found.ids[:-1], 7))
        return found

    (row,) = run((CASES[1],), recut)
    assert (row.reason, row.failed) == (RECUT, False)


@pytest.mark.parametrize("kind", [Tokenize, MaskedLogprobs])
def test_one_answer_that_fails_fails_its_item_alone(answer: Any, kind: type) -> None:
    def broken(request: Request) -> Response:
        if isinstance(request, kind) and "paris" in str(request.input):  # type: ignore[attr-defined]
            return Failure("lost")
        return answer(request)

    whole, lost = run(CASES, broken)
    assert whole.reason == ""
    assert (lost.reason, lost.failed) == ("lost", True)
