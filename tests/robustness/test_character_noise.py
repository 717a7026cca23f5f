from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import support_rows
from hypothesis import given, settings
from hypothesis import strategies as st

import fmaudit
from fmaudit import catalog
from fmaudit.engine.floor import CONDITIONS
from fmaudit.models.callable import CallableClassifier
from fmaudit.models.fakes import FakeClassifier
from fmaudit.registry import Context, load_method
from fmaudit.reporting.verify import verify
from fmaudit.robustness.character_noise import (
    COLUMNS,
    NOWHERE,
    UNREAD,
    NoiseParams,
    Trial,
    asked_of,
    character_noise,
    score,
)
from fmaudit.seeds import Seeds
from fmaudit.stats import measures
from fmaudit.types import (
    Case,
    Failure,
    Input,
    Logits,
    Pair,
    Request,
    Response,
    Row,
)

Drive = Callable[..., Any]
CONTEXT = Context(Seeds(0), classes=("no", "yes"), positive=1)
SENTENCE = "The applicant works quietly in another town and teaches several children there."


def fair(request: Request) -> Response:
    """Ignores its input."""
    return Logits((0.0, 1.0), tokens=9)


def rows_of(
    drive: Drive, params: NoiseParams, texts: Sequence[Input],
    answer: Callable[[Request], Response] = fair, target: str | None = "yes",
) -> list[Row]:  # fmt: skip
    cases = [Case(f"case-{k}", text, target) for k, text in enumerate(texts)]
    found: list[Row] = drive(character_noise.run(cases, params, CONTEXT), answer)
    assert {name for row in found for name in row.values} <= set(COLUMNS)
    assert len({(row.case.id, row.variant) for row in found}) == len(found)
    assert len(found) == len(cases) * len(params.kinds) * len(params.budgets)
    return found


# ── rows ─────────────────────────────────────────────────────────────────────────────────


def test_a_row_for_every_kind_and_budget(drive: Drive, params: NoiseParams) -> None:
    found = rows_of(drive, params, [SENTENCE])
    assert not any(row.reason for row in found)
    for row in found:
        values = row.values
        assert row.variant == f"noise:{values['kind']}:{values['budget']}"
        assert row.input != SENTENCE == values["unedited"]
        assert 1 <= values["edits"] <= max(1, params.budgets[values["budget"]] * 67)
        assert values["share"] == pytest.approx(values["edits"] / 67)
        assert values["read"] == 1
        same = ("flip", "repeat_flip", "gap", "distance", "cut")
        assert [values[name] for name in same] == [False, 0, 0, 0, 0]
        right = ("correct", "noisy_correct", "repeat_correct")
        assert [values[name] for name in right] == [True, True, 1]


def test_without_a_label_nothing_is_correct(drive: Drive, params: NoiseParams) -> None:
    for row in rows_of(drive, params, [SENTENCE], target=None):
        assert row.values["flip"] is False
        assert [row.values.get(k) for k in ("correct", "noisy_correct", "repeat_correct")] == [
            None
        ] * 3


def test_pairs_are_edited_in_both_texts(drive: Drive, params: NoiseParams) -> None:
    pair = Pair("Where is the market", "Behind the station")
    seeds = [Context(Seeds(k), classes=("no", "yes")) for k in range(12)]
    found = [
        row.input
        for context in seeds
        for row in drive(character_noise.run([Case("a", pair)], params, context), fair)
    ]
    assert any(edited.first != pair.first for edited in found)
    assert any(edited.second != pair.second for edited in found)


@pytest.mark.parametrize("text", ["", "   ", "ok", "!?", "12 345", "é", "🙂🙂", "I am in it"])
def test_a_text_with_nothing_to_edit_is_counted(
    drive: Drive, params: NoiseParams, text: str
) -> None:
    asked: list[Request] = []

    def answer(request: Request) -> Response:
        asked.append(request)
        return fair(request)

    found = rows_of(drive, params, [text], answer)
    assert {row.reason for row in found} == {NOWHERE}
    assert not any(row.failed for row in found)
    assert asked == []


@pytest.mark.parametrize("text", ["مرحبا بالعالم هذا اختبار", "שלום עולם זאת בדיקה"])
def test_right_to_left_texts_get_invisible_errors_only(
    drive: Drive, params: NoiseParams, text: str
) -> None:
    done = [row for row in rows_of(drive, params, [text]) if not row.reason]
    assert {row.values["kind"] for row in done} == {"invisible"}


def test_an_answer_that_fails_makes_failed_rows(drive: Drive, params: NoiseParams) -> None:
    def deaf(request: Request) -> Response:
        return Failure("lost") if request.replica else fair(request)

    for row in rows_of(drive, params, [SENTENCE], deaf):
        assert (row.failed, row.reason) == (True, "repeat: lost")
        assert row.values.get("flip") is None

    def blind(request: Request) -> Response:
        return fair(request) if request.input == SENTENCE else Logits((float("nan"), 0.0))

    assert {r.reason for r in rows_of(drive, params, [SENTENCE], blind)} == {
        "edit: a logit is not finite"
    }


