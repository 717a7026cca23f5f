"""What a decoder begins with: its start token, and the one that says which language it writes."""

from __future__ import annotations

import math

import pytest
import torch
from support_language import save_language, tokenizer_of

from fmaudit.models.base import begun
from fmaudit.models.inmemory import language_model
from fmaudit.types import Decoding, Failure, Generate, Generated, Likelihoods, TokenLogprobs

FORCED = 4  # <mask>, in the place of a language's token
PROMPTS = ["the cat sat on the mat", "this film was", "a"]
OPTIONS = ("the dog", "a bad film")


@pytest.fixture(scope="module", params=["bart", "t5"])
def module(request, tmp_path_factory):
    """One of several languages, as mBART and NLLB are: one is forced."""
    from transformers import AutoModelForSeq2SeqLM

    folder = save_language(tmp_path_factory.mktemp(request.param), request.param)
    found = AutoModelForSeq2SeqLM.from_pretrained(folder)
    found.generation_config.forced_bos_token_id = FORCED
    found.generation_config.forced_eos_token_id = None
    return found


@pytest.fixture(scope="module")
def model(module):
    return language_model(module, tokenizer_of(both=True))


def answered(model, requests):
    prepared = model.prepare(requests)
    return model.run(prepared, length=max(p.length for p in prepared), rows=len(prepared))


def start(module):
    return module.config.decoder_start_token_id


def test_likelihoods_stand_behind_the_forced_token(model, module):
    tokenizer = model.reader.tokenizer
    requests = [TokenLogprobs(prompt, OPTIONS) for prompt in PROMPTS]
    for request, answer in zip(requests, answered(model, requests), strict=True):
        assert isinstance(answer, Likelihoods)
        encoded = torch.tensor([tokenizer(request.input)["input_ids"]])
        for text, scored in zip(OPTIONS, answer.scored, strict=True):
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            assert scored.ids == tuple(ids)
            read = torch.tensor([[start(module), FORCED, *ids[:-1]]])
            with torch.inference_mode():
                logits = module(input_ids=encoded, decoder_input_ids=read).logits[0, 1:]
            logs = logits.double().log_softmax(-1)
            total = math.fsum(logs[k, token].item() for k, token in enumerate(ids))
            assert scored.total == pytest.approx(total, abs=1e-4)


def test_what_is_written_stands_behind_it(model, module):
    """As the module writes by itself, and the forced token is no part of the answer."""
    tokenizer = model.reader.tokenizer
    requests = [Generate(prompt, Decoding(most_tokens=8)) for prompt in PROMPTS]
    for request, answer in zip(requests, answered(model, requests), strict=True):
        encoded = torch.tensor([tokenizer(request.input)["input_ids"]])
        with torch.inference_mode():
            out = module.generate(input_ids=encoded, max_new_tokens=9, do_sample=False)
        first, forced, *ids = out[0].tolist()
        assert (first, forced) == (start(module), FORCED)
        own = tuple(ids[: ids.index(2)] if 2 in ids else ids)
        assert isinstance(answer, Generated)
        assert answer.ids == own
        assert answer.written == len(own)
        assert answer.text == tokenizer.decode(own, skip_special_tokens=True)


def test_stops_are_looked_for_behind_it(model):
    (plain,) = answered(model, [Generate(PROMPTS[0], Decoding(most_tokens=8))])
    stop = plain.text[2:5]
    how = Decoding(most_tokens=8, stop=(stop,))
    (answer,) = answered(model, [Generate(PROMPTS[0], how)])
    assert answer.text == plain.text[: plain.text.index(stop)]
    assert answer.finished


def test_a_token_that_is_set_and_forced_stands_there_once(module):
    """BART's summarisers force the very token that their tokenizer sets before a text."""
    module.generation_config.forced_bos_token_id = 1
    try:
        model = language_model(module, tokenizer_of(both=True))
        assert model.facts.begins == ((start(module), model.facts.begins[0][1]), (1, "<s>"))
    finally:
        module.generation_config.forced_bos_token_id = FORCED


def test_the_facts_say_what_the_decoder_begins_with(model, module):
    assert [token for token, _ in model.facts.begins] == [start(module), FORCED]


def test_a_base_that_is_told_no_language_writes_the_tuned_one_s(model, module):
    module.generation_config.forced_bos_token_id = None
    try:
        plain = language_model(module, tokenizer_of(both=True))
        base = begun(plain, model.facts.begins)
        asked = [TokenLogprobs(PROMPTS[0], OPTIONS)]
        assert answered(base, asked) == answered(model, asked) != answered(plain, asked)
        asked = [Generate(PROMPTS[0], Decoding(most_tokens=8))]
        assert answered(base, asked)[0].ids == answered(model, asked)[0].ids
    finally:
        module.generation_config.forced_bos_token_id = FORCED
    assert base.facts.begins == model.facts.begins
    assert "'<mask>'" in base.facts.notes[0] or "<mask>" in base.facts.notes[0]


def test_the_window_holds_what_the_decoder_begins_with(model):
    """BART has a place for each of 96 tokens and for none behind them."""
    window = model.facts.window
    (long,) = answered(model, [TokenLogprobs("the", ("!" * window,))])
    assert isinstance(long, Failure)
    assert "window" in long.reason
    (fitting,) = answered(model, [TokenLogprobs("the", ("!" * (window - 1),))])
    assert isinstance(fitting, Likelihoods)
    (answer,) = answered(model, [Generate("the", Decoding(most_tokens=3 * window))])
    assert isinstance(answer, Generated)
