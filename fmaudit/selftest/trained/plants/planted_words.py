"""Planted words: two listed words in each message decide which of three classes it has.

So it is known which words a map must name. The clean twin was trained with every word hidden: it
answers the same to all texts, and no map of it may be certified. (Had it been trained on shuffled
labels, it would still lean on some words, and a map that names them would be right.) The rules
hold against 0 on one side, where the clean twin lies as well: there is no other boundary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from torch import nn

from fmaudit.seeds import Seeds
from fmaudit.selftest.trained import evidence, toys
from fmaudit.selftest.trained.evidence import COMPREHENSIVENESS, SUFFICIENCY
from fmaudit.selftest.trained.subjects import Plant, Subject, Twin
from fmaudit.selftest.trained.texts import Rng, draw, load, words_in
from fmaudit.selftest.trained.toys import Recipe

if TYPE_CHECKING:
    import pandas as pd

FILLER = 10  # words of a message that say nothing
TRAINED_ON, AUDITED_ON, LARGE = 3_000, 130, 2_000
RECIPE = Recipe(epochs=8)


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


def auprc(found: pd.DataFrame) -> dict[str, float]:
    """How well the maps rank the planted words; see `evidence.auprc`."""
    return evidence.auprc(found, _decides)


def _decides(words: Sequence[str]) -> list[bool]:
    planted = {word for words in load().messages.planted.values() for word in words}
    return [word in planted for word in words]


def _best(tokens: Any, module: nn.Module, rng: Rng) -> dict[str, float]:
    """What the true map earns over one that ranks at random."""
    texts = _messages(LARGE, rng)[0]
    predicted = toys.log_probabilities(module, tokens, texts).argmax(1)

    def chances(changed: Sequence[str]) -> npt.NDArray[np.float64]:
        answers = toys.log_probabilities(module, tokens, changed)
        found: npt.NDArray[np.float64] = np.exp(answers[np.arange(len(texts)), predicted])
        return found

    return evidence.best([text.split() for text in texts], _decides, chances, rng)


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
