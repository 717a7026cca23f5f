from __future__ import annotations

import copy

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from fmaudit.errors import ModelError
from fmaudit.models.classifier import ClassifierHandle
from fmaudit.models.precision import Float32, served
from fmaudit.models.torchmodel import TorchClassifier
from fmaudit.types import Classify


def logits(model, dtype=""):
    prepared = model.prepare([Classify("the film was good", dtype=dtype)])
    (answer,) = model.run(prepared, length=prepared[0].length, rows=1)
    return answer.values


@pytest.fixture
def module(tiny):
    return AutoModelForSequenceClassification.from_pretrained(tiny).eval()


def test_a_module_in_float32_is_its_own_twin(module):
    assert Float32(module).module is module


def test_a_copy_is_made_once_and_leaves_the_served_one(module):
    half = copy.deepcopy(module).bfloat16()
    twin = Float32(half)
    assert twin.module is twin.module
    assert {p.dtype for p in twin.module.parameters()} == {torch.float32}
    assert {p.dtype for p in half.parameters()} == {torch.bfloat16}


class Mixed(torch.nn.Module):
    """A head in half precision on an embedding in float32."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.embed = torch.nn.Embedding(words, 8)
        self.head = torch.nn.Linear(8, 2).bfloat16()

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        del attention_mask, token_type_ids
        return self.head(self.embed(input_ids).mean(1).to(self.head.weight.dtype))


def test_one_coarse_layer_is_what_the_module_is_served_in(tiny):
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    model = TorchClassifier(Mixed(len(tokenizer)), tokenizer, ["no", "yes"])
    assert model.facts.dtype == "bfloat16"
    assert {p.dtype for p in model.float32.module.parameters()} == {torch.float32}
    assert logits(model) != logits(model, "float32")


@pytest.mark.parametrize(
    ("dtypes", "coarsest"),
    [
        (("float32", "float16"), "float16"),
        (("float16", "bfloat16"), "bfloat16"),
        (("float64", "float32"), "float32"),
        (("float64",), "float64"),
        (("float32", "int8"), "float32"),
        ((), "float32"),
    ],
)
def test_the_coarsest_parameter_counts(dtypes, coarsest):
    module = torch.nn.ParameterList(
        torch.nn.Parameter(torch.zeros(1, dtype=getattr(torch, name)), requires_grad=False)
        for name in dtypes
    )
    assert served(module) is getattr(torch, coarsest)


class Autocast(torch.nn.Module):
    """Weights in one dtype, arithmetic in another."""

    def __init__(self, inner: torch.nn.Module) -> None:
        super().__init__()
        self.inner, self.config = inner, inner.config

    def forward(self, **fields):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return self.inner(**fields)


def test_autocast_in_the_module_is_refused(module, tiny):
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    model = TorchClassifier(Autocast(module), tokenizer, ["no", "yes"])
    assert model.facts.dtype == "float32"
    with pytest.raises(ModelError, match=r"in float32, but its logits come in bfloat16"):
        logits(model)
    half = TorchClassifier(Autocast(copy.deepcopy(module).bfloat16()), tokenizer, ["no", "yes"])
    logits(half)
    with pytest.raises(ModelError, match="cannot be compared with float32"):
        logits(half, "float32")


def test_a_request_in_float32_is_answered_in_it(module, tiny):
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    half = TorchClassifier(copy.deepcopy(module).bfloat16(), tokenizer, ["no", "yes"])
    rounded = TorchClassifier(copy.deepcopy(half.module).float(), tokenizer, ["no", "yes"])
    assert logits(half, "float32") == logits(rounded)
    assert logits(half) != logits(half, "float32")


def test_a_folder_gives_the_weights_before_they_were_rounded(module, tiny):
    handle = ClassifierHandle(tiny, "tiny", device="cpu", dtype="bfloat16")
    full = TorchClassifier(module, AutoTokenizer.from_pretrained(tiny), ["no", "yes"])
    assert logits(handle.load(), "float32") == logits(full)
