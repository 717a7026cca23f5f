"""Round zero: how much of an answer is noise.

A seeded sample of inputs is asked again under other conditions: alone in its batch, padded to
twice its length, and once more as it was. What moves there is not the input's doing. Requests
under a condition have keys of their own: they are neither merged with the baseline's nor read
from its place in the cache.

The dtype is no such condition: half precision moves an answer the same way each time. What it
moves is measured on the same sample against float32, and shown apart from the floor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from fmaudit.engine.sampling import Cases, draw
from fmaudit.engine.scheduler import Engine
from fmaudit.seeds import Seeds
from fmaudit.types import Attribute, Attributions, Classify, Logits, Request, Response

CONDITIONS: dict[str, dict[str, Any]] = {
    "alone": {"under": "alone"},
    "padded": {"under": "padded"},
    "again": {"replica": 1},
}
IN_FLOAT32: dict[str, dict[str, Any]] = {
    "float32": {"dtype": "float32"},
    "float32 padded": {"dtype": "float32", "under": "padded"},
}
ITEMS = 500
MAPS = 10  # an attribution takes dozens of passes

HALF = ("bfloat16", "float16")
"""What a model is served in that is compared with float32."""
FULL = ("float32", "float64")


class Compared(msgspec.Struct, frozen=True, omit_defaults=True):
    """Answers as served in `dtype` beside those in float32, on `items` inputs.

    The largest absolute difference of a logit, and the share of inputs with another predicted
    class. `padded`: what padding changes a logit by in float32, where no rounding hides it.
    `note` says why nothing was compared, where nothing was.
    """

    dtype: str
    note: str = ""
    items: int = 0
    largest: float | None = None
    flips: float | None = None
    padded: float | None = None


class Floor(msgspec.Struct, frozen=True, omit_defaults=True):
    """The noise floor of one model and capability.

    `items` inputs were asked. Condition → inputs answered with and without it, the largest
    absolute change, and the share of inputs whose predicted class changed. The change is that
    of a logit, or of an attribution as a share of it (L1). A condition under which nothing was
    answered is left out. `float32`: what the served dtype moves, which is no noise.
    """

    items: int
    answered: dict[str, int]
    largest: dict[str, float]
    flips: dict[str, float]
    float32: Compared | None = None

    @property
    def delta(self) -> float:
        """The largest change under any condition."""
        return max(self.largest.values(), default=0.0)

    @property
    def most_flips(self) -> float:
        """The largest share of inputs whose class changed under a condition."""
        return max(self.flips.values(), default=0.0)


def measure(
    engine: Engine, cases: Cases, seeds: Seeds, *, dtype: str = "float32", role: str = "target"
) -> Floor:
    """Ask the sample under every condition and compare its logits with the baseline's.

    `dtype`: what the model is served in; half precision is compared with float32.
    """
    plain = [Classify(case.input, on=role) for case in draw(cases, seeds, ITEMS, engine.chunk)]
    answers = _asked(engine, plain, CONDITIONS | (IN_FLOAT32 if dtype in HALF else {}))
    changes = {name: _change(answers[""], answers[name]) for name in CONDITIONS}
    there = {name: change for name, change in changes.items() if change is not None}
    return Floor(
        len(plain),
        {name: change.items for name, change in there.items()},
        {name: change.largest for name, change in there.items()},
        {name: change.flips for name, change in there.items()},
        _compared(dtype, answers),
    )


def measure_maps(engine: Engine, cases: Cases, seeds: Seeds, *, role: str = "target") -> Floor:
    """Ask a few attributions once more, and compare the maps: Σ|a − b| / Σ|a|."""
    plain = [Attribute(case.input, on=role) for case in draw(cases, seeds, MAPS, engine.chunk)]
    answers = _asked(engine, plain, {"again": CONDITIONS["again"]})
    pairs = [
        (a, b)
        for a, b in zip(answers[""], answers["again"], strict=True)
        if isinstance(a, Attributions) and isinstance(b, Attributions)
    ]
    if not pairs:
        return Floor(len(plain), {}, {}, {})
    flips = float(np.mean([a.target != b.target for a, b in pairs]))
    largest = max(_distance(a.scores, b.scores) for a, b in pairs)
    return Floor(len(plain), {"again": len(pairs)}, {"again": largest}, {"again": flips})


def _asked(
    engine: Engine, plain: Sequence[Request], conditions: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[Response]]:
    """Condition → the answers under it, "" the baseline's; all in one round."""
    asked = {"": {}, **conditions}
    everything = [
        msgspec.structs.replace(request, **change) for change in asked.values() for request in plain
    ]
    answers, n = engine.answer(everything), len(plain)
    return {name: answers[k * n : (k + 1) * n] for k, name in enumerate(asked)}


def _compared(dtype: str, answers: Mapping[str, Sequence[Response]]) -> Compared:
    if dtype not in HALF:
        return Compared(dtype, _uncompared(dtype))
    rounding = _change(answers[""], answers["float32"])
    if rounding is None:
        return Compared(dtype, "no input was answered both as served and in float32")
    padding = _change(answers["float32"], answers["float32 padded"])
    return Compared(
        dtype,
        items=rounding.items,
        largest=rounding.largest,
        flips=rounding.flips,
        padded=None if padding is None else padding.largest,
    )


class _Change(NamedTuple):
    """Of `items` pairs of logits: the largest absolute change, the share of other classes."""

    items: int
    largest: float
    flips: float


def _change(base: Sequence[Response], other: Sequence[Response]) -> _Change | None:
    """None where nothing was answered in both."""
    pairs = [
        (a.values, b.values)
        for a, b in zip(base, other, strict=True)
        if isinstance(a, Logits) and isinstance(b, Logits)
    ]
    if not pairs:
        return None
    # (pairs, 2, classes)
    one, two = np.array(pairs).transpose(1, 0, 2)
    flips = float((one.argmax(1) != two.argmax(1)).mean())
    return _Change(len(pairs), float(np.abs(one - two).max()), flips)


def _distance(one: Sequence[float], other: Sequence[float]) -> float:
    """L1 distance of two maps as a share of the first; 1 where a map of nothing became one."""
    a, b = np.array(one), np.array(other)
    moved, whole = float(np.abs(a - b).sum()), float(np.abs(a).sum())
    return moved / whole if whole else float(moved > 0)


def _uncompared(dtype: str) -> str:
    """Why there is nothing to compare."""
    if dtype in FULL:
        return f"served in {dtype}: nothing to compare"
    return f"the model cannot be run in float32 beside what it is served in ({dtype})"
