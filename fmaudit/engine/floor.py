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
from fmaudit.types import (
    Attribute,
    Attributions,
    Classify,
    Fills,
    Generated,
    Likelihoods,
    Logits,
    Pseudo,
    Request,
    Response,
)

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

DECIDED = ("classify", "token_logprobs")
"""Capabilities whose flips are decisions that a rule may hang on."""

HALF = ("bfloat16", "float16")
"""What a model is served in that is compared with float32."""
FULL = ("float32", "float64")


class Compared(msgspec.Struct, frozen=True, omit_defaults=True):
    """Answers as served in `dtype` beside those in float32, on `items` inputs.

    The largest absolute difference of a logit (of a text's log-likelihood), and the share of
    inputs with another predicted class (another continuation that is the likeliest). `padded`:
    what padding changes it by in float32, where no rounding hides it. `first`: share of prompts
    whose first continuation is the likeliest, in float32 less as served: what the rounding alone
    moves a preference by. `note` says why nothing was compared, where nothing was.
    """

    dtype: str
    note: str = ""
    items: int = 0
    largest: float | None = None
    flips: float | None = None
    padded: float | None = None
    first: float | None = None


class Floor(msgspec.Struct, frozen=True, omit_defaults=True):
    """The noise floor of one model and capability.

    `items` inputs were asked. Condition → inputs answered with and without it, the largest
    absolute change, and the share of inputs whose predicted class changed. The change is that of a
    logit, of a text's log-likelihood or a word's log-probability in nats, or of an attribution as a
    share of it (L1); of a written answer, 1 where it is another. In place of classes stand the
    likeliest of several continuations, and written answers; where there are none, a condition has
    no flips. A condition under which nothing was answered is left out. `float32`: what the served
    dtype moves, which is no noise.
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
    return compare(engine, plain, dtype=dtype)


def compare(engine: Engine, plain: Sequence[Request], *, dtype: str = "float32") -> Floor:
    """Ask these requests under every condition and compare their answers with the baseline's."""
    answers = _asked(engine, plain, CONDITIONS | (IN_FLOAT32 if dtype in HALF else {}))
    changes = {name: _change(answers[""], answers[name]) for name in CONDITIONS}
    there = {name: change for name, change in changes.items() if change is not None}
    return Floor(
        len(plain),
        {name: change.items for name, change in there.items()},
        {name: change.largest for name, change in there.items()},
        {name: change.flips for name, change in there.items() if change.flips is not None},
        _compared(dtype, answers),
    )


def unsteady(found: Mapping[str, Floor]) -> float:
    """The largest share of decisions that change when the same is asked again.

    Decisions are predicted classes, and the likeliest of several continuations.
    """
    return max((found[kind].most_flips for kind in DECIDED if kind in found), default=0.0)


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
        first=_first(answers[""], answers["float32"]),
    )


class _Change(NamedTuple):
    """Of `items` pairs of answers: the largest change, and the share of other decisions, if any."""

    items: int
    largest: float
    flips: float | None


def _change(base: Sequence[Response], other: Sequence[Response]) -> _Change | None:
    """None where nothing was answered in both."""
    moved = [m for a, b in zip(base, other, strict=True) if (m := _moved(a, b)) is not None]
    if not moved:
        return None
    flips = [flip for _, flip in moved if flip is not None]
    largest = max(change for change, _ in moved)
    return _Change(len(moved), largest, float(np.mean(flips)) if flips else None)


def _moved(one: Response, other: Response) -> tuple[float, bool | None] | None:
    """How far two answers lie apart, and whether they decide otherwise; None where one is none."""
    if isinstance(one, Logits) and isinstance(other, Logits):
        return _apart(one.values, other.values)
    if isinstance(one, Likelihoods) and isinstance(other, Likelihoods):
        return _apart([s.total for s in one.scored], [s.total for s in other.scored])
    if isinstance(one, Pseudo) and isinstance(other, Pseudo):
        return _apart([one.scored.total], [other.scored.total])
    if isinstance(one, Fills) and isinstance(other, Fills) and one.words and other.words:
        return max(_gone(one, other), _gone(other, one)), None
    if isinstance(one, Generated) and isinstance(other, Generated):
        changed = one.text != other.text
        return float(changed), changed
    return None


def _apart(one: Sequence[float], other: Sequence[float]) -> tuple[float, bool | None]:
    a, b = np.asarray(one), np.asarray(other)
    flip = bool(a.argmax() != b.argmax()) if len(a) > 1 else None
    return float(np.abs(a - b).max()), flip


def _gone(one: Fills, other: Fills) -> float:
    """How far one's words moved, in nats; one that is not among the other's at least to its end."""
    there, end = dict(zip(other.words, other.logprobs, strict=True)), other.logprobs[-1]
    listed = zip(one.words, one.logprobs, strict=True)
    return max(abs(p - there[w]) if w in there else max(0.0, p - end) for w, p in listed)


def _first(served: Sequence[Response], full: Sequence[Response]) -> float | None:
    """Share of prompts whose first continuation is the likeliest, in float32 less as served."""
    pairs = [
        (_leads(a), _leads(b))
        for a, b in zip(served, full, strict=True)
        if isinstance(a, Likelihoods) and isinstance(b, Likelihoods) and len(a.scored) > 1
    ]
    return float(np.mean([b for _, b in pairs]) - np.mean([a for a, _ in pairs])) if pairs else None


def _leads(answer: Likelihoods) -> bool:
    totals = [scored.total for scored in answer.scored]
    return totals[0] > max(totals[1:])


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
