"""What a plant is: a simulated responder whose true figures are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from fmaudit.plans import Universe
from fmaudit.types import Asks, Logits, Request, Response, Row

T = TypeVar("T")

Level = Literal["clean", "boundary", "dosed"]
LEVELS: tuple[Level, ...] = ("clean", "boundary", "dosed")

CLASSES = ("no", "yes")
SAID = {False: Logits((1.0, 0.0)), True: Logits((0.0, 1.0))}
"""The answer for "yes" or not."""

Values = Mapping[str, float]
"""Measure → its true value."""

Rows = Callable[[Values, int, np.random.Generator], Sequence[Row]]


@dataclass(frozen=True)
class Planted:
    """A measure's true value on a clean model and on one with the defect, in its own unit."""

    clean: float
    dose: float


@dataclass(frozen=True)
class Plant:
    """A simulated responder for one method.

    `rows(values, n, rng)`: what the method finds on a model whose true figures are `values`,
    over n independent units (of every group, where groups are compared), by the method's own
    scoring. `measures`: the gated measures that it can plant. `ladder`: the n that are tried.
    `groups`: the attributes of the cases. `subject`: how the model was made up, in a sentence
    for readers.
    """

    subject: str
    measures: Mapping[str, Planted]
    ladder: tuple[int, ...]
    rows: Rows
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def universe(self) -> Universe:
        """What its cases and its model have: two classes, the second the favourable one."""
        return Universe(dict(self.groups), {}, CLASSES, 1)


def together(rng: np.random.Generator, p: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Events of probability `p` (…, k): with probability 1/2 each by a draw that the k share."""
    own = rng.random(p.shape)
    shared = rng.random((*p.shape[:-1], 1))
    found: npt.NDArray[np.bool_] = np.where(rng.random(p.shape) < 0.5, shared, own) < p
    return found


def driven(asks: Asks[T], answer: Callable[[Request], Response]) -> T:
    """What a method's generator returns when each of its requests is answered so."""
    try:
        asked = next(asks)
        while True:
            asked = asks.send([answer(request) for request in asked])
    except StopIteration as stop:
        found: T = stop.value
        return found
