from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmaudit import catalog
from fmaudit.bias.counterfactual_terms import (
    COLUMNS,
    NO_CONTROL,
    SwapParams,
    Trial,
    counterfactual_terms,
    score,
)
from fmaudit.bias.lexicon import Lexicon
from fmaudit.errors import UnknownName
from fmaudit.registry import Context, load_method
from fmaudit.seeds import Seeds
from fmaudit.stats import measures
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import (
    Case,
    Classify,
    Failure,
    Input,
    Logits,
    Pair,
    Request,
    Response,
    Row,
    Rule,
    Tokenize,
    Tokens,
)

Drive = Callable[..., Any]
CONTEXT = Context(Seeds(0), classes=("no", "yes"), positive=1)
TOKENS = msgspec.structs.replace(CONTEXT, capabilities=frozenset({"classify", "tokenize"}))


@pytest.fixture(scope="module")
def params(english: Lexicon) -> SwapParams:
    return SwapParams(english, attributes=("sex",))


def chance(text: Input, salt: str) -> float:
    """A number in [0, 1) that is the text's own."""
    return zlib.crc32(f"{salt}{text}".encode()) / 2**32


def tokens(text: Input) -> Tokens:
    """A token for every four letters of a word, between two special ones."""
    return Tokens((0, *(1 for word in str(text).split() for _ in range(0, len(word), 4)), 2))


def fair(request: Request) -> Response:
    if isinstance(request, Tokenize):
        return tokens(request.input)
    return Logits((0.0, 1.0))


def rows_of(
    drive: Drive, params: SwapParams, texts: Sequence[Input], context: Context = CONTEXT,
    answer: Callable[[Request], Response] = fair,
) -> list[Row]:  # fmt: skip
    cases = [Case(f"case-{k}", text) for k, text in enumerate(texts)]
    found: list[Row] = drive(counterfactual_terms.run(cases, params, context), answer)
    assert {name for row in found for name in row.values} <= set(COLUMNS)
    assert len({(row.case.id, row.variant) for row in found}) == len(found)
    return found


# ── rows ─────────────────────────────────────────────────────────────────────────────────


def test_a_swap_beside_its_control(drive: Drive, params: SwapParams) -> None:
    (row,) = rows_of(drive, params, ["He lives in a big city."])
    assert (row.variant, row.input) == ("swap:sex:male→female", "She lives in a big city.")
    assert (row.reason, row.failed) == ("", False)
    control = row.values["control"]
    assert control.startswith("He")
    assert control != row.case.input
    assert row.values["matched"] == "words"
    assert (row.values["attribute"], row.values["direction"]) == ("sex", "male→female")
    assert row.values["p_base"] == pytest.approx(1 / (1 + np.exp(-1)), rel=1e-12)
    same = ("flip", "control_flip", "gap", "control_gap", "distance")
    assert [row.values[name] for name in same] == [False, False, 0.0, 0.0, 0.0]


def test_a_pair_is_asked_as_a_pair(drive: Drive, params: SwapParams) -> None:
    (row,) = rows_of(drive, params, [Pair("He sleeps now.", "A man in the city")])
    assert row.input == Pair("She sleeps now.", "A woman in the city")
    assert isinstance(row.values["control"], Pair)


def test_what_is_not_asked_is_counted_with_its_reason(drive: Drive, params: SwapParams) -> None:
    texts = ["It rains.", "He sings.", "Now a pregnant woman speaks.", "He sings now."]
    asked: list[Request] = []

    def answer(request: Request) -> Response:
        asked.append(request)
        return fair(request)

    found = rows_of(drive, params, texts, answer=answer)
    assert [(row.variant, row.reason) for row in found] == [
        ("swap:sex", "the text has no sex term"),
        ("swap:sex:male→female", NO_CONTROL),
        ("swap:sex:female→male", "impossible: 'pregnant' with male"),
        ("swap:sex:male→female", ""),
    ]
    assert not any(row.failed for row in found)
    assert len(asked) == 3  # of the last text alone
    assert all(row.values.get("flip") is None for row in found[:3])


def test_one_answer_that_fails_makes_a_failed_row(drive: Drive, params: SwapParams) -> None:
    def answer(request: Request) -> Response:
        return Failure("too long") if str(request.input).startswith("She") else fair(request)

    first, second = rows_of(drive, params, ["He sings now.", "A man sings now."], answer=answer)
    assert first.failed
    assert first.reason == "swap: too long"
    assert first.values == {"attribute": "sex", "direction": "male→female"}
    assert not second.failed


