"""What is written after a prompt, against the bare module's own generation."""

from __future__ import annotations

import json
import warnings
from collections import Counter

import pytest
import torch
from scipy.stats import chisquare
from support_language import save_language

from fmaudit import spec
from fmaudit.models import open_handle
from fmaudit.models.generation import _Draws
from fmaudit.types import Chat, Decoding, Failure, Generate, Generated, Message

PROMPTS = [
    "the cat sat on the mat and",
    "a",
    "where is my parcel with the number 12345 please",
    "this film was",
    "ünïcode ☃",
]
WROTE = 12


def load(folder, **options):
    chosen = spec.from_mapping(
        {"model": {"path": str(folder), **options}, "data": {"source": "file:x", "text": "text"}}
    )
    return open_handle(chosen.model).load()


def asked(model, requests, *, rows=None, more=0):
    prepared = model.prepare(requests)
    length = max(p.length for p in prepared) + more
    return model.run(prepared, length=length, rows=rows or len(prepared))


def greedy(prompts, most=WROTE, **how):
    return [Generate(p, Decoding(most_tokens=most, **how)) for p in prompts]


@pytest.fixture(scope="module", params=["gpt2", "llama", "bloom", "t5", "bart"])
def model(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    return load(save_language(folder, request.param), dtype="float32")


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    folder = tmp_path_factory.mktemp("llama")
    return load(save_language(folder, "llama", chat=True), dtype="float32")


def plainly(model, prompt, most=WROTE):
    """The tokens that the bare module writes by itself, greedily, up to and with its end token."""
    module, tokenizer = model._loaded.module, model.reader.tokenizer
    ids = torch.tensor([tokenizer(prompt)["input_ids"]])
    with torch.inference_mode():
        out = module.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=most,
            do_sample=False,
            forced_eos_token_id=None,  # BART's own settings close every answer
        )
    return out[0, 1:].tolist() if module.config.is_encoder_decoder else out[0, len(ids[0]) :]


class TestGreedy:
    def test_it_is_what_the_module_writes_by_itself(self, model):
        answers = asked(model, greedy(PROMPTS), more=3)
        for prompt, answer in zip(PROMPTS, answers, strict=True):
            expected = plainly(model, prompt)
            text = model.reader.tokenizer.decode(expected, skip_special_tokens=True)
            assert isinstance(answer, Generated)
            assert answer.text == text
            ids = list(map(int, expected))
            assert answer.finished == (2 in ids)
            assert answer.written == (ids.index(2) if 2 in ids else WROTE)

    def test_a_prompt_among_others_is_answered_as_alone(self, model):
        together = asked(model, greedy(PROMPTS), rows=3, more=5)
        for request, answer in zip(greedy(PROMPTS), together, strict=True):
            assert asked(model, [request]) == [answer]

    def test_it_repeats(self, model):
        assert asked(model, greedy(PROMPTS)) == asked(model, greedy(PROMPTS))

    def test_what_never_stops_is_bounded_and_told(self, model):
        (answer,) = asked(model, greedy(["the"], most=7))
        assert answer.written <= 7
        if not answer.finished:
            assert answer.written == 7

    def test_more_than_the_window_holds_is_bounded_by_it(self, model):
        window = model.facts.window
        (answer,) = asked(model, greedy(["the cat sat on"], most=3 * window))
        assert isinstance(answer, Generated)
        assert answer.finished or answer.written >= window // 2

    def test_a_prompt_beyond_the_window_is_cut_and_counted(self, model):
        long = "the cat sat on the mat " * 40
        (answer,) = asked(model, greedy([long]))
        assert answer.cut > 0
        two = model._loaded.module.config.is_encoder_decoder
        assert answer.prompt_tokens == model.facts.window - (0 if two else WROTE)


def test_a_prompt_beyond_the_window_loses_its_beginning(llama):
    long = "a dog and " * 60 + "the cat sat on the mat"
    (answer,) = asked(llama, greedy([long]))
    ids = llama.reader.tokenizer(long, add_special_tokens=False)["input_ids"]
    kept = torch.tensor([ids[answer.cut :]])
    assert len(kept[0]) == answer.prompt_tokens == llama.facts.window - WROTE
    with torch.inference_mode():
        out = llama._loaded.module.generate(
            input_ids=kept, attention_mask=torch.ones_like(kept), max_new_tokens=WROTE
        )
    written = out[0, len(kept[0]) :]
    assert answer.text == llama.reader.tokenizer.decode(written, skip_special_tokens=True)


