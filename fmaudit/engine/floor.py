"""Round zero: how much of an answer is noise.

A seeded sample of inputs is asked again under other conditions: alone in its batch, padded to
twice its length, and once more as it was. What moves there is not the input's doing. Requests
under a condition have keys of their own: they are neither merged with the baseline's nor read
from its place in the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from fmaudit.engine.sampling import Cases, draw
from fmaudit.engine.scheduler import Engine
from fmaudit.seeds import Seeds
from fmaudit.types import Classify, Logits, Response

CONDITIONS: dict[str, dict[str, Any]] = {
    "alone": {"under": "alone"},
    "padded": {"under": "padded"},
    "again": {"replica": 1},
}
ITEMS = 500


class Floor(msgspec.Struct, frozen=True):
    """The noise floor of one model and capability.

    `items` inputs were asked. Condition → inputs answered with and without it, the largest
    absolute change of a logit, and the share of inputs whose predicted class changed. A
    condition under which nothing was answered is left out.
    """

    items: int
    answered: dict[str, int]
    largest: dict[str, float]
    flips: dict[str, float]

    @property
    def delta(self) -> float:
        """The largest change of a logit under any condition."""
        return max(self.largest.values(), default=0.0)


def measure(engine: Engine, cases: Cases, seeds: Seeds, *, role: str = "target") -> Floor:
    """Ask the sample under every condition and compare it with the baseline."""
    sample = draw(cases, seeds, ITEMS, engine.chunk)
    plain = [Classify(case.input, on=role) for case in sample]
    conditions = {
        name: [msgspec.structs.replace(r, **change) for r in plain]
        for name, change in CONDITIONS.items()
    }
    everything = [*plain, *(r for asked in conditions.values() for r in asked)]
    answers = engine.answer(everything)
    base, rest = answers[: len(plain)], answers[len(plain) :]
    found = Floor(len(plain), {}, {}, {})
    for k, name in enumerate(conditions):
        moved = rest[k * len(plain) : (k + 1) * len(plain)]
        pairs = _answered(base, moved)
        if pairs:
            # (pairs, 2, classes)
            a, b = np.array(pairs).transpose(1, 0, 2)
            found.answered[name] = len(pairs)
            found.largest[name] = float(np.abs(a - b).max())
            found.flips[name] = float((a.argmax(1) != b.argmax(1)).mean())
    return found


def _answered(
    base: Sequence[Response], other: Sequence[Response]
) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    return [
        (a.values, b.values)
        for a, b in zip(base, other, strict=True)
        if isinstance(a, Logits) and isinstance(b, Logits)
    ]
