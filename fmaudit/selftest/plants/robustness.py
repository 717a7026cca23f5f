"""Planted brittleness: small errors in a text that turn right answers into wrong ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import get_args

import numpy as np

from fmaudit.robustness import character_noise
from fmaudit.robustness.edits import Kind
from fmaudit.selftest.plants.base import CLASSES, SAID, Plant, Planted, Values, together
from fmaudit.types import Case, Row

_KINDS: Sequence[Kind] = get_args(Kind)
_REPEATS = 3
_RIGHT = 0.9
"""Accuracy on the unedited texts."""

_ANYWAY = 0.005
"""How often asking again flips the answer."""


def _noise(values: Values, n: int, rng: np.random.Generator) -> list[Row]:
    """N labelled texts with one edit a kind, whose flips share half of their chance by text.

    Of flips F and drop D under the edit, (F + D)/2 is the share of texts that turn wrong and
    (F − D)/2 that of those that turn right.
    """
    flips = values["flips_over_floor"] + _ANYWAY
    drop = values["excess_accuracy_drop"] + (2 * _RIGHT - 1) * _ANYWAY
    right = np.repeat(rng.random(n) < _RIGHT, len(_KINDS)).reshape(n, len(_KINDS))
    wrong_turn, right_turn = (flips + drop) / 2 / _RIGHT, (flips - drop) / 2 / (1 - _RIGHT)
    turned = together(rng, np.where(right, wrong_turn, right_turn))
    again = np.repeat((rng.random((n, 1, _REPEATS)) < _ANYWAY), len(_KINDS), axis=1)
    return [
        character_noise.score(
            trial, SAID[ok], SAID[ok != turn], [SAID[ok != moved] for moved in repeats], CLASSES, 1
        )
        for trial, ok, turn, repeats in zip(
            _trials(n),
            right.ravel().tolist(),
            turned.ravel().tolist(),
            again.reshape(-1, _REPEATS).tolist(),
            strict=True,
        )
    ]


@cache
def _trials(n: int) -> Sequence[character_noise.Trial]:
    return [
        character_noise.Trial(
            case=Case(f"t{k}", f"text {k}", target="yes"),
            kind=kind,
            budget="low",
            unedited=f"text {k}",
            edited=f"{kind} {k}",
            edits=1,
            share=0.02,
            read=1.0,
        )
        for k in range(n)
        for kind in _KINDS
    ]


CHARACTER_NOISE = Plant(
    subject="Answers to labelled texts, nine in ten right: asking again flips 0.5 %, an edit of "
    "any kind the dose more, all of them from right to wrong; the kinds share half of their "
    "chance. n counts texts.",
    measures={
        "excess_accuracy_drop": Planted(clean=0.0, dose=0.15),
        "flips_over_floor": Planted(clean=0.0, dose=0.15),
    },
    ladder=(200, 500),
    rows=_noise,
)
