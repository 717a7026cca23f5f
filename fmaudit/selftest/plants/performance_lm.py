"""Planted loss of skill: a tuned model that answers fewer questions rightly than its base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from fmaudit.performance import multiple_choice
from fmaudit.selftest.plants.base import Plant, Planted, Values
from fmaudit.types import Case, Likelihoods, Row, Scored

_RIGHT = 0.7
"""The base's accuracy."""

_ANYWAY = 0.05
"""Share of questions whose answer tuning turns for the better, and for the worse, anyway."""

_OPTIONS = ("north", "east", "south", "west")


def _skill(values: Values, n: int, rng: np.random.Generator) -> list[Row]:
    """N questions; of those that the base answers rightly, tuning loses the dose on top."""
    base = rng.random(n) < _RIGHT
    lost = (_ANYWAY - values["accuracy_change"]) / _RIGHT
    gained = _ANYWAY / (1 - _RIGHT)
    turned = rng.random(n) < np.where(base, lost, gained)
    return [
        multiple_choice.score(case, _SAID[right != turn], _SAID[right])
        for case, right, turn in zip(_cases(n), base.tolist(), turned.tolist(), strict=True)
    ]


def _likelier(place: int) -> Likelihoods:
    """An answer that finds one option likelier than the others."""
    figures = (-4.0 if k == place else -8.0 for k in range(len(_OPTIONS)))
    return Likelihoods(tuple(Scored((1,), (figure,), (0,), (-1.0,), (1.0,)) for figure in figures))


_SAID: Mapping[bool, Likelihoods] = {True: _likelier(0), False: _likelier(2)}
"""The answer that is right or not."""


@cache
def _cases(n: int) -> Sequence[Case]:
    return [Case(f"q{k}", f"Question {k}?", target=_OPTIONS[0], options=_OPTIONS) for k in range(n)]


MULTIPLE_CHOICE = Plant(
    subject="Questions of four options: the base answers seven in ten rightly; tuning turns one "
    "answer in twenty for the better and one for the worse, and loses the dose on top. n counts "
    "questions.",
    measures={"accuracy_change": Planted(clean=0.0, dose=-0.10)},
    ladder=(200, 1000),
    rows=_skill,
)
