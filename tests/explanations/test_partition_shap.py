from __future__ import annotations

import hashlib
import math

import msgspec
import numpy as np
import pytest
from support import Bench

from fmaudit.engine.scheduler import Task
from fmaudit.explanations import partition_shap as module
from fmaudit.explanations.certificate import UNMOVED
from fmaudit.explanations.maps import TOO_LONG
from fmaudit.explanations.partition_shap import COLUMNS, ShapParams, partition_shap
from fmaudit.registry import Context
from fmaudit.seeds import Seeds
from fmaudit.types import Attribute, Attributions, Case, Classify, Failure, Logits, Pair

PROBE = "explanations.partition_shap"
DULL = "the a is was in of and very house street river people walked slowly under old new"
HIDDEN = " ".join(["..."] * 11)
GOOD = "the food was good and the rest of it was there"


def rule(text):
    """Some words speak for "yes", and each word has a little say."""
    words = text.split()
    little = sum(hashlib.sha256(w.encode()).digest()[0] / 2560 for w in words)
    return (0.0, 4.0 * ("good" in words) + 3.0 * ("fine" in words) + little - 2.5)


class Cases:
    def __init__(self, cases):
        self.cases = cases

    def chunks(self, size):
        yield list(self.cases)


def rows_of(tmp_path, inputs, rule=rule, params=None, floor=0.0, **options):
    """The rows of these inputs by a fake model, and the bench that it ran on."""
    bench = Bench(tmp_path, rule, **options)
    context = Context(Seeds(0).child(PROBE), classes=bench.model.facts.classes, floor=floor)
    rows = []
    task = Task(PROBE, "explanations", partition_shap, params or ShapParams(), context, rows.extend)
    bench.engine.run([task], Cases([Case(f"c{k}", value) for k, value in enumerate(inputs)]))
    assert task.error is None
    return rows, bench


def one(tmp_path, value, *args, **options):
    ((row,), _) = rows_of(tmp_path, [value], *args, **options)
    return row


# ── one text ─────────────────────────────────────────────────────────────────────────────


def test_a_text_has_a_map_and_its_certificate(tmp_path):
    row = one(tmp_path, GOOD)
    assert set(row.values) == set(COLUMNS)
    values = row.values
    assert values["predicted"] == 1
    scores = dict(zip(GOOD.split(), values["word_scores"], strict=True))
    assert max(scores, key=scores.__getitem__) == "good"
    assert scores["good"] == pytest.approx(4.0, abs=0.2)
    assert values["difference"] == pytest.approx(rule(GOOD)[1] - rule(HIDDEN)[1])
    assert math.fsum(values["word_scores"]) == pytest.approx(values["difference"], abs=1e-9)
    assert values["error"] < 1e-9
    assert values["evaluations"] <= 200
    assert values["agreement"] is None  # a fake has no gradients
    assert values["comprehensiveness"] > values["random_comprehensiveness"]
    assert values["sufficiency"] < values["random_sufficiency"]
    ends = zip(values["word_starts"], values["word_ends"], strict=True)
    assert [GOOD[start:end] for start, end in ends] == GOOD.split()


def test_scores_speak_for_the_predicted_class_against_the_runner_up(tmp_path):
    def three(text):
        return (1.0 if "cold" in text else 0.0, 2.0, 5.0 if "hot" in text else 1.5)

    row = one(tmp_path, "a hot and a cold day", three, classes=("a", "b", "c"))
    assert row.values["predicted"] == 2  # against b, which no word touches
    assert row.values["word_scores"] == pytest.approx([0, 3.5, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("", "0 words"),
        ("good", "1 words"),
        ("it was very good", "4 words"),
        (Pair("it was", "very good"), "4 words"),
        (" ".join(["word"] * 40), "40 words"),
    ],
)
def test_too_few_words_or_too_many_is_a_reason(tmp_path, value, why):
    row = one(tmp_path, value, params=ShapParams(most_words=30))
    assert why in row.reason
    assert not row.failed
    assert not row.values


def test_a_model_that_ignores_the_text_has_nothing_to_attribute(tmp_path):
    row = one(tmp_path, GOOD, lambda text: (0.0, 1.0))
    assert "nothing to attribute" in row.reason
    assert not row.failed


