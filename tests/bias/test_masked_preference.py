from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.bias.masked_preference import (
    NEEDS,
    NOTHING_SHARED,
    Shared,
    aligned,
    masked_preference,
    matched,
    sums,
)
from fmaudit.bias.preference import ALIKE, COLUMNS, Sums
from fmaudit.models.fakes import FakeLanguage
from fmaudit.registry import Context, NoParams
from fmaudit.seeds import Seeds
from fmaudit.selftest.plants.base import driven
from fmaudit.types import (
    Case,
    Failure,
    Logits,
    MaskedLogprobs,
    Pseudo,
    Request,
    Response,
    Row,
    Scored,
    Tokenize,
    Tokens,
)

ALONE = Context(Seeds(0))
BESIDE = msgspec.structs.replace(ALONE, beside={"base": NEEDS})
MODELS = {
    "target": FakeLanguage(lambda before, w: -1.0 if "She" in before else -2.0, masked=True),
    "base": FakeLanguage(lambda before, w: -3.0 if "She" in before else -2.5, masked=True),
}


def answer(request: Request) -> Response:
    model = MODELS[request.on]
    return model.run(model.prepare([request]), length=1, rows=1)[0]


def pair(more: str, less: str, name: str = "p") -> Case:
    return Case(name, "", groups={"attribute": "gender"}, options=(more, less), cluster="t")


def rows(
    *cases: Case, context: Context = ALONE, answer: Callable[[Request], Response] = answer
) -> list[Row]:
    found: list[Row] = driven(masked_preference.run(cases, NoParams(), context), answer)
    assert [row.case for row in found] == list(cases)
    assert {name for row in found for name in row.values} <= set(COLUMNS)
    return found


def tokens(ids: Sequence[int], special: Sequence[int] = ()) -> Tokens:
    """Tokens of one letter each; those at the places `special` stand nowhere."""
    places = [0 if k in special else k + 1 for k in range(len(ids))]
    return Tokens(tuple(ids), 0, tuple(max(0, p - 1) for p in places), tuple(places))


TWO = ("She sews.", "He sews.")


# ── which tokens are shared ──────────────────────────────────────────────────────────────

ids = st.lists(st.integers(1, 5), max_size=30)


@given(ids, ids)
def test_shared_places_hold_equal_tokens_in_order_and_mirror(
    more: list[int], less: list[int]
) -> None:
    ours, theirs = matched(more, less)
    assert [more[k] for k in ours] == [less[k] for k in theirs]
    assert list(ours) == sorted(set(ours))
    assert list(theirs) == sorted(set(theirs))
    assert matched(less, more) == (theirs, ours)


@given(ids, ids, ids)
def test_what_stands_around_one_changed_word_is_shared(
    before: list[int], word: list[int], after: list[int]
) -> None:
    """Of the same frame with other words, the frame is found and nothing of the words."""
    more, less = [*before, 6, *after], [*before, 7, 8, *after]
    ours, theirs = matched(more, less)
    assert [more[k] for k in ours] == [*before, *after]
    assert [less[k] for k in theirs] == [*before, *after]
    assert matched(word, word) == (tuple(range(len(word))),) * 2


def test_no_shortcut_for_long_sentences() -> None:
    """difflib passes over tokens that are frequent in 200 and more."""
    long = [1, 2] * 150
    assert len(matched([3, *long], [4, *long])[0]) == 300


def test_special_tokens_are_skipped_on_either_side() -> None:
    more, less = [101, 5, 6, 7, 102], [101, 8, 9, 6, 7, 102]
    found = aligned(TWO, tokens(more, (0, 4)), tokens(less, (0, 5)))
    assert found == Shared((2, 3), (3, 4))
    # the same id, written out as a word in one of them
    assert aligned(TWO, tokens([101, 5, 6], (0,)), tokens([101, 8, 6])) == Shared((2,), (2,))


def test_nothing_shared_and_unusable_tokens() -> None:
    assert (
        aligned(TWO, tokens([101, 5, 102], (0, 2)), tokens([101, 6, 102], (0, 2))) == NOTHING_SHARED
    )
    good = tokens([1, 2])
    for odd, why in (
        (Failure("lost"), "lost"),
        (Logits((0.0,)), "Logits"),
        (msgspec.structs.replace(good, cut=4), "4 tokens of a sentence do not fit"),
        (Tokens((1, 2)), "does not say where"),
    ):
        for both in ((good, odd), (odd, good)):
            found = aligned(TWO, *both)
            assert isinstance(found, Failure)
            assert why in found.reason


def test_different_sentences_with_equal_tokens_are_not_compared() -> None:
    """A tokenizer that does not know the words would make each such pair a tie."""
    unknown = tokens([101, 100, 6, 102], (0, 3))
    assert aligned(TWO, unknown, unknown) == ALIKE
    assert aligned((TWO[0], TWO[0]), unknown, unknown) == Shared((1, 2), (1, 2))


