"""shap through the bridge, many texts at once, against shap called directly, a text at a time.

Both explain the same decision of the same loaded model with the same library. The direct call has
a function that pads and runs a batch at once, at each of several batch sizes; the best is the
floor. Both are run in turn, and the median of the turns' ratios is what counts: other work on the
machine slows both.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import shap
import torch
from subject import minilm, sentences

from fmaudit.engine.asks import together
from fmaudit.engine.costs import Costs
from fmaudit.engine.progress import Silent
from fmaudit.engine.runner import LocalRunner
from fmaudit.engine.scheduler import Engine
from fmaudit.explanations.owen import owen_values
from fmaudit.explanations.words import hidden, words_of
from fmaudit.models.classifier import ClassifierHandle

EVALUATIONS = 200
TURNS = 3
folder = Path(sys.argv[1])
texts = sentences(int(sys.argv[2]) if len(sys.argv) > 2 else 16)
handle = ClassifierHandle(minilm(folder), "minilm")
model = handle.load()


class Shown:
    """A masker for shap: the text with some of its words hidden."""

    immutable_outputs = True

    def __init__(self, text: str) -> None:
        self.text, self.words = text, words_of(text)
        self.shape = (1, len(self.words))
        self.clustering = shap.maskers.Text(self._tokens, mask_token=0).clustering(text)

    def __call__(self, mask: np.ndarray, row: np.ndarray) -> tuple[np.ndarray]:
        return (np.array([hidden(self.text, self.words, set(np.flatnonzero(mask)))]),)

    def _tokens(self, text: str, **_: object) -> dict[str, list[object]]:
        places = [(w.start, w.end) for w in self.words] if text else []
        return {"input_ids": list(range(len(places))), "offset_mapping": places}


def margins(shown: np.ndarray) -> np.ndarray:
    batch = model.tokenizer(shown.tolist(), padding=True, return_tensors="pt")
    with torch.inference_mode():
        logits = model.module(**batch).logits
    return (logits[:, 1] - logits[:, 0]).numpy().astype(float)


def direct(size: int, some: list[str]) -> tuple[float, list[np.ndarray]]:
    begun = time.perf_counter()
    found = []
    for text in some:
        explainer = shap.explainers.PartitionExplainer(margins, Shown(text))
        row = np.zeros((1, len(words_of(text))))
        found.append(explainer(row, max_evals=EVALUATIONS, batch_size=size, silent=True).values[0])
    return time.perf_counter() - begun, found


def bridged(name: str, some: list[str]) -> tuple[float, list[np.ndarray], float]:
    costs = Costs()
    runner = LocalRunner(handle, folder / f"bridge-{name}.sqlite", costs, Silent())
    runner._model, runner._prefix = model, b"bridge"
    engine = Engine({"target": runner}, costs, Silent())
    begun = time.perf_counter()
    driven = together(
        owen_values(
            text,
            words_of(text),
            lambda answer: answer.values[1] - answer.values[0],
            EVALUATIONS,
            np.random.default_rng(k),
        )
        for k, text in enumerate(some)
    )
    answers = None
    while True:
        try:
            answers = engine.answer(driven.send(answers))
        except StopIteration as stop:
            seconds = time.perf_counter() - begun
            return seconds, [np.array(v) for v, _ in stop.value], costs.run / costs.batches


bridged("warm", texts[:1])  # shap compiles on first use
sizes = {size: direct(size, texts[:2])[0] for size in (10, 20, 50)}
best = min(sizes, key=sizes.__getitem__)
ratios, seconds = [], []
for turn in range(TURNS):
    alone, _ = direct(best, texts)
    took, found, rows = bridged(str(turn), texts)
    ratios.append(alone / took)
    seconds.append(took)
print(
    json.dumps(
        {
            "shap through the bridge over shap called directly": statistics.median(ratios),
            "shap through the bridge, texts a second": len(texts) / min(seconds),
            "shap through the bridge, evaluations a batch": rows,
            "shap called directly, best batch size, rows": best,
        }
    )
)
