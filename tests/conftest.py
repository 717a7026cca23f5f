"""Fixtures that all tests share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fmaudit.types import Request, Response

os.environ.setdefault("SCIPY_ARRAY_API", "1")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real benchmark files; tests that need it skip where it is absent."""
    named = os.environ.get("FMAUDIT_SHARED")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared"
    if not (folder / "data" / "oracles.json").is_file():
        pytest.skip(f"no real benchmark files: {folder / 'data'} is absent")
    return folder


@pytest.fixture(scope="session")
def drive() -> Callable[..., Any]:
    """Runs a method's generator with a function that answers one request."""

    def run(asks: Any, answer: Callable[[Request], Response]) -> Any:
        sent = None
        try:
            while True:
                sent = [answer(request) for request in asks.send(sent)]
        except StopIteration as stop:
            return stop.value

    return run


SENTENCES = """
the a is was in of and person man woman he she male female husband wife black white asian
works as about hours per week good bad great awful film food service clean dirty slow quick
engineer nurse teacher from city town born education college school married never 1 2 3 4
"""


def save_tiny(folder: Path, *, labels: int = 2, pairs: bool = False, seed: int = 0) -> Path:
    """A small BERT classifier with random weights, saved as a fine-tuned model would be."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [c for c in "abcdefghijklmnopqrstuvwxyz0123456789.,;:'"]
    vocabulary = [*specials, *SENTENCES.split(), *letters, *(f"##{c}" for c in letters)]
    ids = {word: k for k, word in enumerate(dict.fromkeys(vocabulary))}
    inner = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    inner.normalizer = normalizers.BertNormalizer(lowercase=True)
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=64,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
    names = ["no", "yes", "maybe", "never"][:labels]
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(ids),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        num_labels=labels,
        id2label=dict(enumerate(names)),
        label2id={n: k for k, n in enumerate(names)},
        pad_token_id=0,
        initializer_range=0.3,
    )
    model = BertForSequenceClassification(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """A binary classifier's folder."""
    return save_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny_three(tmp_path_factory) -> Path:
    """A three-class classifier's folder."""
    return save_tiny(tmp_path_factory.mktemp("tiny3"), labels=3, seed=1)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """No test reads or fills the user's cache of answers."""
    monkeypatch.setenv("FMAUDIT_CACHE", str(tmp_path / "cache"))