def test_the_method_asks_each_input_once(drive: Drive, params: SwapParams) -> None:
    asked: Counter[Input] = Counter()

    def answer(request: Request) -> Response:
        asked[request.input] += 1
        return fair(request)

    rows_of(drive, params, ["He sings now.", "He sings now.", "She sings now."], answer=answer)
    assert max(asked.values()) == 1
    assert asked["He sings now."] == 1


# ── the control's size ───────────────────────────────────────────────────────────────────


def test_controls_match_the_tokens_of_the_swap(drive: Drive, english: Lexicon) -> None:
    text = "He was born in a big city and normally buys several vehicles every single week."
    found = rows_of(drive, SwapParams(english), [text], TOKENS)
    (row,) = [r for r in found if not r.reason]
    assert row.values["matched"] == "tokens"
    sizes = [len(tokens(t).ids) for t in (row.case.input, row.input, row.values["control"])]  # type: ignore[arg-type]
    assert sizes[1] == sizes[2]


def test_race_swaps_change_length_and_so_do_their_controls(drive: Drive, english: Lexicon) -> None:
    texts = ["A white man was born in the city, works about 40 hours per week and has a vehicle."]
    found = rows_of(drive, SwapParams(english, attributes=("race",)), texts, TOKENS)
    done = [row for row in found if not row.reason]
    assert {row.values["direction"] for row in done} >= {"white→native american", "white→black"}
    for row in done:
        base, swap, control = (
            len(tokens(t).ids)  # type: ignore[arg-type]
            for t in (row.case.input, row.input, row.values["control"])
        )
        assert swap - base == control - base


def test_without_tokens_words_are_matched(drive: Drive, params: SwapParams) -> None:
    def answer(request: Request) -> Response:
        if isinstance(request, Tokenize):
            return Failure("this model has no tokenizer")
        return fair(request)

    def silent(request: Request) -> Response:
        assert isinstance(request, Classify)
        return fair(request)

    texts = ["He sings now."]
    (failed,) = rows_of(drive, params, texts, TOKENS, answer)
    (without,) = rows_of(drive, params, texts, CONTEXT, silent)
    assert failed.values["matched"] == without.values["matched"] == "words"
    assert failed.values["control"] == without.values["control"]


# ── the same again ───────────────────────────────────────────────────────────────────────

TEXTS = [
    "He sings now in a big city.",
    "Normally the men and women buy several cars.",
    "A black woman was born in the town and rarely speaks.",
    "It rains.",
]


@settings(deadline=None)
@given(st.permutations(range(len(TEXTS))))
def test_order_and_chunks_change_nothing(order: list[int]) -> None:
    card = catalog.probe("bias.counterfactual_terms")
    whole = msgspec.convert(catalog.resolve_params(card), SwapParams)
    cases = [Case(f"case-{k}", text) for k, text in enumerate(TEXTS)]

    def run(chunk: Sequence[Case]) -> list[Row]:
        asks, sent = counterfactual_terms.run(chunk, whole, TOKENS), None
        try:
            while True:
                sent = [fair(request) for request in asks.send(sent)]  # type: ignore[arg-type]
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]

    at_once = run(cases)
    apart = [row for k in sorted(order) for row in run([cases[k]])]
    assert at_once == apart
    shuffled = run([cases[k] for k in order])
    assert sorted(shuffled, key=lambda r: (r.case.id, r.variant)) == sorted(
        at_once, key=lambda r: (r.case.id, r.variant)
    )


def test_another_seed_draws_other_controls(drive: Drive, params: SwapParams) -> None:
    texts = [f"He now buys {k} big cars in several cities and normally drives." for k in range(20)]
    other = msgspec.structs.replace(CONTEXT, seeds=Seeds(1))
    one, two = (rows_of(drive, params, texts, context) for context in (CONTEXT, other))
    assert [r.input for r in one] == [r.input for r in two]
    assert [r.values["control"] for r in one] != [r.values["control"] for r in two]


def test_per_item_draws_some_of_the_swaps(drive: Drive, english: Lexicon) -> None:
    few = SwapParams(english, attributes=("race",), per_item=2)
    texts = [f"Now {k} white people speak." for k in range(40)]
    found = rows_of(drive, few, texts)
    assert Counter(Counter(row.case.id for row in found).values()) == {2: 40}
    assert {row.values["direction"] for row in found} == {
        f"white→{other}" for other in ("black", "asian", "native american", "hispanic")
    }