def test_padding_up_changes_nothing(llama):
    (plain,) = asked(llama, greedy(PROMPTS[:1]))
    padded = Generate(PROMPTS[0], Decoding(most_tokens=WROTE), under="padded")
    (other,) = asked(llama, [padded], more=30)
    assert plain == other


def test_a_conversation_goes_through_the_template(llama):
    chat = Chat((Message("user", "the cat"),))
    text = "<s>user: the cat</s>\n<s>assistant: "
    (answer,) = asked(llama, [Generate(chat, Decoding(most_tokens=WROTE))])
    ids = torch.tensor([llama.reader.tokenizer(text, add_special_tokens=False)["input_ids"]])
    with torch.inference_mode():
        out = llama._loaded.module.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=WROTE
        )
    written = out[0, len(ids[0]) :]
    assert answer.prompt_tokens == len(ids[0])
    assert answer.text == llama.reader.tokenizer.decode(written, skip_special_tokens=True)


class TestEnds:
    """Where an answer ends: the model's own end token, a stop text, the bound."""

    def written(self, llama):
        (answer,) = asked(llama, greedy(["the cat sat"], most=20))
        return answer.text

    def test_the_end_token_ends_it(self, llama):
        """The token that is written third is declared to be the end."""
        module = llama._loaded.module
        third = int(plainly(llama, "the cat sat")[2])
        old = module.generation_config.eos_token_id
        module.generation_config.eos_token_id = [2, third]
        try:
            (answer, _) = asked(llama, greedy(["the cat sat", "this film was"]))
        finally:
            module.generation_config.eos_token_id = old
        first = [int(t) for t in plainly(llama, "the cat sat")].index(third)
        assert answer.finished
        assert answer.written == first

    def test_a_stop_text_ends_it_and_is_left_out(self, llama):
        whole = self.written(llama)
        stop = whole[4:7]
        requests = greedy(["the cat sat", "this film was", "a"], most=20, stop=(stop,))
        answers = asked(llama, requests)
        assert answers[0].finished
        assert answers[0].text == whole[: whole.index(stop)]
        assert answers[0].written < 20
        for request, answer in zip(requests, answers, strict=True):
            assert asked(llama, [request]) == [answer]

    def test_the_first_of_several_stop_texts_counts(self, llama):
        whole = self.written(llama)
        stops = (whole[9:11], whole[3:6])
        (answer,) = asked(llama, greedy(["the cat sat"], most=20, stop=stops))
        assert answer.text == whole[: min(whole.index(s) for s in stops)]

    def test_a_stop_text_of_the_prompt_is_not_of_the_answer(self, llama):
        (plain,) = asked(llama, greedy(["the cat sat\n"]))
        (answer,) = asked(llama, greedy(["the cat sat\n"], stop=("sat\n", "\n\n\n")))
        assert answer == plain

    def test_a_stop_text_that_never_comes(self, llama):
        (answer,) = asked(llama, greedy(["the cat sat"], stop=("@@@@",)))
        (plain,) = asked(llama, greedy(["the cat sat"]))
        assert answer == plain


