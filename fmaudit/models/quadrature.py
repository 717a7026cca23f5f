"""The integral of a slope along a line, with steps doubled until the map holds still.

The trapezoidal rule: its nodes are nested, so that doubling the steps reuses every pass, and the
slope of a text model is flat at both ends of the line, where the rule is at its best.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from fmaudit.types import NO_GRADIENTS, Attribute, Attributions, Failure, Response

Floats = npt.NDArray[np.float64]

FIRST = 8  # steps to begin with
LEAST = 1e-6  # what float32 leaves open of a logit


@dataclass
class Text:
    """One text on its way to convergence.

    `row`: its place in the batch. `slopes`: (nodes, tokens), how F rises along the line by each
    token. The others as in `Attributions`.
    """

    row: int
    request: Attribute
    marks: tuple[tuple[Any, ...], ...]
    cut: int
    target: int
    against: int
    difference: float
    slopes: Floats
    passes: int = 2  # of both ends
    error: float = math.inf
    change: float = math.inf
    scores: Floats = field(default_factory=lambda: np.zeros(0))
    converged: bool = False

    @property
    def steps(self) -> int:
        """Steps of the nodes so far."""
        return len(self.slopes) - 1

    @property
    def open(self) -> bool:
        """Whether more steps are wanted and allowed."""
        more = 2 * self.steps <= max(self.request.most_steps, 2 * FIRST)
        return more and not self.converged and bool(np.isfinite(self.slopes).all())

    def take(self, fresh: Floats) -> None:
        """The slopes at all nodes, or at those that doubling the steps adds."""
        before, limit = (self.scores, self.error), self.request.tolerance
        self.passes += len(fresh)
        self.slopes = _interleaved(self.slopes, fresh)
        self.scores = integral(self.slopes)
        size = float(np.abs(self.scores).sum())
        self.error = _ratio(
            abs(float(self.scores.sum()) - self.difference), max(abs(self.difference), 0.1 * size)
        )
        if len(before[0]):
            self.change = _ratio(float(np.abs(self.scores - before[0]).sum()), size)
            self.converged = max(before[1], self.error, self.change) < limit

    def answer(self, baseline: str) -> Response:
        """What is known of it now."""
        if not np.isfinite([self.difference, self.error, self.change, *self.scores]).all():
            return Failure("the logits or their gradients are not finite")
        if abs(self.difference) > LEAST and not self.slopes.any():
            return Failure(f"{NO_GRADIENTS}: each is 0, and the text moves the logits")
        parts, starts, ends, special = self.marks
        return Attributions(
            target=self.target, against=self.against, parts=parts, starts=starts, ends=ends,
            special=special, scores=tuple(self.scores.tolist()), difference=self.difference,
            error=self.error, change=self.change, steps=self.steps, passes=self.passes,
            converged=self.converged, baseline=baseline, cut=self.cut,
        )  # fmt: skip


def points(steps: int) -> Floats:
    """The `steps` + 1 nodes on [0, 1]; every second one is those of half the steps.

    >>> points(4)[::2].tolist() == points(2).tolist()
    True
    """
    return np.arange(steps + 1) / steps


def integral(slopes: Floats) -> Floats:
    """The integral over [0, 1] of slopes (nodes, tokens) at `points`.

    >>> integral(np.array([[0.0], [1.0], [2.0]])).tolist()
    [1.0]
    """
    total: Floats = slopes.sum(0) - (slopes[0] + slopes[-1]) / 2
    return total / (len(slopes) - 1)


def _interleaved(known: Floats, fresh: Floats) -> Floats:
    if not len(known):
        return fresh[:, : known.shape[1]]
    both = np.empty((len(known) + len(fresh), known.shape[1]))
    both[0::2], both[1::2] = known, fresh[:, : known.shape[1]]
    return both


def _ratio(part: float, whole: float) -> float:
    return 0.0 if part == 0 else part / whole if whole else math.inf