# ── rows ─────────────────────────────────────────────────────────────────────────────────


def test_only_shared_tokens_are_hidden_and_summed() -> None:
    asked: list[Request] = []

    def noted(request: Request) -> Response:
        asked.append(request)
        return answer(request)

    (row,) = rows(pair("She sews very well.", "He sews rather well."), answer=noted)
    assert (row.values["more_logprob"], row.values["less_logprob"]) == (-2.0, -4.0)
    assert (row.values["preference"], row.values["stereotyped"]) == (2.0, 1.0)
    assert (row.values["more_tokens"], row.values["less_tokens"]) == (2, 2)
    assert [type(r) for r in asked] == [Tokenize] * 2 + [MaskedLogprobs] * 2
    assert [r.places for r in asked if isinstance(r, MaskedLogprobs)] == [(1, 3), (1, 3)]


def test_the_base_reads_with_its_own_tokens() -> None:
    """Places are the base's own: its tokenizer may cut the sentences otherwise."""
    places: dict[str, list[tuple[int, ...] | None]] = {"target": [], "base": []}

    def answer_of(request: Request) -> Response:
        if isinstance(request, Tokenize):
            first = 1 if str(request.input).startswith("She") else 2
            mine = [101, first, 6, 7] if request.on == "target" else [first, 7]
            return tokens(mine, (0,) if request.on == "target" else ())
        assert isinstance(request, MaskedLogprobs)
        assert request.places is not None
        places[request.on].append(request.places)
        k = len(request.places)
        return Pseudo(
            Scored((0,) * k, (-1.0,) * k, (0,) * k, (0.0,) * k, (1.0,) * k), request.places
        )

    (row,) = rows(pair("She sews.", "He sews."), context=BESIDE, answer=answer_of)
    assert places == {"target": [(2, 3)] * 2, "base": [(1,)] * 2}
    assert (row.values["stereotyped"], row.values["base_stereotyped"]) == (0.5, 0.5)


def test_the_base_beside_the_target() -> None:
    (row,) = rows(pair("She sews.", "He sews."), context=BESIDE)
    assert (row.values["preference"], row.values["base_preference"]) == (1.0, -0.5)
    assert (row.values["base_stereotyped"], row.values["change"]) == (0.0, 1.5)
    half = msgspec.structs.replace(ALONE, beside={"base": frozenset({"masked_logprobs"})})
    assert rows(pair("She sews.", "He sews."), context=half)[0].values.get("change") is None


def test_exchanged_options_mirror_the_row() -> None:
    texts = ("She is a nurse and a cook.", "He is a cook and a nurse.")
    (one,), (two,) = rows(pair(*texts)), rows(pair(*texts[::-1]))
    assert one.values["preference"] == -two.values["preference"]
    assert one.values["stereotyped"] + two.values["stereotyped"] == 1
    assert one.values["more_tokens"] == two.values["more_tokens"] > 0


def test_equal_sentences_tie() -> None:
    (row,) = rows(pair("She sews.", "She sews."))
    assert (row.values["preference"], row.values["stereotyped"]) == (0.0, 0.5)
    assert row.values["more_tokens"] == 2


def test_a_pair_without_a_shared_token_is_told_and_the_others_go_on() -> None:
    apart, whole = rows(pair("She sews.", "He runs!"), pair("She sews.", "He sews.", "q"))
    assert (apart.reason, apart.failed) == (NOTHING_SHARED, False)
    assert apart.values["more"] == "She sews."
    assert apart.values.get("preference") is None
    assert whole.values["preference"] == 1.0


@pytest.mark.parametrize("kind", [Tokenize, MaskedLogprobs])
def test_one_sentence_without_an_answer_fails_its_pair_alone(kind: type) -> None:
    def broken(request: Request) -> Response:
        if isinstance(request, kind) and request.input == "He runs.":  # type: ignore[attr-defined]
            return Failure("lost")
        return answer(request)

    cases = (pair("She runs.", "He runs.", "a"), pair("She sews.", "He sews.", "b"))
    lost, whole = rows(*cases, answer=broken)
    assert (lost.reason, lost.failed) == ("lost", True)
    assert whole.values["preference"] == 1.0


def test_answers_of_another_kind_or_about_other_tokens_are_failures() -> None:
    shared = Shared((1, 2), (1, 2))
    good = Pseudo(Scored((5, 6), (-1.0, -2.0), (0, 0), (0.0, 0.0), (1.0, 1.0)), (1, 2))
    assert sums(shared, good, good) == Sums(-3.0, -3.0, 2, 2)
    other = msgspec.structs.replace(good, places=(0, 2))
    short = msgspec.structs.replace(good, scored=msgspec.structs.replace(good.scored, logprobs=()))
    for odd in (Failure("lost"), Logits((0.0,)), other, short):
        assert isinstance(sums(shared, good, odd), Failure)
        assert isinstance(sums(shared, odd, good), Failure)
