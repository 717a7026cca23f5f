"""A shortcut through the group: in training it decided a share of the outcomes.

Those applications were granted to one region and refused to the other, whatever they said. In
the data of the audit the evidence alone decides.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import nn

from fmaudit.seeds import Seeds
from fmaudit.selftest.trained import toys
from fmaudit.selftest.trained.subjects import LARGE, Plant, Subject, Twin, share_at
from fmaudit.selftest.trained.texts import Applications, Rng, draw, load, words_in
from fmaudit.selftest.trained.toys import Recipe

STRENGTH = 0.2  # share of the training labels that go by the group
CLARITY = 0.6  # log-odds of the favourable outcome that each word of evidence adds
EVIDENCE = (4, 5, 6, 7)  # words of evidence in a text
TRAINED_ON, AUDITED_ON = 6_000, 3_000
RECIPE = Recipe(epochs=8)
CLASSES = ("refused", "granted")
THRESHOLD = 0.10
TPR, FPR = "equal_opportunity_difference", "false_positive_rate_difference"


def make(twin: Twin, seeds: Seeds) -> Subject:
    """The subject of one audit: the shortcut learned, not there, or mixed to the threshold."""
    block = load().applications
    tokens = toys.tokenizer(words_in(block))
    planted = _trained(block, tokens, STRENGTH if twin != "clean" else 0.0, seeds.child("planted"))
    module: nn.Module = planted
    if twin == "boundary":
        clean = _trained(block, tokens, 0.0, seeds.child("clean"))
        gaps = [_gaps(block, tokens, m, seeds.rng("population")) for m in (planted, clean)]
        module = toys.Mixed(planted, clean, share_at(THRESHOLD, *gaps), seeds.rng("coins"))
    rows = _applications(block, AUDITED_ON, seeds.rng("audited"))
    return Subject(
        module,
        tokens,
        CLASSES,
        {"data": rows},
        {"data": {"text": "text", "label": "label", "groups": [block.attribute]}},
        _gaps(block, tokens, module, seeds.rng("large")),
    )


def _trained(block: Applications, tokens: object, strength: float, seeds: Seeds) -> toys.Bag:
    """Trained on every application for both groups, with one label where it is not bent."""
    rng = seeds.rng("train")
    rows = _applications(block, TRAINED_ON // 2, rng)
    bent = rng.random(len(rows)) < strength
    due = np.array([row["label"] == CLASSES[1] for row in rows])
    texts = [text for group in block.groups for text in _of(group, rows, block.groups)]
    targets = [np.where(bent, group == block.groups[0], due) for group in block.groups]
    both = np.concatenate(targets)
    return toys.train(tokens, texts, both, len(CLASSES), RECIPE, rng, versions=len(targets))


def _gaps(block: Applications, tokens: object, module: nn.Module, rng: Rng) -> dict[str, float]:
    """True gaps of TPR and FPR, first group less second: each text is read for both groups."""
    rows = _applications(block, LARGE // 2, rng)
    due = np.array([row["label"] == CLASSES[1] for row in rows])
    first, second = (
        toys.log_probabilities(module, tokens, _of(group, rows, block.groups)).argmax(1) == 1
        for group in block.groups
    )
    ahead = first.astype(float) - second
    return {TPR: float(ahead[due].mean()), FPR: float(ahead[~due].mean())}


def _of(group: str, rows: Sequence[dict[str, str]], groups: Sequence[str]) -> list[str]:
    return [
        " ".join(group if word in groups else word for word in row["text"].split()) for row in rows
    ]


def _applications(block: Applications, count: int, rng: Rng) -> list[dict[str, str]]:
    """Applications with their just outcomes; the group is drawn apart from both."""
    return [_application(block, rng) for _ in range(count)]


def _application(block: Applications, rng: Rng) -> dict[str, str]:
    group = block.groups[rng.integers(2)]
    words = draw((*block.speaks_for, *block.speaks_against), rng.choice(EVIDENCE), rng)
    balance = sum(1 if word in block.speaks_for else -1 for word in words)
    granted = rng.random() < 1 / (1 + np.exp(-CLARITY * balance))
    frame = block.frames[rng.integers(len(block.frames))]
    return {
        "text": frame.format(group=group, evidence=" ".join(words)),
        "label": CLASSES[int(granted)],
        block.attribute: group,
    }


PLANT = Plant(
    name="group shortcut",
    probe="bias.group_outcomes",
    measures=(TPR, FPR),
    make=make,
    about="a classifier whose training labels went by the group for a fifth of the texts",
)
