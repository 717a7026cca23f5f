"""CrowS-Pairs by the likelihood of whole sentences: the engine against lm-evaluation-harness.

The same pairs, SmolLM2-135M-Instruct in float32 and in one process: the harness's own model class
is handed the weights that the engine runs, and asked for the log-likelihood of each sentence by
itself, as its task does. Its fastest batch size counts. Both sides are run in turn and the median
of the turns' ratios is what counts. Where the harness is not installed (it is no dependency), the
figure is left out, and the bare model's stands alone. Where the processor multiplies bfloat16
itself, the engine is run in it as well, against the bare model in float32 and in bfloat16.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from subject import smollm

from fmaudit.data import open_cases
from fmaudit.engine.costs import Costs
from fmaudit.engine.progress import Silent
from fmaudit.engine.runner import LocalRunner
from fmaudit.engine.scheduler import Engine
from fmaudit.spec import DataSpec
from fmaudit.types import Likelihoods, TokenLogprobs

folder = Path(sys.argv[1])
TURNS = 3
PAIRS = int(sys.argv[2]) if len(sys.argv) > 2 else 94
EVERY = 1508 // PAIRS
SIZES = (8, 16, 32)

handle = smollm()
model = handle.load()
module, tokenizer = model._loaded.module, model.reader.tokenizer
answered = 0
NATIVE = torch.cpu._is_amx_tile_supported()

Totals = list[float]


def pairs(count: int) -> list[TokenLogprobs]:
    """A request for each of so many pairs, of all kinds."""
    source = open_cases(DataSpec(card="crows_pairs"), where="bench")
    cases = (case for part in source.chunks(4096) for case in part)
    return [TokenLogprobs("", c.options) for c in islice(cases, 0, count * EVERY, EVERY)]


def engine(requests: Sequence[TokenLogprobs], model: Any = model) -> tuple[float, Totals]:
    """Seconds for the engine to answer, with an empty cache, and each sentence's likelihood."""
    global answered
    answered += 1
    costs = Costs()
    runner = LocalRunner(handle, folder / f"crows{answered}.sqlite", costs, Silent())
    runner._model, runner._prefix = model, b"crows"
    driven = Engine({"target": runner}, costs, Silent())
    begun = time.perf_counter()
    answers = driven.answer(requests)
    spent = time.perf_counter() - begun
    assert all(isinstance(answer, Likelihoods) for answer in answers)
    return spent, [s.total for a in answers if isinstance(a, Likelihoods) for s in a.scored]


def bare(size: int, some: Sequence[str], module: Any = module) -> float:
    """Seconds for the bare model to read each sentence."""
    begun = time.perf_counter()
    ids = sorted(([1, *row] for row in tokenizer(list(some))["input_ids"]), key=len)
    with torch.inference_mode():
        for start in range(0, len(ids), size):
            part = tokenizer.pad({"input_ids": ids[start : start + size]}, return_tensors="pt")
            module(**part)
    return time.perf_counter() - begun


def harness(lm: Any, some: Sequence[str]) -> tuple[float, Totals]:
    """Seconds for the harness to score each sentence, and their likelihoods."""
    from lm_eval.api.instance import Instance

    asked = [Instance("loglikelihood", {}, ("", text), k) for k, text in enumerate(some)]
    begun = time.perf_counter()
    found = lm.loglikelihood(asked, disable_tqdm=True)
    return time.perf_counter() - begun, [total for total, _ in found]


def best(times: dict[int, float]) -> int:
    """The batch size of the least time."""
    return min(times, key=times.__getitem__)


def against_the_harness() -> dict[str, float]:
    """The ratio where the harness is there; both must say the same of each sentence."""
    if find_spec("lm_eval") is None:
        print("  lm-evaluation-harness is not installed: left out", file=sys.stderr)
        return {}
    from lm_eval.models.huggingface import HFLM

    def peer(size: int) -> Any:
        return HFLM(
            pretrained=module, tokenizer=tokenizer, batch_size=size, device="cpu", backend="causal"
        )

    size = best({size: harness(peer(size), texts[:64])[0] for size in SIZES})
    lm, ratios = peer(size), []
    for _ in range(TURNS):
        theirs, ours = harness(lm, texts), engine(requests)
        worst = max(abs(a - b) for a, b in zip(theirs[1], ours[1], strict=True))
        assert worst < 1e-3, f"the two differ by {worst:.2g} nats"
        ratios.append(theirs[0] / ours[0])
    return {"CrowS-Pairs over lm-evaluation-harness, same dtype": statistics.median(ratios)}


def halved() -> dict[str, float]:
    """The engine in bfloat16, against the bare model in float32 and in bfloat16."""
    if not NATIVE:
        print("  no bfloat16 in this processor: left out", file=sys.stderr)
        return {}
    half = smollm("bfloat16").load()
    bare16 = best({s: bare(s, texts[:64], half._loaded.module) for s in SIZES})
    turns = []
    for _ in range(TURNS):
        ours = engine(requests, half)[0]
        turns.append((bare(size, texts) / ours, bare(bare16, texts, half._loaded.module) / ours))
    whole, same = (statistics.median(ratio) for ratio in zip(*turns, strict=True))
    return {
        "CrowS-Pairs in bfloat16 over the bare model in float32": whole,
        "CrowS-Pairs in bfloat16 over the bare model in bfloat16": same,
    }


requests = pairs(PAIRS)
texts = [text for request in requests for text in request.continuations]
size = best({size: bare(size, texts[:64]) for size in SIZES})
alone = statistics.median(bare(size, texts) / engine(requests)[0] for _ in range(TURNS))
print(json.dumps({"CrowS-Pairs over the bare model's": alone, **against_the_harness(), **halved()}))