class TestDrawn:
    HOW = Decoding(most_tokens=6, temperature=1.0, seed=5)

    def test_neither_batch_nor_place_changes_it(self, llama):
        requests = [Generate(p, self.HOW) for p in PROMPTS]
        together = asked(llama, requests, more=4)
        backwards = asked(llama, requests[::-1], rows=2, more=9)[::-1]
        alone = [asked(llama, [r])[0] for r in requests]
        assert together == backwards == alone

    def test_nobody_elses_chance_is_touched(self, llama):
        torch.manual_seed(3)
        expected = torch.rand(2)
        torch.manual_seed(3)
        asked(llama, [Generate("the", self.HOW)])
        assert torch.equal(torch.rand(2), expected)

    def test_seed_and_replica_draw_anew(self, llama):
        changed = Decoding(most_tokens=6, temperature=1.0, seed=6)
        one, seed, again = (
            asked(llama, [r])[0].text
            for r in (
                Generate("the", self.HOW),
                Generate("the", changed),
                Generate("the", self.HOW, replica=1),
            )
        )
        assert len({one, seed, again}) == 3

    @pytest.mark.parametrize("temperature", [1.0, 0.5])
    def test_answers_come_with_their_probability(self, llama, temperature):
        """One token each, 2,000 times: counts of texts against the model's own distribution."""
        how = Decoding(most_tokens=1, temperature=temperature, seed=1)
        times, prompt = 2000, "the cat"
        answers = asked(llama, [Generate(prompt, how, replica=k) for k in range(times)], rows=500)
        found = Counter(answer.text for answer in answers)
        tokenizer = llama.reader.tokenizer
        ids = torch.tensor([tokenizer(prompt, add_special_tokens=False)["input_ids"]])
        with torch.inference_mode():
            logits = llama._loaded.module(ids).logits[0, -1].double()
        expected: Counter[str] = Counter()
        for token, share in enumerate((logits / temperature).softmax(-1).tolist()):
            text = "" if token == 2 else tokenizer.decode([token], skip_special_tokens=True)
            expected[text] += share * times
        often = [text for text, n in expected.items() if n >= 10]
        assert len(often) >= 10
        seen = [found[text] for text in often]
        due = [expected[text] for text in often]
        tested = chisquare([*seen, times - sum(seen)], [*due, times - sum(due)])
        assert tested.pvalue > 0.001

    def test_the_unlikely_are_left_out_by_top_p(self):
        """Of shares 0.5, 0.3, 0.15, 0.05, the least that reach 0.7 are the first two."""
        shares = torch.tensor([0.05, 0.3, 0.5, 0.15])
        requests = [Generate("x", self.HOW, replica=k) for k in range(4000)]
        draw = _Draws(Decoding(temperature=1.0, top_p=0.7), requests)
        scores = shares.log().expand(len(requests), -1)
        counts = Counter(draw(scores, scores).argmax(-1).tolist())
        assert counts.keys() == {1, 2}
        assert chisquare([counts[2], counts[1]], [4000 * 5 / 8, 4000 * 3 / 8]).pvalue > 0.001

    def test_top_p_of_almost_nothing_is_greedy(self, llama):
        how = Decoding(most_tokens=WROTE, temperature=1.0, top_p=1e-9, seed=3)
        (drawn,) = asked(llama, [Generate("the cat", how)])
        (best,) = asked(llama, greedy(["the cat"]))
        assert drawn == best


OWN = {
    "do_sample": True,
    "temperature": 9.0,
    "repetition_penalty": 5.0,
    "no_repeat_ngram_size": 1,
    "min_new_tokens": 11,
    "num_beams": 3,
    "suppress_tokens": list(range(5, 200)),
    "eos_token_id": 2,
    "pad_token_id": 0,
}


@pytest.mark.parametrize("name", ["llama", "bart"])
def test_a_folders_own_settings_change_nothing(tmp_path, name):
    """They are no part of the record, nor of a request."""
    folder = save_language(tmp_path / "m", name)
    expected = asked(load(folder, dtype="float32"), greedy(PROMPTS))
    (folder / "generation_config.json").write_text(json.dumps(OWN))
    model = load(folder, dtype="float32")
    before = model._loaded.module.generation_config
    assert before.repetition_penalty == 5.0
    assert asked(model, greedy(PROMPTS)) == expected
    assert model._loaded.module.generation_config is before


@pytest.mark.parametrize(
    "how", [Decoding(most_tokens=4), Decoding(4, temperature=0.7, stop=("x",))]
)
def test_it_warns_of_nothing(llama, how, caplog):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asked(llama, [Generate(p, how) for p in PROMPTS], more=90)
    assert not caplog.records


def test_a_prompt_of_nothing_begins_where_a_text_does(llama):
    (answer,) = asked(llama, greedy([""]))
    assert isinstance(answer, Generated)
    assert answer.prompt_tokens == 1  # the token for the beginning


def test_a_prompt_without_a_token_is_a_failure(llama):
    tokenizer = llama.reader.tokenizer
    names = ("bos_token", "eos_token")
    old = {name: getattr(tokenizer, name) for name in names}
    try:
        for name in names:
            setattr(tokenizer, name, None)
        llama.reader.__dict__.pop("beginning", None)
        found = asked(llama, greedy(["", "the cat"]))
    finally:
        for name, token in old.items():
            setattr(tokenizer, name, token)
        llama.reader.__dict__.pop("beginning", None)
    assert isinstance(found[0], Failure)
    assert "no token" in found[0].reason
    assert isinstance(found[1], Generated)


def test_half_precision_is_asked_in_float32(tmp_path):
    folder = save_language(tmp_path / "m", "llama")
    half, whole = load(folder, dtype="bfloat16"), load(folder, dtype="float32")
    full = [Generate(p, Decoding(most_tokens=WROTE), dtype="float32") for p in PROMPTS]
    assert asked(half, full) == asked(whole, greedy(PROMPTS))
