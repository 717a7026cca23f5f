"""BBQ by the likelihood of its options: three behind one prefix against three sequences.

Real items, SmolLM2-135M-Instruct in float32. The bare model reads each option behind its question
as a sequence of its own, texts sorted by length and padded to the longest of each batch, and its
logits are not reduced; so do harnesses that know nothing of shared prefixes. Both sides are run in
turn and the median of the turns' ratios is what counts: other work on the machine slows both.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import torch
from subject import smollm

from fmaudit import catalog
from fmaudit.bias.ambiguous_questions import QuestionParams, request
from fmaudit.data import open_cases
from fmaudit.engine.costs import Costs
from fmaudit.engine.progress import Silent
from fmaudit.engine.runner import LocalRunner
from fmaudit.engine.scheduler import Engine
from fmaudit.registry import Context
from fmaudit.seeds import Seeds
from fmaudit.spec import DataSpec
from fmaudit.types import Case, TokenLogprobs

folder = Path(sys.argv[1])
TURNS = 3
ITEMS = 32
EVERY = 1_801
"""Items that are taken lie this far apart, so that categories and templates differ."""

handle = smollm()
model = handle.load()
module, tokenizer = model._loaded.module, model.reader.tokenizer
answered = 0


def items(count: int) -> list[Case]:
    """Items of all categories."""
    source = open_cases(DataSpec(card="bbq"), where="bench")
    cases = (case for part in source.chunks(4096) for case in part)
    return list(islice(cases, 0, count * EVERY, EVERY))


def engine(requests: Sequence[TokenLogprobs]) -> float:
    """Seconds for the engine to answer, with an empty cache."""
    global answered
    answered += 1
    costs = Costs()
    runner = LocalRunner(handle, folder / f"bbq{answered}.sqlite", costs, Silent())
    runner._model, runner._prefix = model, b"bbq"
    driven = Engine({"target": runner}, costs, Silent())
    begun = time.perf_counter()
    driven.answer(requests)
    return time.perf_counter() - begun


def bare(size: int, some: Sequence[str]) -> float:
    """Seconds for the bare model to read each text."""
    begun = time.perf_counter()
    ids = sorted(([1, *row] for row in tokenizer(list(some))["input_ids"]), key=len)
    with torch.inference_mode():
        for start in range(0, len(ids), size):
            part = tokenizer.pad({"input_ids": ids[start : start + size]}, return_tensors="pt")
            module(**part)
    return time.perf_counter() - begun


params = QuestionParams(**catalog.probe("bias.bbq").params)
together = [request(case, params, Context(Seeds(0))) for case in items(ITEMS)]
texts = [f"{r.input}{option}" for r in together for option in r.continuations]
apart = [TokenLogprobs(r.input, (option,)) for r in together for option in r.continuations]
sizes = {size: bare(size, texts[:48]) for size in (8, 16, 32)}
best = min(sizes, key=sizes.__getitem__)
turns = [(bare(best, texts), engine(apart), engine(together)) for _ in range(TURNS)]
print(
    json.dumps(
        {
            "BBQ's options behind one prefix over three bare sequences": statistics.median(
                plain / packed for plain, _, packed in turns
            ),
            "BBQ's options behind one prefix over three by the engine": statistics.median(
                alone / packed for _, alone, packed in turns
            ),
            "BBQ by likelihood, questions a second": ITEMS
            / statistics.median(packed for _, _, packed in turns),
        }
    )
)
