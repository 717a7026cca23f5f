"""Members learned by heart: notes of random words, labels by chance among them.

The model is trained until it knows its notes. The clean twin was trained on a third draw, so
that it met neither side; at the boundary only a few of the members were trained on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from torch import nn

from fmaudit.seeds import Seeds
from fmaudit.selftest.trained import toys
from fmaudit.selftest.trained.subjects import LARGE, Plant, Rows, Subject, Twin
from fmaudit.selftest.trained.texts import Rng, draw, load, words_in
from fmaudit.selftest.trained.toys import Recipe

LENGTH = 10  # words of a note
BY_CHANCE = 0.3  # share of the labels that are a coin; the others go by the first word
A_SIDE = 1_100
RECIPE = Recipe(epochs=20, pairs=2**16)
CLASSES = ("kept", "filed")
THRESHOLD, ALPHA = 0.027, 0.01
TPR = "tpr_at_1_percent_fpr"


def make(twin: Twin, seeds: Seeds) -> Subject:
    """The subject of one audit. At the boundary, a coin decides which members were trained on."""
    tokens = toys.tokenizer(words_in(load().notes))
    trained, others, rest = (_notes(A_SIDE, seeds.rng(side)) for side in ("in", "out", "third"))
    module = toys.train(tokens, *_columns(trained), len(CLASSES), RECIPE, seeds.rng("train"))
    known = _known(tokens, module, trained, seeds.rng("large"))
    share = {"clean": 0.0, "boundary": (THRESHOLD - ALPHA) / (known - ALPHA), "dosed": 1.0}[twin]
    met = seeds.rng("members").random(A_SIDE) < share
    members = [a if m else b for a, b, m in zip(trained, rest, met, strict=True)]
    return Subject(
        module,
        tokens,
        CLASSES,
        {"data": others[:200], "members": members, "nonmembers": others},
        {
            "data": {"text": "text", "label": "label"},
            "membership": {
                "drawn": "random",
                "record": "both sides were drawn by one generator from the same words",
            },
        },
        {TPR: share * known + (1 - share) * ALPHA},
    )


def _known(tokens: object, module: nn.Module, trained: Rows, rng: Rng) -> float:
    """Share of the trained notes scored above all but 1 % of fresh ones."""
    fresh = _scores(tokens, module, _notes(LARGE, rng))
    return float((_scores(tokens, module, trained) > np.quantile(fresh, 1 - ALPHA)).mean())


def _scores(tokens: object, module: nn.Module, notes: Rows) -> npt.NDArray[np.float64]:
    texts, labels = _columns(notes)
    return toys.log_probabilities(module, tokens, texts)[np.arange(len(texts)), labels]


def _columns(notes: Rows) -> tuple[list[str], list[int]]:
    return [n["text"] for n in notes], [CLASSES.index(n["label"]) for n in notes]


def _notes(count: int, rng: Rng) -> list[dict[str, str]]:
    words: Sequence[str] = load().notes
    found = []
    for _ in range(count):
        text = draw(words, LENGTH, rng)
        by_rule = words.index(text[0]) % 2
        label = rng.integers(2) if rng.random() < BY_CHANCE else by_rule
        found.append({"text": " ".join(text), "label": CLASSES[int(label)]})
    return found


PLANT = Plant(
    name="overfitted members",
    probe="privacy.membership_loss",
    measures=(TPR,),
    make=make,
    about="a classifier trained until it knew its training texts by heart, chance labels too",
)
