"""What every adapter of language models keeps to, for each kind of question that it answers."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from support_language import save_language

from fmaudit import spec
from fmaudit.engine.batching import bucket
from fmaudit.models import open_handle
from fmaudit.models.base import Handle, Model
from fmaudit.models.fakes import FakeLanguage
from fmaudit.models.torchmodel import Loaded
from fmaudit.types import (
    Chat,
    Decoding,
    Embed,
    Embedding,
    Failure,
    FillMask,
    Fills,
    Generate,
    Generated,
    Likelihoods,
    MaskedLogprobs,
    Message,
    Pseudo,
    Scored,
    Tokenize,
    TokenLogprobs,
    Tokens,
)

NOISE = 1e-4
"""Nats a text: the largest change between batch shapes that counts as noise, in float32."""

NEAR = 1e-5
"""The same of a vector's numbers."""

TEXTS = [
    "the cat sat on the mat",
    "a",
    "where is my parcel with the number 12345 please",
    "ünïcode ☃ and العربية",
    "bad " * 20,
    "the cat sat on the mat",
]
HOWS = (Decoding(most_tokens=6), Decoding(most_tokens=6, temperature=1.0, seed=3))
QUESTIONS = {
    "token_logprobs": [
        [TokenLogprobs("", (text,)) for text in TEXTS],
        [TokenLogprobs(text, (" good", " a good film", " bad")) for text in TEXTS],
    ],
    "masked_logprobs": [[MaskedLogprobs(text) for text in TEXTS]],
    "fill_mask": [[FillMask(text, " there.", 5) for text in TEXTS]],
    "generate": [[Generate(text, how) for text in TEXTS] for how in HOWS],
    "tokenize": [[Tokenize(text) for text in TEXTS]],
    "embed": [
        [Embed(text, layer, pool) for text in TEXTS]
        for layer, pool in ((-1, "mean"), (0, "mean"), (1, "last"), (-1, "first"))
    ],
}
ANSWERS = {
    "token_logprobs": Likelihoods,
    "masked_logprobs": Pseudo,
    "fill_mask": Fills,
    "generate": Generated,
    "tokenize": Tokens,
    "embed": Embedding,
}


def file_of(name):
    def opened(folder: Path) -> Handle:
        path = save_language(folder, name, chat=name == "llama")
        chosen = {"model": {"path": str(path), "dtype": "float32"}}
        data = {"data": {"source": "file:x", "text": "text"}}
        return open_handle(spec.from_mapping(chosen | data).model)

    opened.__name__ = name
    return opened


def likelihood(before: str, word: str) -> float:
    return -1.0 - (len(before) * 7 + len(word)) % 5 / 3


def fake(folder: Path) -> Handle:
    del folder
    writes = lambda prompt: f"{prompt[:3]} and so on"  # noqa: E731
    return Loaded(FakeLanguage(likelihood, writes, chat=True, embeds=lambda text: [1.0, len(text)]))


def fake_masked(folder: Path) -> Handle:
    del folder
    fills = lambda text: [("good", -0.5), ("bad", -1.0 - len(text) / 100)]  # noqa: E731
    return Loaded(FakeLanguage(likelihood, masked=True, key="fake masked model", fills=fills))


CAUSAL = ("token_logprobs", "generate", "tokenize", "embed")
MASKED = ("masked_logprobs", "fill_mask", "tokenize", "embed")
OFFERED = [
    (file_of("llama"), CAUSAL),
    (file_of("bloom"), CAUSAL),
    (file_of("bert"), MASKED),
    (file_of("t5"), CAUSAL),
    (fake, CAUSAL),
    (fake_masked, MASKED[:3]),
]
ASKED = [(opened, kind) for opened, offered in OFFERED for kind in offered]


@pytest.fixture(scope="module")
def handles(tmp_path_factory):
    """Each adapter's model, saved and loaded once."""
    known = {}

    def found(opened):
        if opened not in known:
            handle = opened(tmp_path_factory.mktemp(opened.__name__))
            known[opened] = handle, handle.load()
        return known[opened]

    return found


@pytest.fixture(params=OFFERED, ids=lambda p: p[0].__name__)
def offered(request, handles):
    opened, kinds = request.param
    return *handles(opened), kinds


@pytest.fixture(params=ASKED, ids=lambda p: f"{p[0].__name__}-{p[1]}")
def asked(request, handles):
    """A model, and lists of questions of one kind."""
    opened, kind = request.param
    return handles(opened)[1], kind, QUESTIONS[kind]


def answers(model, requests, *, rows=None, length=None):
    prepared = model.prepare(requests)
    longest = max(p.length for p in prepared)
    return model.run(prepared, length=length or bucket(longest, 0), rows=rows or len(prepared))


def figures(answer):
    """What may move by noise, and what may not."""
    if isinstance(answer, Likelihoods):
        fixed = [s.ids for s in answer.scored], answer.cut, answer.split
        return [s.total for s in answer.scored], fixed
    if isinstance(answer, Pseudo):
        return [answer.scored.total], (answer.places, answer.scored.ids, answer.cut)
    if isinstance(answer, Embedding):
        return list(answer.vector), (answer.tokens, answer.unknown)
    if isinstance(answer, Fills):
        return list(answer.logprobs), (answer.words, answer.tokens)
    return [], answer


def alike(one, other):
    (a, fixed), (b, also) = figures(one), figures(other)
    assert a == pytest.approx(b, abs=NEAR if isinstance(one, Embedding) else NOISE)
    assert fixed == also


# ── what it is ───────────────────────────────────────────────────────────────────────────


def test_it_offers_what_it_is_said_to(offered):
    handle, model, kinds = offered
    assert isinstance(model, Model)
    assert model.capabilities == set(kinds)
    assert handle.name == model.facts.name


