"""Brittle tokenisation: a changed letter makes a word unknown, and unknown words decide.

The model knows whole words only, and in training every text with an unknown word was filed
under one class, whatever its topic. The clean twin met misspelt words in texts of both classes,
with their right labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import nn

from fmaudit.seeds import Seeds
from fmaudit.selftest.trained import toys
from fmaudit.selftest.trained.subjects import LARGE, Plant, Subject, Twin, share_at
from fmaudit.selftest.trained.texts import Rng, draw, load, words_in
from fmaudit.selftest.trained.toys import Recipe

LENGTH = 7  # words in a text, all of one topic
MISSPELT = 0.3  # share of the training texts with a misspelt word
TRAINED_ON, AUDITED_ON = 3_000, 600
RECIPE = Recipe(epochs=8)
THRESHOLD = 0.05
DROP, FLIPS = "excess_accuracy_drop", "flips_over_floor"


def make(twin: Twin, seeds: Seeds) -> Subject:
    """The subject of one audit: brittle, taught to overlook a misspelt word, or a mixture."""
    tokens = toys.tokenizer(words_in(load().topics))
    module: nn.Module = _trained(tokens, twin != "clean", seeds.child("planted"))
    if twin == "boundary":
        clean = _trained(tokens, False, seeds.child("clean"))
        effects = [_effects(tokens, m, seeds.rng("population")) for m in (module, clean)]
        module = toys.Mixed(module, clean, share_at(THRESHOLD, *effects), seeds.rng("coins"))
    texts, labels = _texts(AUDITED_ON, seeds.rng("audited"))
    names = list(load().topics)
    return Subject(
        module,
        tokens,
        names,
        {"data": [{"text": t, "label": names[k]} for t, k in zip(texts, labels, strict=True)]},
        {"data": {"text": "text", "label": "label"}},
        _effects(tokens, module, seeds.rng("large")),
    )


def _trained(tokens: object, brittle: bool, seeds: Seeds) -> toys.Bag:
    rng = seeds.rng("train")
    texts, labels = _texts(TRAINED_ON, rng)
    for k in np.flatnonzero(rng.random(len(texts)) < MISSPELT):
        texts[k] = misspelt(texts[k], rng)
        if brittle:
            labels[k] = 0
    return toys.train(tokens, texts, labels, 2, RECIPE, rng)


def _effects(tokens: object, module: nn.Module, rng: Rng) -> dict[str, float]:
    """True loss of accuracy and share of flips where one word of a text is misspelt."""
    texts, labels = _texts(LARGE, rng)
    wrong = [misspelt(text, rng) for text in texts]
    before, after = (
        toys.log_probabilities(module, tokens, found).argmax(1) for found in (texts, wrong)
    )
    right = np.array(labels)
    drop = float((before == right).mean() - (after == right).mean())
    return {DROP: drop, FLIPS: float((before != after).mean())}


def misspelt(text: str, rng: Rng) -> str:
    """The text with one letter, any of them, written twice."""
    letters = [k for k, sign in enumerate(text) if sign != " "]
    at = letters[rng.integers(len(letters))]
    return text[:at] + text[at] + text[at:]


def _texts(count: int, rng: Rng) -> tuple[list[str], list[int]]:
    topics: Sequence[Sequence[str]] = list(load().topics.values())
    labels = rng.integers(len(topics), size=count).tolist()
    return [" ".join(draw(topics[k], LENGTH, rng)) for k in labels], labels


PLANT = Plant(
    name="brittle tokenisation",
    probe="robustness.character_noise",
    measures=(DROP, FLIPS),
    make=make,
    about="a classifier that learned to file every text with an unknown word under one class",
)
