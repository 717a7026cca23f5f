"""Vectors of texts against a straightforward computation: one text, one pass, all hidden states."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from support_language import CAUSAL, MASKED, SEQ2SEQ, save_language
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from fmaudit import spec
from fmaudit.models import embedding, open_handle
from fmaudit.models.base import begun
from fmaudit.models.classifier import ClassifierHandle
from fmaudit.models.inmemory import language_model
from fmaudit.models.torchmodel import TorchClassifier
from fmaudit.types import Embed, Embedding, Failure

NEAR = 1e-5
TEXTS = [
    "the cat sat on the mat",
    "a",
    " nurse",
    "ünïcode ☃ and العربية",
    "where is my parcel with the number 98765 please , it was sent to berlin",
]
POOLS = ("mean", "first", "last")
LAYERS = (0, 1, 2, -1, -2)
ASKED = [Embed(text, layer, pool) for text in TEXTS for layer in LAYERS for pool in POOLS]


def load(folder, name):
    path = save_language(folder, name, seed=1)
    chosen = {"model": {"path": str(path), "dtype": "float32"}}
    data = {"data": {"source": "file:x", "text": "text"}}
    return open_handle(spec.from_mapping(chosen | data).model).load()


@pytest.fixture(scope="module", params=[*CAUSAL, *MASKED, *SEQ2SEQ])
def named(request, tmp_path_factory):
    return request.param, load(tmp_path_factory.mktemp(request.param), request.param)


def asked(model, requests, *, rows=8, more=0):
    """The answers, layer by layer, as the engine packs them."""
    prepared = model.prepare(requests)
    length = max(p.length for p in prepared) + more
    return model.run(prepared, length=length, rows=rows)


def hidden(module, ids):
    """All hidden states of one text by the module's own pass: the first is not looked at."""
    inputs = torch.tensor([ids])
    if module.config.is_encoder_decoder:
        module = module.get_encoder()
    with torch.inference_mode():
        return module(input_ids=inputs, output_hidden_states=True).hidden_states


def straight(module, tokenizer, before, behind, request):
    own = tokenizer(request.input, add_special_tokens=False)["input_ids"]
    ids = [*before, *own, *behind]
    with torch.inference_mode():
        table = module.get_input_embeddings()(torch.tensor(ids))  # Gemma's scales its rows
    states = table if request.layer == 0 else hidden(module, ids)[request.layer][0]
    states = states.double()
    first = len(before)
    if request.pool == "mean":
        return states[first : first + len(own)].mean(dim=0), len(own)
    return states[0 if request.pool == "first" else first + len(own) - 1], len(own)


def around(name):
    """What stands before and behind a text: a decoder reads one behind its first token."""
    return ([1], []) if name in CAUSAL else ([1], [2])


def test_vectors_are_those_of_a_plain_pass(named):
    name, model = named
    module, tokenizer = model._loaded.module, model.reader.tokenizer
    for request, answer in zip(ASKED, asked(model, ASKED), strict=True):
        expected, tokens = straight(module, tokenizer, *around(name), request)
        assert isinstance(answer, Embedding)
        assert answer.tokens == tokens
        assert answer.vector == pytest.approx(expected.tolist(), abs=NEAR)


@pytest.mark.parametrize("rows", [1, 3, 64])
@pytest.mark.parametrize("more", [0, 7])
def test_companions_and_padding_move_nothing(named, rows, more):
    _, model = named
    plain = [asked(model, [request])[0] for request in ASKED]
    for one, other in zip(plain, asked(model, ASKED, rows=rows, more=more), strict=True):
        assert one.vector == pytest.approx(other.vector, abs=NEAR)


def test_a_layer_that_is_not_there(named):
    _, model = named
    found = asked(model, [Embed("a", 3), Embed("a", -3)])
    assert [type(answer) for answer in found] == [Failure, Failure]
    assert "2 layers, and no layer 3" in found[0].reason


def test_a_text_that_is_empty_or_beyond_the_window(named):
    _, model = named
    window = model.facts.window
    found = asked(model, [Embed(""), Embed("a"), Embed("a " * 2 * window)])
    assert isinstance(found[1], Embedding)
    assert found[0] == Failure(embedding.NOTHING)
    assert found[2].beyond
    assert f"beyond the window of {window}" in found[2].reason


