"""Maps of answers by a small Llama with random weights, against captum and plain forward passes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from fmaudit.explanations import spans
from fmaudit.explanations.answer_span import AnswerParams, answer_span
from fmaudit.models.causal import CausalModel
from fmaudit.models.language import Loaded, facts_of
from fmaudit.registry import Context
from fmaudit.seeds import Seeds
from fmaudit.selftest.plants.base import driven
from fmaudit.types import Case, Failure, TokenLogprobs

STORY = "the cat sat on a mat and dog ran far from red house by green river"
WORDS = STORY.split()
TEXT = "the cat sat on a red mat by the green river"
ANSWER = "dog ran far"
NEAR = 1e-4
"""Nats a token."""


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads only wait for each other over so small a model."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tokenizer_of_words():
    """One token a word, "..." among them."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    names = ["<pad>", "<s>", "</s>", "<unk>", "...", *WORDS]
    inner = Tokenizer(models.WordLevel({n: k for k, n in enumerate(names)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        unk_token="<unk>", model_max_length=64,
    )  # fmt: skip


@pytest.fixture(scope="module")
def llama():
    """The module, its tokenizer and the adapter over both."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    tokenizer = tokenizer_of_words()
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, intermediate_size=64, max_position_embeddings=64,
        pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    network = LlamaForCausalLM(config)
    for weights in network.parameters():
        if weights.ndim > 1:
            torch.nn.init.normal_(weights, std=0.2)
    # A model that ends at once, or writes what no text reads back as, would have no answer.
    network.lm_head.weight.data[:5] = 0.0
    network.eval()
    facts = facts_of(network, tokenizer, "causal", name="tiny", digest="tiny", chat=False)
    return SimpleNamespace(
        network=network,
        tokenizer=tokenizer,
        adapter=CausalModel(Loaded(network, tokenizer, None, facts)),
    )


def answered(adapter, requests):
    """Each request in a batch with others of its kind, as the engine would."""
    found = []
    for request in requests:
        prepared = adapter.prepare([request, request])
        length = max(p.length for p in prepared)
        found.append(adapter.run(prepared, length=length + 3, rows=2)[0])
    return found


def one(adapter, case, change=lambda request, answer: answer, **params):
    context = Context(Seeds(0), capabilities=frozenset(adapter.capabilities))
    (row,) = driven(
        answer_span.run([case], AnswerParams(**params), context),
        lambda request: change(request, answered(adapter, [request])[0]),
    )
    return row


def straightforward(llama, answer):
    """Prompts' token ids (rows, n) → the answer's mean log-probability behind each, in nats."""
    wanted = torch.tensor(llama.tokenizer(answer, add_special_tokens=False)["input_ids"])

    def forward(ids):
        whole = torch.cat([ids, wanted.expand(len(ids), -1)], dim=1)
        with torch.inference_mode():
            logs = llama.network(whole).logits.double().log_softmax(-1)
        there = logs[:, ids.shape[1] - 1 : -1].gather(-1, wanted.expand(len(ids), -1)[..., None])
        return there[..., 0].mean(-1)

    return forward


def ids_of(llama, text):
    return torch.tensor([llama.tokenizer(text, add_special_tokens=False)["input_ids"]])


def test_scores_are_those_of_captums_ablation(llama):
    """Of the same words by the same "...", over plain forward passes."""
    from captum.attr import FeatureAblation

    row = one(llama.adapter, Case("c", TEXT, references=(ANSWER,)), answer="reference")
    assert row.values, row.reason
    forward, ids = straightforward(llama, ANSWER), ids_of(llama, TEXT)
    hidden = llama.tokenizer.convert_tokens_to_ids("...")
    expected = FeatureAblation(forward).attribute(ids, baselines=torch.full_like(ids, hidden))[0]
    assert row.values["word_scores"] == pytest.approx(expected.tolist(), abs=NEAR)
    assert row.values["answer_logprob"] == pytest.approx(forward(ids).item(), abs=NEAR)
    assert max(map(abs, row.values["word_scores"])) > 100 * NEAR  # there is something to compare
    assert row.values["disagreement"] < NEAR


def test_scores_are_those_of_captums_attribution_of_language_models(llama):
    """Of the path that re-reads the whole prompt; its default one goes wrong in silence."""
    from captum.attr import FeatureAblation, LLMAttribution, TextTokenInput

    hidden = llama.tokenizer.convert_tokens_to_ids("...")
    given = TextTokenInput(TEXT, llama.tokenizer, baselines=hidden)
    wanted = torch.tensor(llama.tokenizer(ANSWER, add_special_tokens=False)["input_ids"])
    found = LLMAttribution(FeatureAblation(llama.network), llama.tokenizer).attribute(
        given, target=wanted, forward_in_tokens=False
    )
    row = one(llama.adapter, Case("c", TEXT, references=(ANSWER,)), answer="reference")
    expected = found.seq_attr / len(wanted)
    assert row.values["word_scores"] == pytest.approx(expected.tolist(), abs=NEAR)


def test_what_the_model_writes_itself_is_its_first_choice(llama):
    row = one(llama.adapter, Case("c", TEXT), most_tokens=6)
    assert row.values, row.reason
    assert row.values["checked"] is True
    forward = straightforward(llama, row.values["answer"])
    assert row.values["answer_logprob"] == pytest.approx(
        forward(ids_of(llama, TEXT)).item(), abs=NEAR
    )


def test_likelihoods_of_another_prompt_are_caught(llama):
    """As where a prompt is fed twice: both ways agree, and the model's own writing does not."""

    def fed_twice(request, answer):
        if isinstance(request, TokenLogprobs) and not isinstance(answer, Failure):
            twice = TokenLogprobs(
                input=f"{request.input} {request.input}", continuations=request.continuations
            )
            return answered(llama.adapter, [twice])[0]
        return answer

    rows = [
        one(
            llama.adapter, Case(f"c{k}", " ".join(WORDS[k:] + WORDS[:k])), fed_twice, most_tokens=12
        )
        for k in range(8)
    ]
    assert not any("word_scores" in row.values for row in rows)
    assert any(row.failed for row in rows)
    assert {row.reason for row in rows} <= {spans.NOT_FIRST, spans.NEAR_TIE}
    assert not any(row.values.get("checked") for row in rows)
