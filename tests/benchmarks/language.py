"""A language model through the engine against the same model bare, on the same tokens.

SmolLM2-135M-Instruct in float32. Both sides are run in turn and the median of the turns' ratios is
what counts: other work on the machine slows both. The bare model is `model(**batch)` over texts
sorted by length and padded to the longest of each batch, without reducing its logits.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from subject import sentences, smollm

from fmaudit.engine.costs import Costs
from fmaudit.engine.progress import Silent
from fmaudit.engine.runner import LocalRunner
from fmaudit.engine.scheduler import Engine
from fmaudit.types import Decoding, Generate, Request, TokenLogprobs

folder = Path(sys.argv[1])
TURNS = 3
TEXTS = 96
PROMPTS = 24
OPTIONS = (" He was born in Mexico.", " She was born in Canada.", " They were born in France.")
DECODING = Decoding(most_tokens=24)

handle = smollm()
model = handle.load()
module, tokenizer = model._loaded.module, model.reader.tokenizer
texts = sentences(TEXTS)
answered = 0


def engine(requests: Sequence[Request]) -> float:
    """Seconds for the engine to answer, with an empty cache."""
    global answered
    answered += 1
    costs = Costs()
    runner = LocalRunner(handle, folder / f"language{answered}.sqlite", costs, Silent())
    runner._model, runner._prefix = model, b"language"
    driven = Engine({"target": runner}, costs, Silent())
    begun = time.perf_counter()
    driven.answer(requests)
    return time.perf_counter() - begun


def bare(size: int, some: Sequence[str]) -> float:
    begun = time.perf_counter()
    ids = sorted(([1, *row] for row in tokenizer(list(some))["input_ids"]), key=len)
    with torch.inference_mode():
        for start in range(0, len(ids), size):
            part = tokenizer.pad({"input_ids": ids[start : start + size]}, return_tensors="pt")
            module(**part)
    return time.perf_counter() - begun


def generated(prompts: Sequence[str]) -> float:
    begun = time.perf_counter()
    tokenizer.padding_side = "left"
    batch = tokenizer(list(prompts), padding=True, return_tensors="pt")
    with torch.inference_mode():
        out = module.generate(
            **batch, max_new_tokens=DECODING.most_tokens, do_sample=False, pad_token_id=2
        )
    tokenizer.batch_decode(out[:, batch["input_ids"].shape[1] :])
    return time.perf_counter() - begun


def ratio(one: Callable[[], float], other: Callable[[], float]) -> float:
    """The median of one over the other, run in turn."""
    return statistics.median(one() / other() for _ in range(TURNS))


prompts = [f"{text} Where was this person born?" for text in texts[:PROMPTS]]
apart = [TokenLogprobs(p, (o,)) for p in prompts for o in OPTIONS]
together = [TokenLogprobs(p, OPTIONS) for p in prompts]
plain = [TokenLogprobs("", (text,)) for text in texts]
written = [Generate(p, DECODING) for p in prompts[:16]]
sizes = {size: bare(size, texts[:48]) for size in (8, 16, 32)}
best = min(sizes, key=sizes.__getitem__)
print(
    json.dumps(
        {
            "engine throughput on likelihoods over the bare model's": ratio(
                lambda: bare(best, texts), lambda: engine(plain)
            ),
            "three options behind one prompt over three sequences": ratio(
                lambda: engine(apart), lambda: engine(together)
            ),
            "engine generation over model.generate, equal batches": ratio(
                lambda: generated(prompts[:16]), lambda: engine(written)
            ),
            "bare model's best batch size, texts, rows": best,
        }
    )
)