def test_what_is_not_finite_is_a_failure(named, tmp_path):
    name, _ = named
    model = load(tmp_path, name)
    with torch.no_grad():
        for weights in model._loaded.module.parameters():
            weights.fill_(float("nan"))
    for layer in (0, 1, -1):
        assert asked(model, [Embed("a", layer)]) == [Failure(embedding.NOT_FINITE)]


def test_pieces_and_unknown_tokens_are_counted(tmp_path):
    model = load(tmp_path, "bert")
    tokenizer = model.reader.tokenizer
    (answer,) = asked(model, [Embed("<unk> cat")])
    assert (answer.unknown, answer.tokens) == (1, len(tokenizer("<unk> cat")["input_ids"]) - 2)
    (known,) = asked(model, [Embed("cat")])
    assert known.unknown == 0


def test_a_decoder_reads_texts_after_the_beginning_of_the_model_beside_it(tmp_path):
    model = load(tmp_path, "llama")
    other = begun(model, ((2, "</s>"),))
    assert other.facts.begins == ((2, "</s>"),)
    request = Embed("the cat", -1)
    expected, _ = straight(model._loaded.module, model.reader.tokenizer, [2], [], request)
    (answer,) = asked(other, [request])
    assert answer.vector == pytest.approx(expected.tolist(), abs=NEAR)
    (same,) = asked(other, [Embed("the cat", 0)])
    assert same == asked(model, [Embed("the cat", 0)])[0]


def test_float32_beside_half_precision(tmp_path):
    path = save_language(tmp_path, "llama")
    chosen = {"model": {"path": str(path), "dtype": "bfloat16"}}
    data = {"data": {"source": "file:x", "text": "text"}}
    model = open_handle(spec.from_mapping(chosen | data).model).load()
    (half,) = asked(model, [Embed("the cat sat")])
    (full,) = asked(model, [Embed("the cat sat", dtype="float32")])
    module = model._loaded.float32.module
    expected, _ = straight(module, model.reader.tokenizer, [1], [], Embed("the cat sat"))
    assert full.vector == pytest.approx(expected.tolist(), abs=NEAR)
    assert half.vector != full.vector
    assert half.vector == pytest.approx(full.vector, abs=0.2)


# ── classifiers ──────────────────────────────────────────────────────────────────────────


def test_a_classifier_s_vectors_are_its_body_s(tiny):
    model = ClassifierHandle(tiny, "tiny").load()
    assert "embed" in model.capabilities
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    module = AutoModelForSequenceClassification.from_pretrained(tiny).eval()
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    for request in [Embed("the film was good", layer, p) for layer in LAYERS for p in POOLS]:
        ids = tokenizer(request.input)["input_ids"]
        own = [k for k, token in enumerate(ids) if token not in special]
        if request.layer == 0:
            states = module.get_input_embeddings().weight[torch.tensor(ids)]
        else:
            states = hidden(module, ids)[request.layer][0]
        places = {"mean": own, "first": [0], "last": own[-1:]}[request.pool]
        (answer,) = asked(model, [request])
        assert answer.vector == pytest.approx(states[places].mean(dim=0).tolist(), abs=NEAR)
        assert answer.tokens == len(own)


def test_a_module_without_a_body_offers_no_vectors(tiny):
    class Bag(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = torch.nn.EmbeddingBag(400, 2)

        def forward(self, input_ids, attention_mask=None):
            return self.inner(input_ids)

    tokenizer = AutoTokenizer.from_pretrained(tiny)
    tokenizer.pad_token_id = 0
    assert "embed" not in TorchClassifier(Bag(), tokenizer, ["a", "b"]).capabilities


def test_language_models_in_memory_offer_vectors(tmp_path):
    kept = load(tmp_path, "gpt2")._loaded
    model = language_model(kept.module, kept.tokenizer)
    assert "embed" in model.capabilities
    again = dataclasses.replace(kept, tokenizer=object())
    assert embedding.kinds(again.module, again.tokenizer) == frozenset()