# ── the window ───────────────────────────────────────────────────────────────────────────


def pieces(window: int) -> Callable[[Request], Response]:
    """A tokenizer of whole words that breaks a word it does not know into its letters."""
    known = set(SENTENCE.split())

    def answer(request: Request) -> Response:
        words = str(request.input).split()
        tokens = sum(1 if word in known else len(word) for word in words)
        return Logits((0.0, 1.0), tokens=min(tokens, window), cut=max(0, tokens - window))

    return answer


def test_an_edit_that_pushes_text_out_of_the_window_is_dropped(
    drive: Drive, params: NoiseParams
) -> None:
    full = rows_of(drive, params, [SENTENCE], pieces(len(SENTENCE.split())))
    assert all("tokens out of the model's window" in row.reason for row in full)
    assert all(row.values["cut"] > 0 for row in full)
    assert not any(row.failed for row in full)
    assert all(row.values.get("flip") is None for row in full)


def test_a_text_that_is_cut_is_tried_as_its_beginning(drive: Drive, params: NoiseParams) -> None:
    text = " ".join([SENTENCE] * 40)
    for row in rows_of(drive, params, [text], pieces(300)):
        if not row.reason:
            assert text.startswith(row.values["unedited"])
            assert 0.3 < row.values["read"] < 0.8
            assert row.values["cut"] == 0
        assert "beginning" not in row.reason
    never = rows_of(drive, params, ["unreadable" * 9], lambda r: Logits((0.0, 1.0), 5, 5))
    assert {row.reason for row in never} == {UNREAD}


# ── the same again ───────────────────────────────────────────────────────────────────────

TEXTS = [SENTENCE, "A modern clinic helps.", "", Pair("Rarely spoken words", "here and there")]


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(len(TEXTS))))
def test_order_and_chunks_change_nothing(
    drive: Drive, params: NoiseParams, order: list[int]
) -> None:
    cases = [Case(f"case-{k}", text) for k, text in enumerate(TEXTS)]
    at_once = drive(character_noise.run(cases, params, CONTEXT), fair)
    apart = [
        row for k in order for row in drive(character_noise.run([cases[k]], params, CONTEXT), fair)
    ]

    def key(row: Row) -> tuple[str, str]:
        return row.case.id, row.variant

    assert sorted(at_once, key=key) == sorted(apart, key=key)


def test_another_seed_makes_other_errors(drive: Drive, params: NoiseParams) -> None:
    other = msgspec.structs.replace(CONTEXT, seeds=Seeds(1))
    one, two = (
        [row.input for row in drive(character_noise.run([Case("a", SENTENCE)], params, c), fair)]
        for c in (CONTEXT, other)
    )
    assert sum(a != b for a, b in zip(one, two, strict=True)) > 12


def test_the_repeats_are_those_of_the_noise_floor() -> None:
    base, *repeats = asked_of("text")
    assert repeats == [msgspec.structs.replace(base, **c) for c in CONDITIONS.values()]


# ── figures ──────────────────────────────────────────────────────────────────────────────


def test_scores_by_hand() -> None:
    trial = Trial(Case("a", "x", "yes"), "ocr", "low", "x", "y", 1, 0.1, 1.0)
    yes, no = Logits((0.0, 2.0)), Logits((1.0, 0.0))
    row = score(trial, yes, no, [yes, no, yes], ("no", "yes"), 1)
    p_yes, p_no = 1 / (1 + np.exp(-2)), 1 / (1 + np.exp(1))
    assert row.values["gap"] == pytest.approx(p_no - p_yes, rel=1e-12)
    assert row.values["distance"] == pytest.approx(p_yes - p_no, rel=1e-12)
    assert row.values["p_base"] == pytest.approx(p_yes, rel=1e-12)
    names = ("flip", "repeat_flip", "correct", "noisy_correct", "repeat_correct")
    assert [row.values[name] for name in names] == [True, 1 / 3, True, False, 2 / 3]
    unsigned = score(trial, yes, no, [yes], ("no", "yes"))
    assert "gap" not in unsigned.values


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"budgets": {"low": 0.0}}, "budgets: low"),
        ({"budgets": {"low": 0.5}}, "budgets: low"),
        ({"budgets": {}}, "one at the least"),
        ({"kinds": []}, "one at the least"),
        ({"kinds": ["typos"]}, "typos"),
        ({"shortest": 2}, "shortest"),
    ],
)
def test_wrong_parameters_are_named(change: dict[str, Any], said: str) -> None:
    card = catalog.probe("robustness.character_noise")
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert(catalog.resolve_params(card) | change, NoiseParams)


