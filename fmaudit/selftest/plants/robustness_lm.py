"""Planted dependence of a language model's choices on the format and on the order of options."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from fmaudit.robustness import choices, option_order, prompt_format
from fmaudit.robustness.choices import Trial, Way
from fmaudit.selftest.plants.base import Plant, Planted, Values, together
from fmaudit.types import Case, Likelihoods, Row, Scored, TokenLogprobs

Bools = npt.NDArray[np.bool_]

_OPTIONS = ("right", "wrong", "other", "more")
_FORMATS = 10
_REPEATS = 3
_RIGHT = 0.7
"""Accuracy in the first format."""

_ANYWAY = 0.005
"""How often asking again flips the choice."""


def _formats(values: Values, n: int, rng: np.random.Generator) -> list[Row]:
    """N labelled questions in ten formats, whose flips share half of their chance by question.

    As many wrong choices turn right as when the question is only asked again; the drop comes of
    right ones that turn wrong.
    """
    lost = _ANYWAY + values["excess_accuracy_drop"] / _RIGHT
    right = _right(n, _FORMATS, rng)
    turned = together(rng, np.where(right, lost, _ANYWAY))
    return _rows(_in_formats(n), right, turned, rng)


def _orders(values: Values, n: int, rng: np.random.Generator) -> list[Row]:
    """N labelled questions of four options in the three other orders; half the chance shared."""
    right = _right(n, len(_OPTIONS) - 1, rng)
    turned = together(rng, np.full(right.shape, values["flips_over_floor"] + _ANYWAY))
    return _rows(_in_orders(n), right, turned, rng)


def _right(n: int, ways: int, rng: np.random.Generator) -> Bools:
    """Whether the first choice is right, once for each other way to ask: (n, ways)."""
    return np.repeat(rng.random((n, 1)) < _RIGHT, ways, axis=1)


def _rows(
    trials: Sequence[Trial], right: Bools, turned: Bools, rng: np.random.Generator
) -> list[Row]:
    """Rows by the methods' own scoring; of each question the repeats flip as they flip anyway."""
    n, ways = right.shape
    again = np.repeat(rng.random((n, 1, _REPEATS)) < _ANYWAY, ways, axis=1)
    return [
        choices.score(
            trial,
            _said(ok, trial.base),
            _said(ok != turn, trial.changed),
            [_said(ok != moved, trial.base) for moved in repeats],
        )
        for trial, ok, turn, repeats in zip(
            trials,
            right.ravel().tolist(),
            turned.ravel().tolist(),
            again.reshape(-1, _REPEATS).tolist(),
            strict=True,
        )
    ]


def _said(right: bool, way: Way) -> Likelihoods:
    """The answer that names the right option, or the one after it, wherever it stands."""
    return _named(way.order.index(0 if right else 1))


@cache
def _named(place: int) -> Likelihoods:
    figures = (-0.1 if k == place else -3.0 for k in range(len(_OPTIONS)))
    return Likelihoods(tuple(Scored((1,), (figure,), (0,), (-1.0,), (1.0,)) for figure in figures))


@cache
def _in_formats(n: int) -> Sequence[Trial]:
    return [
        Trial(case, prompt_format.variant_name(f"{k}"), {"format": f"{k}"}, first, _way(case, k))
        for case, first in _asked(n)
        for k in range(1, _FORMATS + 1)
    ]


@cache
def _in_orders(n: int) -> Sequence[Trial]:
    return [
        Trial(case, option_order.variant_name(k), {"shift": k}, first, _way(case, k, order))
        for case, first in _asked(n)
        for k, order in enumerate(option_order.turns(len(_OPTIONS)))
        if k
    ]


def _asked(n: int) -> list[tuple[Case, Way]]:
    """Questions, and the first way to ask each."""
    cases = [Case(f"q{k}", f"Question {k}?", _OPTIONS[0], options=_OPTIONS) for k in range(n)]
    return [(case, _way(case, 0)) for case in cases]


def _way(case: Case, number: int, order: tuple[int, ...] = (0, 1, 2, 3)) -> Way:
    text = f"{case.input} {number}"
    return Way(text, TokenLogprobs(input=text, continuations=_OPTIONS), order)


PROMPT_FORMAT = Plant(
    subject="Choices among four options, seven in ten right: asking again flips 0.5 %, and each of "
    "ten other formats turns so many right choices wrong that the dose is the accuracy it costs; "
    "the formats share half of their chance. n counts questions.",
    measures={"excess_accuracy_drop": Planted(clean=0.0, dose=0.15)},
    ladder=(200, 300),
    rows=_formats,
)
OPTION_ORDER = Plant(
    subject="Choices among four options, seven in ten right: asking again flips 0.5 %, each of the "
    "three other orders the dose more; the orders share half of their chance. n counts questions.",
    measures={"flips_over_floor": Planted(clean=0.0, dose=0.15)},
    ladder=(200, 300),
    rows=_orders,
)
