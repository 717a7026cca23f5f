"""Likelihoods against a straightforward computation: one sequence, one pass, no batch, no tree."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support_language import CAUSAL, MASKED, SEQ2SEQ, save_language

from fmaudit import spec
from fmaudit.models import open_handle
from fmaudit.types import (
    Chat,
    Failure,
    Likelihoods,
    MaskedLogprobs,
    Message,
    Pseudo,
    Tokenize,
    TokenLogprobs,
)

NATS = 1e-4  # a sequence, in float32
TEXTS = [
    "the cat sat on the mat",
    "a",
    "ünïcode ☃ and العربية",
    "where is my parcel with the number 98765 please , it was sent to berlin",
]
PROMPTS = [
    ("the capital of france is", (" paris", " london", " a big city")),
    ("the capital of france is ", ("paris", "london", "paris")),
    ("", ("the cat sat on the mat", "the cat sat on the dog", "the dog sat")),
    ("this film was\n", ("good", "bad and good")),
    ("what is 1", ("2", "23", "234 ?")),
]

PLAIN = TokenLogprobs("", ("a",))


def load(folder, **options):
    chosen = spec.from_mapping(
        {"model": {"path": str(folder), **options}, "data": {"source": "file:x", "text": "text"}}
    )
    return open_handle(chosen.model).load()


@pytest.fixture(scope="module", params=CAUSAL)
def causal(request, tmp_path_factory):
    folder = save_language(tmp_path_factory.mktemp(request.param), request.param, chat=True)
    return request.param, load(folder, dtype="float32")


@pytest.fixture(scope="module", params=SEQ2SEQ)
def seq2seq(request, tmp_path_factory):
    folder = save_language(tmp_path_factory.mktemp(request.param), request.param)
    return load(folder, dtype="float32")


@pytest.fixture(scope="module", params=MASKED)
def masked(request, tmp_path_factory):
    folder = save_language(tmp_path_factory.mktemp(request.param), request.param)
    return load(folder, dtype="float32")


def asked(model, requests, *, rows=None, more=0):
    prepared = model.prepare(requests)
    length = max(p.length for p in prepared) + more
    return model.run(prepared, length=length, rows=rows or len(prepared))


def plainly(model, before, ids):
    """The log-probabilities of `ids` after `before`, with the whole vocabulary in sight."""
    module = model._loaded.module
    with torch.inference_mode():
        read = torch.tensor([[*before, *ids[:-1]]])
        logits = module(read).logits[0].double().log_softmax(-1)
    n = len(before)
    return [logits[n + k - 1, token].item() for k, token in enumerate(ids)], logits[n - 1 :]


def check(model, request, answer):
    assert isinstance(answer, Likelihoods)
    tokenizer = model.reader.tokenizer
    for continuation, scored in zip(request.continuations, answer.scored, strict=True):
        kept = request.input.rstrip(" ")
        moved = request.input[len(kept) :] + continuation
        head, whole, own = (
            tokenizer(text, add_special_tokens=False)["input_ids"]
            for text in (kept, kept + moved, moved)
        )
        if whole[: len(head)] != head:  # it runs the two together: each is read by itself
            whole = head + own
        n = len(scored.ids)
        assert tuple(whole[-n:]) == scored.ids
        before = whole[:-n] or [tokenizer.bos_token_id]
        logprobs, vocabulary = plainly(model, before, scored.ids)
        assert scored.total == pytest.approx(math.fsum(logprobs), abs=NATS)
        for k, logs in enumerate(vocabulary):
            assert scored.ranks[k] == int((logs > logs[scored.ids[k]] + 1e-6).sum())
            assert scored.means[k] == pytest.approx((logs.exp() * logs).sum().item(), abs=1e-4)
            second = (logs.exp() * (logs - scored.means[k]) ** 2).sum().sqrt().item()
            assert scored.deviations[k] == pytest.approx(second, abs=1e-3)


class TestCausal:
    def test_the_model_is_known_by_its_files(self, causal):
        _, model = causal
        assert model.facts.kind == "causal"
        assert model.facts.classes == ()

    def test_texts_equal_the_plain_computation(self, causal):
        _, model = causal
        requests = [TokenLogprobs("", (text,)) for text in TEXTS]
        for request, answer in zip(requests, asked(model, requests, more=3), strict=True):
            check(model, request, answer)

    def test_continuations_behind_a_shared_prompt_equal_it(self, causal):
        _, model = causal
        requests = [TokenLogprobs(p, c) for p, c in PROMPTS]
        for request, answer in zip(requests, asked(model, requests, more=5), strict=True):
            check(model, request, answer)

    def test_a_batch_of_any_shape_gives_the_same(self, causal):
        _, model = causal
        requests = [TokenLogprobs(p, c) for p, c in PROMPTS]
        together = asked(model, requests, rows=8, more=9)
        for request, answer in zip(requests, together, strict=True):
            (alone,) = asked(model, [request], rows=1)
            for one, other in zip(alone.scored, answer.scored, strict=True):
                assert one.total == pytest.approx(other.total, abs=NATS)

    def test_trees_are_read_where_the_model_heeds_its_mask(self, causal):
        name, model = causal
        assert model.likelihood.of(PLAIN).reads_trees == (
            name in ("gpt2", "llama", "qwen2", "gemma2")
        )

    def test_what_is_shared_is_read_once(self, causal):
        name, model = causal
        prompt, options = PROMPTS[0]
        (answer,) = asked(model, [TokenLogprobs(prompt, options)])
        one_by_one = asked(model, [TokenLogprobs(prompt, (o,)) for o in options])
        apart = sum(a.tokens for a in one_by_one)
        longest = max(a.tokens for a in one_by_one) + 1
        assert (answer.tokens < apart) == (longest <= model.likelihood.of(PLAIN).deepest), name

    def test_the_head_is_asked_apart(self, causal):
        _, model = causal
        assert model.likelihood.of(PLAIN).split.apart

    def test_a_conversation_is_read_by_the_template(self, causal):
        _, model = causal
        request = TokenLogprobs(Chat((Message("user", "the cat"),)), ("sat", "the dog"))
        (answer,) = asked(model, [request])
        before = "<s>user: the cat</s>\n<s>assistant: "
        tokenizer = model.reader.tokenizer
        for text, scored in zip(request.continuations, answer.scored, strict=True):
            whole = tokenizer(before + text, add_special_tokens=False)["input_ids"]
            ids = scored.ids
            # The answer takes the template's space with it, as in a conversation that is written.
            head = tokenizer(before.rstrip(" "), add_special_tokens=False)["input_ids"]
            assert answer.split == 0
            assert tuple(whole) == (*head, *ids)
            logprobs, _ = plainly(model, head, ids)
            assert scored.total == pytest.approx(math.fsum(logprobs), abs=NATS)

    def test_tokens_stand_where_they_are_in_the_continuation(self, causal):
        _, model = causal
        for prompt, options in PROMPTS:
            (answer,) = asked(model, [TokenLogprobs(prompt, options)])
            for text, scored in zip(options, answer.scored, strict=True):
                assert scored.starts[0] == 0
                assert scored.ends[-1] == len(text)
                assert list(scored.ends) == sorted(scored.ends)

    def test_an_empty_continuation_is_a_failure(self, causal):
        _, model = causal
        for request in (
            TokenLogprobs("a", ("",)),
            TokenLogprobs("a", ("b", "")),
            TokenLogprobs("", ("",)),
        ):
            (answer,) = asked(model, [request])
            assert isinstance(answer, Failure)
            assert "empty continuation" in answer.reason

    def test_a_prompt_beyond_the_window_loses_its_beginning(self, causal):
        _, model = causal
        if not model.facts.window:
            pytest.skip("no window")
        long = "the cat sat on the mat " * 40
        (answer,) = asked(model, [TokenLogprobs(long, ("good",))])
        assert answer.cut > 0
        ids = model.reader.tokenizer(long.rstrip() + " good", add_special_tokens=False)["input_ids"]
        n = len(answer.scored[0].ids)
        logprobs, _ = plainly(model, ids[answer.cut : -n], ids[-n:])
        assert answer.scored[0].total == pytest.approx(math.fsum(logprobs), abs=NATS)

    def test_a_text_beyond_the_window_loses_its_end(self, causal):
        _, model = causal
        long = "the cat sat on the mat " * 40
        (answer,) = asked(model, [TokenLogprobs("", (long,))])
        assert answer.cut > 0
        assert len(answer.scored[0].ids) == model.facts.window

    def test_a_continuation_beyond_the_window_is_a_failure(self, causal):
        _, model = causal
        (answer,) = asked(model, [TokenLogprobs("the", ("cat " * 300, "a"))])
        assert isinstance(answer, Failure)
        assert "window" in answer.reason
        assert answer.beyond


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return load(save_language(tmp_path_factory.mktemp("llama"), "llama"), dtype="float32")


def test_a_token_across_the_boundary_is_cut_there_and_counted(llama):
    tokenizer = llama.reader.tokenizer
    whole = tokenizer("the cat", add_special_tokens=False)["input_ids"]
    assert tokenizer("th", add_special_tokens=False)["input_ids"] != whole[:1]
    (answer,) = asked(llama, [TokenLogprobs("th", ("e cat",))])
    assert answer.split == 1
    before = tokenizer("th", add_special_tokens=False)["input_ids"]
    own = tokenizer("e cat", add_special_tokens=False)["input_ids"]
    assert answer.scored[0].ids == tuple(own)
    logprobs, _ = plainly(llama, before, own)
    assert answer.scored[0].total == pytest.approx(math.fsum(logprobs), abs=NATS)


WORDS = ["the", "cat", "sat", "on", "a", "dog", "12", "345", "paris", ",", ".", "\n", "", "ü"]
words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=7)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(prompt=words, options=st.lists(words, min_size=1, max_size=4))
def test_any_prompt_and_options(llama, prompt, options):
    request = TokenLogprobs(" ".join(prompt), tuple(" " + " ".join(o) for o in options))
    (answer,) = asked(llama, [request], rows=4, more=2)
    assert isinstance(answer, Likelihoods)
    check(llama, request, answer)


def test_logits_that_are_not_finite_are_a_failure(tmp_path):
    model = load(save_language(tmp_path / "m", "llama"), dtype="float32")
    with torch.no_grad():
        model._loaded.module.lm_head.weight[7] = float("nan")
    (answer,) = asked(model, [TokenLogprobs("", ("the cat",))])
    assert isinstance(answer, Failure)
    assert "finite" in answer.reason


def test_an_impossible_token_spoils_no_mean(tmp_path):
    model = load(save_language(tmp_path / "m", "bart"), dtype="float32")
    with torch.no_grad():
        model._loaded.module.final_logits_bias[0, 9] = -torch.inf
    (answer,) = asked(model, [TokenLogprobs("the", ("the cat",))])
    assert isinstance(answer, Likelihoods)
    assert all(math.isfinite(m) for m in answer.scored[0].means)


def test_half_precision_is_compared_with_float32(tmp_path):
    model = load(save_language(tmp_path / "m", "llama"), dtype="bfloat16")
    request = TokenLogprobs("", ("the cat sat on the mat",))
    full = TokenLogprobs("", ("the cat sat on the mat",), dtype="float32")
    (served,), (float32,) = asked(model, [request]), asked(model, [full])
    plain = load(tmp_path / "m", dtype="float32")
    (expected,) = asked(plain, [request])
    assert float32.scored[0].total == pytest.approx(expected.scored[0].total, abs=NATS)
    assert served.scored[0].total != float32.scored[0].total


def test_the_whole_is_asked_where_the_halves_do_not_fit(tmp_path):
    """A model of somebody's own whose forward pass does more than body and head."""
    model = load(save_language(tmp_path / "m", "llama"), dtype="float32")
    module = model._loaded.module
    plain = type(module).forward

    def forward(self, input_ids=None, **more):
        out = plain(self, input_ids=input_ids, **more)
        out.logits = out.logits + torch.nn.functional.one_hot(input_ids, out.logits.shape[-1])
        return out

    module.forward = forward.__get__(module)
    assert not model.likelihood.of(PLAIN).split.apart
    request = TokenLogprobs("", ("the cat sat",))
    (answer,) = asked(model, [request], more=4)
    check(model, request, answer)