def test_the_card(params: NoiseParams) -> None:
    card = catalog.probe("robustness.character_noise")
    assert load_method(card.method) is character_noise
    gated = [(e.measure, e.values, dict(e.where), e.rule) for e in card.measures if e.rule]
    assert [(m, v, w, r.value, r.minimum_n) for m, v, w, r in gated] == [
        ("excess_accuracy_drop", params.kinds, {"budget": "low"}, 0.05, 200),
        ("flips_over_floor", params.kinds, {"budget": "low"}, 0.05, 200),
    ]
    assert params.budgets["low"] == min(params.budgets.values())
    for entry in card.measures:
        assert set(measures.get(entry.measure).columns) <= set(COLUMNS)
        assert set(entry.where.values()) <= set(params.budgets)
        assert set(entry.values) <= set(params.kinds)


# ── whole audits ─────────────────────────────────────────────────────────────────────────

WORDS = [
    "modern",
    "clinic",
    "quiet",
    "garden",
    "several",
    "children",
    "teacher",
    "window",
    "travel",
    "problem",
    "answer",
]


def texts(count: int) -> list[tuple[str, str, str, str]]:
    rng = np.random.default_rng(0)
    return [
        (" ".join(rng.choice(WORDS, 12)) + f" {k}", "yes", "FM"[k % 2], "AB"[k % 2])
        for k in range(count)
    ]


def audited(folder: Path, model: Any, count: int = 300) -> Any:
    support_rows.write(folder / "rows.csv", texts(count))
    spec = support_rows.mapping(folder, probes=["robustness"])
    return fmaudit.audit(spec, out=folder / "run", model=model)


def gated(done: Any) -> dict[str, str]:
    return {
        f"{f.measure} {f.slice.get('kind', '')}".strip(): f.verdict
        for f in done.record.findings
        if f.rule is not None
    }


def test_a_model_that_ignores_its_input_passes(tmp_path: Path) -> None:
    done = audited(tmp_path, FakeClassifier(lambda text: (0.0, 1.0), key="deaf"))
    assert set(gated(done).values()) == {"pass"}
    assert len(gated(done)) == 10


def brittle(text: str) -> tuple[float, float]:
    """Says no to a text with any word that it does not know."""
    strange = any(w not in WORDS for w in text.split() if not w.isdigit())
    return (1.0, 0.0) if strange else (0.0, 1.0)


def test_a_model_that_one_letter_turns_fails(tmp_path: Path) -> None:
    done = audited(tmp_path, FakeClassifier(brittle, key="brittle"))
    assert set(gated(done).values()) == {"fail"}
    assert not verify(done.run).mismatches


@pytest.mark.parametrize("chance", [0.5, 0.02])
def test_random_answers_are_no_attack(tmp_path: Path, chance: float) -> None:
    """Each call draws anew: the same text and an edited one flip equally often."""
    rng = np.random.default_rng(1)

    def random(inputs: list[Any]) -> np.ndarray:
        p = np.where(rng.random(len(inputs)) < chance, 0.1, 0.9)
        return np.stack([1 - p, p], axis=1)

    model = CallableClassifier(random, ("no", "yes"), deterministic=False)
    done = audited(tmp_path, model)
    assert len(gated(done)) == 10
    assert "fail" not in gated(done).values()
    flips = next(
        f.estimate
        for f in done.record.findings
        if f.measure == "flips_over_floor" and dict(f.slice) == {"budget": "low"}
    )
    assert flips.low < 0 < flips.high
    assert flips.details["flip_rate"] > chance / 2


def test_chance_of_one_text_is_its_own(tmp_path: Path) -> None:
    """A model of hashed texts: no floor, and every edit counts."""

    def hashed(text: str) -> tuple[float, float]:
        return (0.0, 1.0) if zlib.crc32(text.encode()) % 10 else (1.0, 0.0)

    done = audited(tmp_path, FakeClassifier(hashed, key="crc"))
    drops = [f for f in done.record.findings if f.measure == "accuracy_drop" and f.estimate]
    assert drops
    assert all(abs(f.estimate.value) < 0.1 for f in drops if f.estimate)
    assert Counter(f.verdict for f in done.record.findings)["error"] == 0


@pytest.mark.slow
def test_a_transformer_is_audited_and_verified(tmp_path: Path, tiny: Path) -> None:
    """Random weights: edits flip many decisions, repeats none, and both writings agree."""
    support_rows.write(tmp_path / "rows.csv", texts(220))
    spec = support_rows.mapping(tmp_path, probes=["robustness"], model={"path": str(tiny)})
    done = fmaudit.audit(spec, out=tmp_path / "run")
    assert not verify(done.run).mismatches
    rows = done.evidence("robustness.character_noise")
    assert rows["case"].nunique() == 220
    assert set(rows["repeat_flip"].dropna()) == {0.0}
    assert rows["flip"].dropna().astype(bool).any()
