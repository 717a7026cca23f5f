"""Memory that scoring one long text of a large vocabulary takes beyond the model."""

from __future__ import annotations

import json

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from fmaudit.engine.costs import peak_memory
from fmaudit.models.likelihood import Likelihood
from fmaudit.models.reductions import reduce
from fmaudit.models.split import Split

VOCABULARY, LONG = 200_000, 4000  # full logits of the text: 3.2 GB

config = LlamaConfig(
    vocab_size=VOCABULARY, hidden_size=32, intermediate_size=64, num_hidden_layers=1,
    num_attention_heads=2, max_position_embeddings=LONG,
)  # fmt: skip
split = Split(LlamaForCausalLM(config).eval(), "model")
with torch.inference_mode():
    assert split.apart
    assert Likelihood(split).reads_trees
    before = peak_memory()
    hidden = split.hidden({"input_ids": torch.arange(LONG)[None] * 7})[0]
    reduce(split, hidden, [[(k, k) for k in range(LONG)]])
grown = (peak_memory() - before) / 1e6
print(json.dumps({"memory growth, 4,000 tokens of 200,000 words": grown}))