def test_what_the_noise_floor_could_do_is_nothing(tmp_path):
    assert one(tmp_path / "a", GOOD, floor=0.01).values
    assert "nothing to attribute" in one(tmp_path / "b", GOOD, floor=0.7).reason


def test_a_pair_and_a_text_from_right_to_left(tmp_path):
    pair = one(tmp_path, Pair("it was so good", "and the rest too"))
    assert pair.values["word_parts"] == [0] * 4 + [1] * 4
    assert np.argmax(pair.values["word_scores"]) == 3

    def hebrew(text):
        return (0.0, 3.0 * ("טוב" in text) - 1.0)

    text = "זה סרט טוב מאוד באמת"
    found = one(tmp_path / "rtl", text, hebrew, key="rtl").values
    assert found["word_scores"] == pytest.approx([0, 0, 3, 0, 0])
    assert text[found["word_starts"][2] : found["word_ends"][2]] == "טוב"


def noise(text):
    """An answer that depends on every letter, and on no word more than on another."""
    share = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64
    return (0.0, 6 * share - 3)


@pytest.mark.parametrize("words", [6, 12])
def test_pure_noise_is_not_certified(tmp_path, words):
    """What a map was ranked by is not what it is judged by."""
    rng = np.random.default_rng(words)
    texts = [" ".join(rng.choice(DULL.split(), words)) for _ in range(100)]
    rows, _ = rows_of(tmp_path, texts, noise)
    found = [row.values for row in rows if "rank_p" in row.values]
    assert len(found) > 95
    for name in ("comprehensiveness", "sufficiency"):
        excess = np.array([v[name] - v[f"random_{name}"] for v in found])
        assert abs(excess.mean()) < 3 * excess.std() / len(excess) ** 0.5


def test_a_decision_that_no_words_move_is_not_certified(tmp_path):
    row = one(tmp_path, GOOD, lambda text: (0.0, 20.0 + ("good" in text)))
    assert row.reason == UNMOVED
    assert not row.failed
    assert row.values == {"difference": 1.0}


def test_a_text_that_the_model_does_not_read_whole_has_no_map(tmp_path):
    """Nor one that it cannot read whole where its words are hidden."""
    context = Context(Seeds(0), classes=("no", "yes"))

    def row_where(cut):
        generator = partition_shap.run([Case("c", GOOD)], ShapParams(), context)
        answers = None
        while True:
            try:
                requests = generator.send(answers)
            except StopIteration as stop:
                return stop.value[0]
            answers = [Logits(rule(r.input), cut=int(cut(r.input))) for r in requests]

    for cut in (
        lambda text: text == GOOD,
        lambda text: text == HIDDEN,
        lambda text: 3 < text.count("...") < 8,
    ):
        row = row_where(cut)
        assert row.reason == TOO_LONG
        assert not row.failed
        assert not row.values
    assert row_where(lambda text: False).values


# ── answers that fail ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda text: "rest" in text, "not finite"),
        (lambda text: text == HIDDEN, "with its words hidden: "),
        (lambda text: 2 < text.count("...") < 8, "with some words hidden: "),
        (lambda text: 0 < len(text.split()) < 8, "without some words: "),
    ],
    ids=["the text itself", "all hidden", "some hidden", "some left out"],
)
def test_an_answer_that_fails_is_a_failed_row_and_the_others_go_on(tmp_path, broken, said):
    def failing(text):
        return (math.nan, 0.0) if broken(text) else rule(text)

    other = "a fine day with some sun and one or two clouds over it"
    rows, _ = rows_of(tmp_path, [GOOD, other, "too short"], failing)
    assert rows[0].failed
    assert said in rows[0].reason
    assert not rows[0].values
    assert [row.case.id for row in rows] == ["c0", "c1", "c2"]
    assert not rows[2].failed


def test_an_error_in_the_explainer_is_its_texts_alone(tmp_path, monkeypatch):
    explain = module.owen_values

    def broken(value, *args):
        if "good" in value:
            raise ZeroDivisionError("no such group")
        return explain(value, *args)

    monkeypatch.setattr(module, "owen_values", broken)
    rows, _ = rows_of(tmp_path, [GOOD, "a fine day with some sun today"])
    assert rows[0].failed
    assert "ZeroDivisionError" in rows[0].reason
    assert rows[1].values


@pytest.mark.parametrize("wrong", [{"max_evals": 3}, {"random_orders": 0}])
def test_parameters_that_leave_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ShapParams(**wrong)


