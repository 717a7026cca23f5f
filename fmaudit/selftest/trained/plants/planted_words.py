"""Planted words: two listed words in each message decide which of three classes it has.

So it is known which words a map must name. The clean twin was trained with every word hidden: it
answers the same to all texts, and no map of it may be certified. (Had it been trained on shuffled
labels, it would still lean on some words, and a map that names them would be right.) The rules
hold against 0 on one side, where the clean twin lies as well: there is no other boundary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from torch import nn

from fmaudit.seeds import Seeds
from fmaudit.selftest.trained import toys
from fmaudit.selftest.trained.subjects import Plant, Subject, Twin
from fmaudit.selftest.trained.texts import Rng, draw, load, words_in
from fmaudit.selftest.trained.toys import Recipe

if TYPE_CHECKING:
    import pandas as pd

FILLER = 10  # words of a message that say nothing
TRAINED_ON, AUDITED_ON, LARGE = 3_000, 130, 2_000
SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)
RECIPE = Recipe(epochs=8)
COMPREHENSIVENESS, SUFFICIENCY = "excess_comprehensiveness", "excess_sufficiency"


def make(twin: Twin, seeds: Seeds) -> Subject:
    """The subject of one audit: a model that decides by the planted words, or by none."""
    block = load().messages
    names = list(block.planted)
    tokens = toys.tokenizer(words_in(block))
    rng = seeds.rng("train")
    texts, labels = _messages(TRAINED_ON, rng)
    shown = texts if twin == "dosed" else [" ".join("?" * len(t.split())) for t in texts]
    module = toys.train(tokens, shown, labels, len(names), RECIPE, rng)
    audited, wanted = _messages(AUDITED_ON, seeds.rng("audited"))
    return Subject(
        module,
        tokens,
        names,
        {"data": [{"text": t, "label": names[k]} for t, k in zip(audited, wanted, strict=True)]},
        {"data": {"text": "text", "label": "label"}},
        _best(tokens, module, seeds.rng("large")),
    )


def auprc(evidence: pd.DataFrame) -> dict[str, float]:
    """Mean area under precision and recall of the maps' scores for the planted words."""
    from sklearn.metrics import average_precision_score

    planted = {word for words in load().messages.planted.values() for word in words}
    found = []
    rows: list[dict[Any, Any]] = evidence[evidence["word_scores"].notna()].to_dict("records")
    for row in rows:
        spans = zip(row["word_starts"], row["word_ends"], strict=True)
        truth = [row["input"][start:end] in planted for start, end in spans]
        found.append(average_precision_score(truth, row["word_scores"]))
    return {"token_auprc": float(np.mean(found))} if found else {}


def _best(tokens: Any, module: nn.Module, rng: Rng) -> dict[str, float]:
    """What a map earns that ranks the planted words first, over one that ranks at random."""
    planted = {word for words in load().messages.planted.values() for word in words}
    texts = [text.split() for text in _messages(LARGE, rng)[0]]
    base = toys.log_probabilities(module, tokens, [" ".join(t) for t in texts])
    predicted = base.argmax(1)

    def left(ranks: Sequence[npt.NDArray[Any]], kept: bool) -> npt.NDArray[np.float64]:
        """Mean over the shares of how much probability the predicted class loses."""
        losses = []
        for k in sorted({math.ceil(q * len(texts[0])) for q in SHARES}):
            changed = [
                " ".join(w for w, r in zip(t, rank, strict=True) if (r < k) == kept)
                for t, rank in zip(texts, ranks, strict=True)
            ]
            after = toys.log_probabilities(module, tokens, changed)
            at = np.arange(len(texts)), predicted
            losses.append(np.exp(base[at]) - np.exp(after[at]))
        found: npt.NDArray[np.float64] = np.mean(losses, axis=0)
        return found

    random = [rng.permutation(len(t)) for t in texts]
    truth = [
        np.lexsort((r, np.array([w not in planted for w in t]))).argsort()
        for t, r in zip(texts, random, strict=True)
    ]
    excess = {kept: (left(truth, kept) - left(random, kept)).mean() for kept in (False, True)}
    return {COMPREHENSIVENESS: float(excess[False]), SUFFICIENCY: float(excess[True])}


def _messages(count: int, rng: Rng) -> tuple[list[str], list[int]]:
    block = load().messages
    lists: Sequence[Sequence[str]] = list(block.planted.values())
    labels = rng.integers(len(lists), size=count).tolist()
    return [_message(lists[k], block.filler, rng) for k in labels], labels


def _message(deciding: Sequence[str], filler: Sequence[str], rng: Rng) -> str:
    words = [*draw(deciding, 2, rng), *draw(filler, FILLER, rng)]
    return " ".join(draw(words, len(words), rng))


def _plant(probe: str) -> Plant:
    return Plant(
        name="planted words",
        probe=probe,
        measures=(COMPREHENSIVENESS, SUFFICIENCY),
        make=make,
        about="a classifier of three classes that two planted words in each text decide",
        twins=("clean", "dosed"),
        sign="pass",
        beside=auprc,
    )


PLANTS = tuple(map(_plant, ("explanations.integrated_gradients", "explanations.partition_shap")))
