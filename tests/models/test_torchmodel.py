from __future__ import annotations

import pytest
import torch
from transformers import (
    AutoTokenizer,
    GPT2Config,
    GPT2ForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from fmaudit.errors import ModelError
from fmaudit.models.torchmodel import TorchClassifier, module_digest
from fmaudit.types import Classify, Failure


class Bag(torch.nn.Module):
    """No transformers class: mean of embeddings, returns bare logits."""

    def __init__(self, words: int, classes: int = 2) -> None:
        super().__init__()
        self.embed = torch.nn.Embedding(words, 8)
        self.head = torch.nn.Linear(8, classes)

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        del token_type_ids
        weights = attention_mask.unsqueeze(-1).float()
        return self.head((self.embed(input_ids) * weights).sum(1) / weights.sum(1))


@pytest.fixture
def tokenizer(tiny):
    return AutoTokenizer.from_pretrained(tiny)


def ask(model, texts, rows=None):
    prepared = model.prepare([Classify(t) for t in texts])
    length = max(p.length for p in prepared) + 1
    return model.run(prepared, length=length, rows=rows or len(texts))


def test_a_module_that_returns_bare_logits(tokenizer):
    model = TorchClassifier(Bag(len(tokenizer)), tokenizer, ["a", "b"])
    long, short = ask(model, ["the film was good", "bad"])
    assert ask(model, ["bad"])[0].values == pytest.approx(short.values, abs=1e-6)
    assert long != short


def test_the_digest_is_that_of_the_weights(tokenizer):
    torch.manual_seed(0)
    one = Bag(len(tokenizer))
    before = module_digest(one, tokenizer)
    assert module_digest(one, tokenizer) == before
    with torch.no_grad():
        one.head.bias[0] += 1e-3
    assert module_digest(one, tokenizer) != before


def test_classes_that_do_not_fit_the_head(tokenizer):
    model = TorchClassifier(Bag(len(tokenizer)), tokenizer, ["a", "b", "c"])
    with pytest.raises(ModelError, match=r"shape \(1, 2\).*3 classes were expected"):
        ask(model, ["good"])


def test_roberta_positions_leave_room_for_the_padding_offset(tokenizer):
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=50,
        pad_token_id=1,
        type_vocab_size=2,
    )
    model = TorchClassifier(RobertaForSequenceClassification(config), tokenizer, ["a", "b"])
    assert model.facts.window == 48
    (answer,) = ask_full(model, "good " * 200)
    assert answer.cut > 0


def ask_full(model, text):
    prepared = model.prepare([Classify(text)])
    return model.run(prepared, length=prepared[0].length, rows=1)


def test_a_decoder_without_a_padding_token_is_refused(tokenizer):
    config = GPT2Config(vocab_size=len(tokenizer), n_embd=16, n_layer=1, n_head=2, n_positions=64)
    decoder = GPT2ForSequenceClassification(config)
    tokenizer.pad_token = None
    assert tokenizer.pad_token_id is None
    decoder.config.pad_token_id = None
    with pytest.raises(ModelError, match="padding token.*pad_token_id"):
        TorchClassifier(decoder, tokenizer, ["a", "b"])


def test_a_decoder_reads_the_last_real_token(tokenizer):
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_embd=16, n_layer=1, n_head=2, n_positions=64, pad_token_id=0
    )
    model = TorchClassifier(GPT2ForSequenceClassification(config), tokenizer, ["a", "b"])
    alone = ask(model, ["bad"])[0]
    beside = ask(model, ["bad", "the film was good and clean"])[0]
    assert beside.values == pytest.approx(alone.values, abs=1e-5)


def test_a_text_without_tokens_is_a_failure(tokenizer):
    tokenizer.backend_tokenizer.post_processor = None
    model = TorchClassifier(Bag(len(tokenizer)), tokenizer, ["a", "b"])
    empty, good = ask(model, ["", "good"])
    assert empty == Failure("the text has no token")
    assert len(good.values) == 2


def test_not_finite_weights_are_failures(tokenizer):
    bag = Bag(len(tokenizer))
    with torch.no_grad():
        bag.head.weight[0, 0] = float("nan")
    (answer,) = ask(TorchClassifier(bag, tokenizer, ["a", "b"]), ["good"])
    assert isinstance(answer, Failure)
    assert "not finite" in answer.reason