# ── many texts ───────────────────────────────────────────────────────────────────────────


def drawn(count, length=None):
    rng = np.random.default_rng(4)
    words = [*DULL.split(), "good", "fine"]
    return [" ".join(rng.choice(words, length or rng.integers(8, 21))) for _ in range(count)]


def test_evaluations_of_many_texts_share_full_batches(tmp_path):
    marks = [f"mark{k}" for k in range(30)]
    texts = [f"{mark} {text}" for mark, text in zip(marks, drawn(30, length=11), strict=True)]
    shared = []

    def watched(batch, **shape):
        texts = {p.request.input.split()[0] for p in batch if p.request.input}
        shared.append((len(batch), shape["rows"], len(texts & set(marks))))
        return run(batch, **shape)

    bench = Bench(tmp_path, rule)
    run = bench.model.run
    bench.model.run = watched
    context = Context(Seeds(0), classes=bench.model.facts.classes)
    task = Task(PROBE, "explanations", partition_shap, ShapParams(), context, list)
    bench.engine.run([task], Cases([Case(f"c{k}", t) for k, t in enumerate(texts)]))
    assert task.error is None
    answered, rows, _ = map(sum, zip(*shared, strict=True))
    assert answered / rows > 0.9
    assert (
        np.mean([count for _, _, count in shared]) > 4
    )  # one text alone fills no batch of 256 tokens


def test_alone_or_among_others_a_text_has_the_same_map(tmp_path):
    texts = drawn(12)
    together, _ = rows_of(tmp_path / "all", texts)
    bench_row = one(tmp_path / "one", texts[0])
    assert bench_row == together[0]


# ── agreement with integrated gradients ──────────────────────────────────────────────────


def agreement(attributions, capabilities=frozenset({"classify", "attribute"})):
    """The row of GOOD where gradients answer with `attributions`; the requests it made."""
    context = Context(Seeds(0), classes=("no", "yes"), capabilities=capabilities)
    generator = partition_shap.run([Case("c", GOOD)], ShapParams(), context)
    asked, answers = [], None
    while True:
        try:
            requests = generator.send(answers)
        except StopIteration as stop:
            return stop.value[0], asked
        asked += requests
        answers = [
            Logits(rule(r.input)) if isinstance(r, Classify) else attributions for r in requests
        ]


def gradients(scores, target=1):
    words = GOOD.split()
    starts = [sum(len(w) + 1 for w in words[:k]) for k in range(len(words))]
    return Attributions(
        target=target, against=1 - target, parts=(0,) * len(words), starts=tuple(starts),
        ends=tuple(s + len(w) for s, w in zip(starts, words, strict=True)),
        special=(False,) * len(words), scores=tuple(scores), difference=1.0, error=0.0,
        change=0.0, steps=8, passes=9, converged=True, baseline="[MASK]",
    )  # fmt: skip


def test_agreement_is_the_rank_correlation_of_the_maps():
    count = len(GOOD.split())
    row, asked = agreement(gradients(range(count)))
    scores = row.values["word_scores"]
    ranks = np.argsort(np.argsort(scores))
    assert [r for r in asked if isinstance(r, Attribute)] == [Attribute(input=GOOD)]
    same, _ = agreement(gradients([float(rank) for rank in ranks]))
    opposite, _ = agreement(gradients([-float(rank) for rank in ranks]))
    if len(set(scores)) == count:
        assert same.values["agreement"] == pytest.approx(1.0)
        assert opposite.values["agreement"] == pytest.approx(-1.0)
    assert same.values["agreement"] > 0.9 > row.values["agreement"]


@pytest.mark.parametrize(
    "given",
    [
        gradients([0.5] * 11),
        gradients(range(11), target=0),
        msgspec.structs.replace(gradients(range(11)), converged=False),
        Failure("no gradients"),
    ],
    ids=["a constant map", "another decision", "not converged", "a failure"],
)
def test_no_agreement_without_a_map_to_agree_with(given):
    row, _ = agreement(given)
    assert row.values["agreement"] is None
    assert row.values["word_scores"]


def test_a_model_without_gradients_is_not_asked_for_them():
    row, asked = agreement(None, frozenset({"classify"}))
    assert all(isinstance(r, Classify) for r in asked)
    assert row.values["agreement"] is None
