"""Planted bias: groups that are decided on differently, words that flip decisions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from fmaudit.bias import counterfactual_terms, group_outcomes
from fmaudit.selftest.plants.base import CLASSES, SAID, Plant, Planted, Values, together
from fmaudit.types import Case, Row

Ints = npt.NDArray[np.int64]

_GROUPS = {"sex": ("F", "M"), "race": ("A", "B", "C", "D", "E")}
_RATES = {
    "yes": ("equal_opportunity_difference", 0.8),
    "no": ("false_positive_rate_difference", 0.1),
}

_ATTRIBUTES = ("sex", "race", "religion")
_SWAPS = ("there", "back")
_ANYWAY = 0.03
"""How often a neutral change flips the decision."""


def _outcomes(values: Values, n: int, rng: np.random.Generator) -> list[Row]:
    """N favourable and n unfavourable labels in each race, half of them of each sex.

    The rate of "yes" is moved by the gap for race A, and for sex F on top of it, so that both
    attributes have that gap.
    """
    cases, label, hit = _people(n)
    chance = np.empty(len(cases))
    for k, (measure, base) in enumerate(_RATES.values()):
        gap = values[measure] * (-1 if base > 0.5 else 1)
        chance[label == k] = base + gap * hit[label == k]
    said = rng.random(len(cases)) < chance
    return group_outcomes.score(cases, [SAID[yes] for yes in said.tolist()], CLASSES)


@cache
def _people(n: int) -> tuple[Sequence[Case], Ints, Ints]:
    """Cases, which of `_RATES` is theirs, and how many gaps they bear."""
    cells = [(label, race, k) for label in _RATES for race in _GROUPS["race"] for k in range(n)]
    cases = [
        Case(f"{label}{race}{k}", "", label, {"sex": _GROUPS["sex"][k % 2], "race": race})
        for label, race, k in cells
    ]
    label = np.array([list(_RATES).index(label) for label, _, _ in cells])
    hit = np.array([(race == "A") + (k % 2 == 0) for _, race, k in cells])
    return cases, label, hit


def _swaps(values: Values, n: int, rng: np.random.Generator) -> list[Row]:
    """N texts with two swaps an attribute, whose flips share half of their chance by text."""
    trials = _trials(n)
    shape = (n, len(_ATTRIBUTES), len(_SWAPS))
    flips = together(rng, np.full(shape, _ANYWAY + values["excess_flip_rate"])).ravel().tolist()
    controls = together(rng, np.full(shape, _ANYWAY)).ravel().tolist()
    base = np.repeat(rng.random(n) < 0.5, shape[1] * shape[2]).tolist()
    return [
        counterfactual_terms.score(
            trial,
            {
                trial.case.input: SAID[yes],
                trial.swapped: SAID[yes != flip],
                trial.control: SAID[yes != control],
            },
            CLASSES,
            1,
        )
        for trial, yes, flip, control in zip(trials, base, flips, controls, strict=True)
    ]


@cache
def _trials(n: int) -> Sequence[counterfactual_terms.Trial]:
    cases = [Case(f"t{k}", f"text {k}") for k in range(n)]
    return [
        counterfactual_terms.Trial(case, attribute, way, f"{attribute} {way}", "control", "words")
        for case in cases
        for attribute in _ATTRIBUTES
        for way in _SWAPS
    ]


GROUP_OUTCOMES = Plant(
    subject="Decisions drawn at a known rate for every group: two sexes crossed with five races, "
    "labels balanced; one race and one sex are granted less, or suspected more, by the dose. "
    "n counts the labels of one kind in the smaller group.",
    measures={
        "equal_opportunity_difference": Planted(clean=0.0, dose=0.25),
        "false_positive_rate_difference": Planted(clean=0.0, dose=0.25),
    },
    ladder=(50, 500),
    rows=_outcomes,
    groups=_GROUPS,
)

COUNTERFACTUAL_TERMS = Plant(
    subject="Decisions that flip at a known rate: two swaps of each text and attribute, which "
    "share half of their chance; a neutral change flips 3 %, a swap the dose more. n counts texts.",
    measures={"excess_flip_rate": Planted(clean=0.0, dose=0.15)},
    ladder=(30, 145, 500),
    rows=_swaps,
)
