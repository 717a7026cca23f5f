from __future__ import annotations

import copy

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from fmaudit.models.classifier import ClassifierHandle
from fmaudit.models.precision import Float32
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
    served = copy.deepcopy(module).bfloat16()
    twin = Float32(served)
    assert twin.module is twin.module
    assert {p.dtype for p in twin.module.parameters()} == {torch.float32}
    assert {p.dtype for p in served.parameters()} == {torch.bfloat16}


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