class TestSeq2Seq:
    def test_continuations_equal_the_plain_computation(self, seq2seq):
        requests = [TokenLogprobs(p, c) for p, c in PROMPTS]
        module, tokenizer = seq2seq._loaded.module, seq2seq.reader.tokenizer
        for request, answer in zip(requests, asked(seq2seq, requests), strict=True):
            assert isinstance(answer, Likelihoods)
            encoded = torch.tensor([tokenizer(request.input)["input_ids"]])
            for text, scored in zip(request.continuations, answer.scored, strict=True):
                ids = tokenizer(text, add_special_tokens=False)["input_ids"]
                assert scored.ids == tuple(ids)
                start = [module.config.decoder_start_token_id, *seq2seq.reader.opening]
                with torch.inference_mode():
                    logits = module(
                        input_ids=encoded, decoder_input_ids=torch.tensor([[*start, *ids[:-1]]])
                    ).logits[0, len(start) - 1 :]
                logs = logits.double().log_softmax(-1)
                total = math.fsum(logs[k, token].item() for k, token in enumerate(ids))
                assert scored.total == pytest.approx(total, abs=NATS)

    def test_the_head_is_asked_apart(self, seq2seq):
        assert seq2seq.split.of(PLAIN).apart

    def test_padding_the_prompt_changes_nothing(self, seq2seq):
        plain = TokenLogprobs("the cat", ("sat", "the dog"))
        padded = TokenLogprobs("the cat", ("sat", "the dog"), under="padded")
        (one,), (other,) = asked(seq2seq, [plain]), asked(seq2seq, [padded], more=20)
        for a, b in zip(one.scored, other.scored, strict=True):
            assert a.total == pytest.approx(b.total, abs=NATS)

    def test_an_empty_continuation_is_a_failure(self, seq2seq):
        (answer,) = asked(seq2seq, [TokenLogprobs("a", ("",))])
        assert isinstance(answer, Failure)


