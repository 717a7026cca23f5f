"""What every adapter keeps to, whatever it wraps."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from fmaudit.engine.batching import bucket
from fmaudit.models.base import Handle, Model
from fmaudit.models.callable import CallableClassifier
from fmaudit.models.classifier import ClassifierHandle
from fmaudit.models.fakes import FakeClassifier, hashed
from fmaudit.models.torchmodel import Loaded, TorchClassifier
from fmaudit.types import (
    Attribute,
    Attributions,
    Classify,
    Embed,
    Embedding,
    Failure,
    Logits,
    Pair,
    Tokenize,
    Tokens,
)

TEXTS = [
    "the film was good",
    "a man works as a nurse",
    "",
    "she is a great engineer , about 4 hours per week , born in the city",
    "ünïcode ☃ and العربية",
    "bad " * 30,
    "the film was good",
]


def classifier(folder: Path) -> Handle:
    return ClassifierHandle(folder, "tiny")


def module(folder: Path) -> Handle:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    found = AutoModelForSequenceClassification.from_pretrained(folder)
    return Loaded(
        TorchClassifier(found, AutoTokenizer.from_pretrained(folder), ["no", "yes"], name="module")
    )


def by_callable(folder: Path) -> Handle:
    del folder

    def function(inputs):
        lengths = [len(i if isinstance(i, str) else "".join(i)) % 7 for i in inputs]
        return [[1 - n / 7, n / 7] for n in lengths]

    return Loaded(CallableClassifier(function, ["no", "yes"]))


def fake(folder: Path) -> Handle:
    del folder
    return Loaded(FakeClassifier(hashed, key="hashed"))


ADAPTERS = [classifier, module, by_callable, fake]
NOISE = 1e-5  # float32: the largest change between batch shapes that counts as noise


@pytest.fixture(params=ADAPTERS, ids=lambda f: f.__name__)
def handle(request, tiny) -> Handle:
    return request.param(tiny)


@pytest.fixture
def model(handle) -> Model:
    return handle.load()


def answers(model, inputs, *, rows=None):
    prepared = model.prepare([Classify(i) for i in inputs])
    longest = max(p.length for p in prepared)
    length = bucket(longest, model.facts.window)
    return model.run(prepared, length=length, rows=rows or len(prepared))


def test_it_is_a_model(model):
    assert isinstance(model, Model)
    assert "classify" in model.capabilities


def test_its_facts_are_whole(model):
    facts = model.facts
    assert len(facts.classes) >= 2
    assert facts.name
    assert facts.adapter
    assert facts.digest


def test_prepare_keeps_order_and_number(model):
    requests = [Classify(t) for t in TEXTS]
    prepared = model.prepare(requests)
    assert [p.request for p in prepared] == requests
    assert all(p.length >= 0 and p.cut >= 0 for p in prepared)


def test_answers_are_finite_and_one_a_class(model):
    for answer in answers(model, TEXTS):
        assert isinstance(answer, Logits)
        assert len(answer.values) == len(model.facts.classes)
        assert all(math.isfinite(v) for v in answer.values)


def test_equal_inputs_are_answered_equally_and_in_order(model):
    found = answers(model, TEXTS)
    assert same(found[0], found[-1])
    backwards = answers(model, TEXTS[::-1])
    assert all(map(same, backwards[::-1], found))


def test_the_batch_does_not_matter(model):
    whole = answers(model, TEXTS)
    for text, expected in zip(TEXTS, whole, strict=True):
        (alone,) = answers(model, [text])
        assert alone.values == pytest.approx(expected.values, abs=NOISE)


def test_equal_batches_repeat_to_the_last_bit(model):
    texts = [t for t in TEXTS if t]
    length = bucket(max(p.length for p in model.prepare([Classify(t) for t in texts])), 64)
    first = run_at(model, texts, length)
    assert all(run_at(model, texts, length) == first for _ in range(3))


def test_companions_in_a_shape_do_not_matter(model):
    texts = [t for t in TEXTS if t]
    rng = random.Random(0)
    length = bucket(max(p.length for p in model.prepare([Classify(t) for t in texts])), 64)
    first = dict(zip(texts, run_at(model, texts, length), strict=True))
    for _ in range(5):
        some = rng.sample(texts, k=rng.randint(1, len(texts)))
        for text, answer in zip(some, run_at(model, some, length), strict=True):
            assert answer.values == pytest.approx(first[text].values, abs=NOISE)


def same(one: Logits, other: Logits) -> bool:
    """Equal but for the last bits: some processors' kernels sum a batch's last rows otherwise."""
    close = one.values == pytest.approx(other.values, abs=NOISE)
    return close and (one.tokens, one.cut) == (other.tokens, other.cut)


def run_at(model, texts, length):
    return model.run(model.prepare([Classify(t) for t in texts]), length=length, rows=8)


def test_pairs_are_read(model):
    found = answers(model, [Pair("the film", "was good"), "the film", Pair("was good", "the film")])
    assert all(isinstance(a, Logits) for a in found)


def test_key_names_the_model(handle, model):
    assert handle.key == handle.key
    assert handle.name == model.facts.name
    # only what lies in files can be named by digest
    assert bool(handle.key) == (model.facts.adapter == "classifier")


def test_tokenize_where_it_is_offered(model):
    if "tokenize" not in model.capabilities:
        pytest.skip(f"{model.facts.adapter} has no tokenizer")
    prepared = model.prepare([Tokenize("the film"), Tokenize("the film was good")])
    short, long = model.run(prepared, length=8, rows=2)
    assert isinstance(short, Tokens)
    assert 0 < len(short.ids) < len(long.ids)


def test_attribute_where_it_is_offered(model):
    if "attribute" not in model.capabilities:
        assert model.facts.adapter in ("callable", "fake")
        pytest.skip(f"{model.facts.adapter} gives no gradients")
    prepared = model.prepare([Attribute(t) for t in TEXTS])
    length = bucket(max(p.length for p in prepared), model.facts.window)
    found = model.run(prepared, length=length, rows=len(prepared))
    logits = answers(model, TEXTS)
    assert found[0].scores == pytest.approx(found[-1].scores, abs=1e-3)
    assert (found[0].starts, found[0].ends) == (found[-1].starts, found[-1].ends)
    for answer, request, given in zip(found, prepared, logits, strict=True):
        assert isinstance(answer, Attributions)
        tokens = {len(v) for v in (answer.parts, answer.starts, answer.ends, answer.special)}
        assert {len(answer.scores)} == tokens == {request.length}
        assert answer.target == max(range(len(given.values)), key=given.values.__getitem__)
        assert math.isfinite(answer.error)
        if answer.converged:
            slack = 0.05 * max(abs(answer.difference), 0.1 * sum(map(abs, answer.scores)))
            assert sum(answer.scores) == pytest.approx(answer.difference, abs=slack)


@pytest.mark.parametrize("layer", [0, 1, -1])
def test_embed_where_it_is_offered(model, layer):
    if "embed" not in model.capabilities:
        assert model.facts.adapter in ("callable", "fake")
        pytest.skip(f"{model.facts.adapter} gives no hidden states")
    texts = [t for t in TEXTS if t]
    prepared = model.prepare([Embed(t, layer) for t in texts])
    length = bucket(max(p.length for p in prepared), model.facts.window)
    for rows in (1, 8):
        found = model.run(prepared, length=length, rows=rows)
        for one, answer in zip(prepared, found, strict=True):
            (alone,) = model.run([one], length=one.length, rows=1)
            assert isinstance(answer, Embedding)
            assert answer.vector == pytest.approx(alone.vector, abs=NOISE)
            assert answer.tokens == one.length - 2
    (empty,) = model.run(model.prepare([Embed("", layer)]), length=1, rows=1)
    assert isinstance(empty, Failure)


def test_text_beyond_the_window_is_cut_and_counted(model):
    if not model.facts.window:
        pytest.skip(f"{model.facts.adapter} reads texts of any length")
    words = "good " * 1000
    (prepared,) = model.prepare([Classify(words)])
    assert prepared.length == model.facts.window
    assert prepared.cut > 0
    (answer,) = model.run([prepared], length=model.facts.window, rows=1)
    assert isinstance(answer, Logits)
    assert answer.cut == prepared.cut


def test_what_is_not_finite_is_a_failure():
    broken = FakeClassifier(lambda text: (0.0, float("nan")), key="nan")
    (answer,) = answers(broken, ["x"])
    assert isinstance(answer, Failure)
    assert "not finite" in answer.reason
