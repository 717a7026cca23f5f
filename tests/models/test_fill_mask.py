"""The likeliest words in a place: those of a plain forward pass, and of transformers' pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from support_language import save_language

from fmaudit import spec
from fmaudit.models import open_handle
from fmaudit.types import Failure, FillMask, Fills


@pytest.fixture(scope="module", params=["bert", "roberta"])
def saved(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_language(tmp_path_factory.mktemp(request.param), request.param)


def asked(folder: Path, *requests: FillMask) -> list[Any]:
    chosen = {"model": {"path": str(folder), "dtype": "float32"}}
    data = {"data": {"source": "file:x", "text": "text"}}
    model = open_handle(spec.from_mapping(chosen | data).model).load()
    prepared = model.prepare(list(requests))
    longest = max(p.length for p in prepared)
    return model.run(prepared, length=longest, rows=len(prepared))


def test_it_is_the_plain_pass(saved: Path) -> None:
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(saved)
    module = AutoModelForMaskedLM.from_pretrained(saved).eval()
    (found,) = asked(saved, FillMask("the cat", " on the mat", 6))
    given = tokenizer(f"the cat {tokenizer.mask_token} on the mat", return_tensors="pt")
    with torch.inference_mode():
        line = module(**given).logits[0].log_softmax(-1)
    place = given["input_ids"][0].tolist().index(tokenizer.mask_token_id)
    expected: dict[str, float] = {}
    for token in line[place].argsort(descending=True).tolist():
        word = tokenizer.decode([token]).strip()
        if token not in tokenizer.all_special_ids and word and word not in expected:
            expected[word] = line[place, token].item()
    assert isinstance(found, Fills)
    assert list(found.words) == list(expected)[:6]
    assert list(found.logprobs) == pytest.approx(list(expected.values())[:6], abs=1e-5)


def test_it_is_the_pipelines(saved: Path) -> None:
    from transformers import pipeline

    fill = pipeline("fill-mask", model=str(saved), tokenizer=str(saved), device="cpu")
    mask = fill.tokenizer.mask_token
    first = fill(f"the cat {mask} on the mat", top_k=40)
    special = set(fill.tokenizer.all_special_ids)
    words = [f["token_str"].strip() for f in first if f["token"] not in special]
    (found,) = asked(saved, FillMask("the cat", " on the mat", 3))
    assert found.words[0] == next(word for word in words if word)


def test_a_text_of_another_place_or_too_long_is_told(saved: Path) -> None:
    two, long, fine = asked(
        saved, FillMask("the <mask> sat"), FillMask("the cat " * 4000), FillMask("the cat")
    )
    assert isinstance(two, Failure)
    assert "2 places" in two.reason
    assert not two.beyond
    assert isinstance(long, Failure)
    assert long.beyond
    assert isinstance(fine, Fills)


def test_the_place_may_be_first(saved: Path) -> None:
    (found,) = asked(saved, FillMask("", " sat on the mat", 2))
    assert isinstance(found, Fills)
    assert len(found.words) == 2