class TestMasked:
    def test_hidden_tokens_equal_the_plain_computation(self, masked):
        module, tokenizer = masked._loaded.module, masked.reader.tokenizer
        requests = [MaskedLogprobs(text) for text in TEXTS]
        for request, answer in zip(requests, asked(masked, requests, rows=3, more=4), strict=True):
            assert isinstance(answer, Pseudo)
            ids = tokenizer(request.input)["input_ids"]
            assert answer.places == tuple(range(1, len(ids) - 1))
            for place, logprob in zip(answer.places, answer.scored.logprobs, strict=True):
                row = torch.tensor([ids])
                row[0, place] = tokenizer.mask_token_id
                with torch.inference_mode():
                    logs = module(row).logits[0, place].double().log_softmax(-1)
                assert logprob == pytest.approx(logs[ids[place]].item(), abs=NATS)

    def test_chosen_places_alone(self, masked):
        (every,) = asked(masked, [MaskedLogprobs("the cat sat on the mat")])
        (some,) = asked(masked, [MaskedLogprobs("the cat sat on the mat", places=(3, 1))])
        assert some.places == (3, 1)
        chosen = [every.scored.logprobs[every.places.index(k)] for k in (3, 1)]
        assert some.scored.logprobs == pytest.approx(chosen, abs=NATS)

    def test_a_place_that_is_not_there(self, masked):
        (answer,) = asked(masked, [MaskedLogprobs("the cat", places=(99,))])
        assert isinstance(answer, Failure)
        assert "99" in answer.reason

    def test_an_empty_text(self, masked):
        (answer,) = asked(masked, [MaskedLogprobs("")])
        assert isinstance(answer, Failure)

    def test_the_head_is_asked_apart(self, masked):
        assert masked.split.of(PLAIN).apart

    def test_tokens_are_told_with_their_places(self, masked):
        (prepared,) = masked.prepare([Tokenize("the cat")])
        (answer,) = masked.run([prepared], length=prepared.length, rows=1)
        assert "the cat"[answer.starts[1] : answer.ends[1]] == "the"