def test_its_facts_are_whole(offered):
    _, model, kinds = offered
    facts = model.facts
    assert facts.classes == ()
    assert facts.kind == ("masked" if "masked_logprobs" in kinds else facts.kind)
    assert facts.kind in ("causal", "masked", "seq2seq")
    assert facts.adapter
    assert facts.digest
    assert facts.tokenizer
    assert facts.dtype
    assert facts.window > 0


def test_its_key_names_it(offered):
    handle, model, _ = offered
    assert handle.key == handle.key
    assert bool(handle.key) == (model.facts.adapter != "fake")
    assert (handle.footprint > 0) == bool(handle.key)


# ── what it answers ──────────────────────────────────────────────────────────────────────


def test_prepare_keeps_order_and_number(asked):
    model, _, questions = asked
    for requests in questions:
        prepared = model.prepare(requests)
        assert [p.request for p in prepared] == requests
        assert all(p.length >= 1 and p.cut >= 0 for p in prepared)


def test_every_answer_is_whole(asked):
    model, kind, questions = asked
    for requests in questions:
        for request, answer in zip(requests, answers(model, requests), strict=True):
            assert isinstance(answer, ANSWERS[kind])
            if isinstance(answer, Likelihoods):
                assert len(answer.scored) == len(request.continuations)
                assert all(whole(s) for s in answer.scored)
            elif isinstance(answer, Pseudo):
                assert len(answer.places) == len(answer.scored.ids)
                assert whole(answer.scored)
            elif isinstance(answer, Generated):
                assert 0 <= answer.written <= request.decoding.most_tokens
                assert answer.prompt_tokens > 0
            elif isinstance(answer, Fills):
                assert 0 < len(answer.words) <= request.most
                assert len(set(answer.words)) == len(answer.words)
                assert sorted(answer.logprobs, reverse=True) == list(answer.logprobs)
                assert max(answer.logprobs) <= 0
            elif isinstance(answer, Embedding):
                assert answer.tokens > 0 == answer.unknown
                assert answer.vector
                assert all(map(math.isfinite, answer.vector))
            else:
                assert len(answer.ids) > 0


def whole(scored: Scored) -> bool:
    n = len(scored.ids)
    lists = (scored.logprobs, scored.ranks, scored.means, scored.deviations)
    assert all(len(values) == n for values in lists)
    assert all(map(math.isfinite, (*scored.logprobs, *scored.means, *scored.deviations)))
    assert all(value <= 1e-6 for value in scored.logprobs)
    assert all(rank >= 0 for rank in scored.ranks)
    assert all(value >= 0 for value in scored.deviations)
    return n > 0


def test_equal_inputs_are_answered_equally_and_in_order(asked):
    model, _, questions = asked
    for requests in questions:
        found = answers(model, requests)
        alike(found[0], found[-1])
        for one, other in zip(answers(model, requests[::-1])[::-1], found, strict=True):
            alike(one, other)


def test_the_batch_does_not_matter(asked):
    model, _, questions = asked
    for requests in questions:
        found = answers(model, requests)
        for rows in (1, 2):
            some = answers(model, requests, rows=rows)
            for one, other in zip(some, found, strict=True):
                alike(one, other)
        for request, expected in zip(requests, found, strict=True):
            (alone,) = answers(model, [request])
            alike(alone, expected)


def test_padding_does_not_matter(asked):
    model, _, questions = asked
    for requests in questions:
        found = answers(model, requests)
        longer = 2 * max(p.length for p in model.prepare(requests))
        for one, other in zip(answers(model, requests, length=longer), found, strict=True):
            alike(one, other)


def test_equal_batches_repeat_to_the_last_bit(asked):
    model, _, questions = asked
    for requests in questions:
        first = answers(model, requests, rows=8)
        assert all(answers(model, requests, rows=8) == first for _ in range(2))


def test_a_failure_spoils_no_neighbour(asked):
    """An impossible question among others is told, and the others are answered."""
    model, kind, questions = asked
    impossible = {
        "token_logprobs": TokenLogprobs("the", ("",)),
        "masked_logprobs": MaskedLogprobs("the cat", places=(99,)),
        "fill_mask": FillMask("the <mask> sat"),  # two places
        "embed": Embed(""),
    }
    if kind not in impossible or model.facts.adapter == "fake":
        pytest.skip(f"{kind}: every text has an answer")
    requests = questions[0][:3]
    found = answers(model, [requests[0], impossible[kind], *requests[1:]])
    assert isinstance(found.pop(1), Failure)
    for one, other in zip(found, answers(model, requests), strict=True):
        alike(one, other)


def test_a_conversation_is_read_where_prompts_are(asked):
    model, kind, _ = asked
    if kind not in ("token_logprobs", "generate"):
        pytest.skip(f"{kind}: texts alone")
    chat = Chat((Message("user", "the cat"),))
    request = TokenLogprobs(chat, ("sat",)) if kind == "token_logprobs" else Generate(chat)
    (answer,) = answers(model, [request])
    assert isinstance(answer, ANSWERS[kind])


@pytest.mark.parametrize("name", ["llama", "bert", "t5"])
def test_what_is_not_finite_is_a_failure(tmp_path, name):
    model = file_of(name)(tmp_path / "m").load()
    with torch.no_grad():
        for weights in model._loaded.module.parameters():
            weights.fill_(float("nan"))
    for kind in sorted(model.capabilities - {"tokenize"}):
        for requests in QUESTIONS[kind]:
            for answer in answers(model, requests):
                assert isinstance(answer, Failure), kind
                assert "not finite" in answer.reason
