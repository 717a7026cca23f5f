"""Models that turn positions by other factors beyond a length (Phi-3's longrope).

transformers chooses the factors by the longest row of a batch, its padding included, so that a
short text among long ones would be read otherwise than alone.
"""

from __future__ import annotations

import math

import pytest
import torch
from support_language import tokenizer_of

from fmaudit.models.inmemory import language_model
from fmaudit.models.ropes import NEVER, turn_of
from fmaudit.types import Decoding, Generate, TokenLogprobs

TURN = 32
"""Tokens that are read by the short factors."""

SHORT = "the cat sat on the mat and the dog"
LONG = "where is my parcel with the number 12345 please " * 8


def phi(vocabulary):
    from transformers import Phi3Config, Phi3ForCausalLM

    torch.manual_seed(0)
    config = Phi3Config(
        vocab_size=vocabulary, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=256, pad_token_id=0, bos_token_id=1,
        eos_token_id=2, original_max_position_embeddings=TURN,
        rope_parameters={
            "rope_type": "longrope", "rope_theta": 10000.0,
            "short_factor": [1.0] * 4, "long_factor": [4.0, 6.0, 8.0, 9.0],
        },
    )  # fmt: skip
    module = Phi3ForCausalLM(config)
    for weights in module.parameters():
        if weights.ndim > 1:
            torch.nn.init.normal_(weights, std=0.2)
    module.generation_config.pad_token_id = 0
    return module.eval()


@pytest.fixture(scope="module")
def model():
    tokenizer = tokenizer_of()
    tokenizer.model_max_length = 256
    return language_model(phi(len(tokenizer)), tokenizer)


def asked(model, requests, *, rows=None, more=0):
    prepared = model.prepare(requests)
    length = max(p.length for p in prepared) + more
    return model.run(prepared, length=length, rows=rows or len(prepared))


def alone(model, request):
    """The total of each continuation, in a row of its own without padding."""
    module, tokenizer = model._loaded.module, model.reader.tokenizer
    found = []
    for text in request.continuations:
        head = tokenizer(request.input, add_special_tokens=False)["input_ids"] or [1]
        ids = tokenizer(request.input + text, add_special_tokens=False)["input_ids"]
        whole = ids if request.input else [*head, *ids]
        with torch.inference_mode():
            logs = module(torch.tensor([whole[:-1]])).logits[0].double().log_softmax(-1)
        places = range(len(head), len(whole))
        found.append(math.fsum(logs[k - 1, whole[k]].item() for k in places))
    return found


def text_of(model, tokens):
    """So many tokens of text, as they are counted behind the one that begins it."""
    tokenizer = model.reader.tokenizer
    ids = tokenizer(LONG, add_special_tokens=False)["input_ids"]
    text = tokenizer.decode(ids[:tokens])
    assert len(tokenizer(text, add_special_tokens=False)["input_ids"]) == tokens
    return text


def test_the_turn_is_found():
    from transformers import LlamaConfig

    assert turn_of(phi(100)) == TURN
    plain = phi(100)
    plain.config.rope_parameters = None
    assert turn_of(plain) == NEVER
    plain.config = LlamaConfig()
    assert turn_of(plain) == NEVER


def test_of_layers_that_turn_in_their_own_ways_the_first_turn_counts():
    module = phi(100)
    module.config.rope_parameters = {
        "full_attention": {"rope_type": "longrope", "original_max_position_embeddings": 64},
        "sliding_attention": {"rope_type": "default"},
    }
    assert turn_of(module) == 64


def test_the_factors_matter(model):
    """Else nothing here would be tested."""
    request = TokenLogprobs("", (SHORT,))
    module, tokenizer = model._loaded.module, model.reader.tokenizer
    ids = [1, *tokenizer(SHORT, add_special_tokens=False)["input_ids"]]
    padded = torch.tensor([[*ids, *[0] * TURN]])
    with torch.inference_mode():
        logs = module(padded).logits[0].double().log_softmax(-1)
    total = math.fsum(logs[k - 1, ids[k]].item() for k in range(1, len(ids)))
    assert abs(total - alone(model, request)[0]) > 0.01


@pytest.mark.parametrize("more", [0, 4, 60])
def test_neither_companions_nor_padding_move_a_likelihood(model, more):
    around = [text_of(model, n) for n in (TURN - 1, TURN, TURN + 1, TURN + 2)]
    requests = [TokenLogprobs("", (text,)) for text in (SHORT, LONG, "a", *around)]
    for rows in (1, 3, 8):
        together = asked(model, requests, rows=rows, more=more)
        for request, answer in zip(requests, together, strict=True):
            found = [scored.total for scored in answer.scored]
            assert found == pytest.approx(alone(model, request), abs=1e-4)


@pytest.mark.parametrize(
    "prompt", ["this film was", "the cat sat on the mat" + " and a dog" * 4, LONG.strip()]
)
def test_continuations_on_both_sides_of_the_turn(model, prompt):
    """A short one and a long one share no row, whichever the prompt lies on."""
    assert model.likelihood.of(TokenLogprobs("", ("a",))).reads_trees
    requests = [
        TokenLogprobs(prompt, (" good", " and" + " the man works" * 12, " bad")),
        TokenLogprobs("a", (" good", " bad food")),
    ]
    for request, answer in zip(requests, asked(model, requests, more=9), strict=True):
        found = [scored.total for scored in answer.scored]
        assert found == pytest.approx(alone(model, request), abs=1e-4)


def test_short_continuations_still_share_a_tree(model):
    (answer,) = asked(model, [TokenLogprobs("the cat sat", (" good", " bad", " the"))])
    apart = asked(model, [TokenLogprobs("the cat sat", (o,)) for o in (" good", " bad", " the")])
    assert answer.tokens < sum(a.tokens for a in apart)


def written(model, prompt, most):
    module, tokenizer = model._loaded.module, model.reader.tokenizer
    ids = torch.tensor([tokenizer(prompt, add_special_tokens=False)["input_ids"]])
    with torch.inference_mode():
        out = module.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=most,
            do_sample=False,
        )  # fmt: skip
    own = out[0, ids.shape[1] :].tolist()
    return tuple(own[: own.index(2)] if 2 in own else own)


@pytest.mark.parametrize("more", [0, 40])
def test_neither_companions_nor_padding_move_an_answer(model, more):
    """Short ones, ones that come to the turn while they are written, and long ones."""
    how = Decoding(most_tokens=10)
    lengths = (3, TURN - 10, TURN - 9, TURN - 3, TURN, TURN + 1, TURN + 20)
    prompts = [text_of(model, n).rstrip(" ") for n in lengths]
    requests = [Generate(prompt, how) for prompt in prompts]
    for rows in (2, 8):
        answers = asked(model, requests, rows=rows, more=more)
        for prompt, answer in zip(prompts, answers, strict=True):
            assert answer.ids == written(model, prompt, 10)