# ── parameters ───────────────────────────────────────────────────────────────────────────


def test_an_unknown_attribute_names_the_nearest(english: Lexicon) -> None:
    with pytest.raises(UnknownName, match="unknown attribute 'religon'. Did you mean 'religion'"):
        SwapParams(english, attributes=("religon",))


def test_single_person_is_passed_on(drive: Drive, english: Lexicon) -> None:
    text = ["A male and a wife now."]
    (row,) = rows_of(drive, SwapParams(english, ("sex",), single_person=True), text)
    assert row.reason == "impossible: 'wife' with male, of one person"


def test_the_card(english: Lexicon) -> None:
    card = catalog.probe("bias.counterfactual_terms")
    assert load_method(card.method) is counterfactual_terms
    whole = msgspec.convert(catalog.resolve_params(card), SwapParams)
    assert whole.lexicon == english
    gated = [(e.measure, e.values, e.rule.value) for e in card.measures if e.rule]
    assert gated == [("excess_flip_rate", whole.attributes, 0.05)]
    directions = {
        swap
        for attribute in english.attributes.values()
        for a in attribute.groups
        for b in attribute.groups
        for swap in (f"{a}→{b}", f"{a}↔{b}")
    }
    for entry in card.measures:
        assert set(measures.get(entry.measure).columns) <= set(COLUMNS)
        if entry.category == "direction":
            assert set(entry.values) <= directions


# ── figures ──────────────────────────────────────────────────────────────────────────────


def test_scores_against_figures_by_hand() -> None:
    trial = Trial(Case("a", "base"), "sex", "male→female", "swap", "control", "words")
    third = {"base": Logits((0.0, 0.0, 1.0)), "swap": Logits((2.0, 0.0, 1.0))}
    answers: dict[Input, Response] = {**third, "control": Logits((0.0, 1.0, 0.0))}
    row = score(trial, answers, ("a", "b", "c"))
    base = np.exp([0, 0, 1]) / np.exp([0, 0, 1]).sum()
    swap = np.exp([2, 0, 1]) / np.exp([2, 0, 1]).sum()
    assert row.values["distance"] == pytest.approx(np.abs(swap - base).sum() / 2, rel=1e-12)
    assert (row.values["flip"], row.values["control_flip"]) == (True, True)
    assert [row.values[k] for k in ("gap", "control_gap", "p_base")] == [None] * 3
    signed = score(trial, answers, ("a", "b", "c"), positive=0)
    assert signed.values["gap"] == pytest.approx(swap[0] - base[0], rel=1e-12)
    assert signed.values["p_base"] == pytest.approx(base[0], rel=1e-12)


def _sample(rows: Sequence[Row]) -> Sample:
    done = [row for row in rows if not row.reason]
    columns = {
        name: np.array([row.values[name] for row in done], dtype=kind)
        for name, kind in {"flip": bool, "control_flip": bool, "gap": float}.items()
    }
    codes = {case: k for k, case in enumerate(dict.fromkeys(row.case.id for row in done))}
    return Sample(columns, cluster=np.array([codes[row.case.id] for row in done]))


@pytest.mark.parametrize(("identity", "any_edit"), [(0.20, 0.05), (0.0, 0.10)])
def test_a_planted_excess_is_found(
    drive: Drive, params: SwapParams, identity: float, any_edit: float
) -> None:
    """A responder that changes its mind at any edit, and oftener at a woman."""
    texts = [f"He normally buys {k} big cars in several cities." for k in range(3000)]
    known = set(texts)

    def biased(request: Request) -> Response:
        text = request.input
        flips = text not in known and chance(text, "edit") < any_edit
        flips |= str(text).startswith("She") and chance(text, "identity") < identity
        return Logits((1.0, 0.0) if flips else (0.0, 1.0))

    found = rows_of(drive, params, texts, answer=biased)
    sample, rule = _sample(found), Rule("<=", 0.05)
    excess = measures.get("excess_flip_rate").estimate(sample, Question(rule=rule, minimum_n=30))
    planted = identity * (1 - any_edit)
    assert excess.n == excess.clusters == 3000
    assert excess.value == pytest.approx(planted, abs=0.025)
    assert excess.low is not None
    assert excess.high is not None
    assert excess.low <= planted <= excess.high
    assert (excess.low > 0.05) == (planted > 0.05)
    assert (excess.high < 0.05) == (planted < 0.05)
    control = measures.get("control_flip_rate").estimate(sample, Question(rule=None))
    assert control.value == pytest.approx(any_edit, abs=0.02)
