"""A made-up probe with a plant: the accuracy of each group, with a rule."""

from __future__ import annotations

import json

from fmaudit import catalog, measured, registry
from fmaudit.scoring import classified
from fmaudit.selftest.plants import CLASSES, Plant, Planted
from fmaudit.selftest.trials import Trial
from fmaudit.types import Case, Logits

ID = "fake.accuracy"
CARD = {
    "id": ID,
    "title": "Fake",
    "claim": "A claim.",
    "method": "predictions",
    "measures": [
        {
            "measure": "accuracy",
            "over": ["groups"],
            "rule": {"op": ">=", "value": 0.7, "origin": "default"},
        },
        {"measure": "f1"},
    ],
    "harm": "A harm.",
    "citation": [{"text": "A paper"}],
}
LOGITS = {True: Logits((0.0, 1.0)), False: Logits((1.0, 0.0))}


def answers(values, n, rng, bias=0.0):
    """n cases in each of four groups, right with the probability planted."""
    cases = [Case(f"{g}{k}", "", "yes", {"group": g}) for g in "abcd" for k in range(n)]
    right = rng.random(len(cases)) < values["accuracy"] + bias
    return [classified(c, LOGITS[bool(r)], CLASSES) for c, r in zip(cases, right, strict=True)]


def biased(values, n, rng):
    """The same with a tenth too few right: as a measure would find that reads rows wrongly."""
    return answers(values, n, rng, -0.1)


def plant(rows=answers, ladder=(40, 120)):
    return Plant(
        subject="Answers that are right as often as planted.",
        measures={"accuracy": Planted(clean=0.9, dose=0.4)},
        ladder=ladder,
        rows=rows,
        groups={"group": ("a", "b", "c", "d")},
    )


def content(folder):
    """A folder of cards with the made-up probe alone, as a checkout has them."""
    (folder / "probes" / "fake").mkdir(parents=True)
    (folder / "probes" / "fake" / "accuracy.yaml").write_text(json.dumps(CARD))
    return folder


def trial(folder, m=4, **options):
    """The made-up probe's trial, its card in `folder`."""
    card = catalog.probe(ID, [content(folder)])
    method = registry.load_method("predictions")
    return Trial(card, method, plant(**options), m, measured.stamp(card, method, "Planted."))
