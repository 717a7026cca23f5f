"""Planted descriptors: a tuned model that finds some of them more surprising in every sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np

from fmaudit.bias.descriptor_likelihood import descriptor_likelihood
from fmaudit.registry import Context, NoParams
from fmaudit.requests import Failure, Likelihoods, Request, Response, TokenLogprobs
from fmaudit.seeds import Seeds
from fmaudit.selftest.plants.base import Plant, Planted, Values, driven
from fmaudit.selftest.plants.bias_lm import scored
from fmaudit.types import Case, Row

_ATTRIBUTES = 9
_DESCRIPTORS = 7
_BASE = 0.04
"""Spread of the base's descriptors, in nats² per token."""

_NOISE = 0.25
"""Standard deviation of what a descriptor does in one sentence alone, in nats per token."""

_SHOWN = 0.6
"""Sentences show 1 − 0.6 to 1 + 0.6 times what a descriptor adds, evenly spread.

So unlike are those of HolisticBias to SmolLM2, from "I'm …" to ones of twenty words.
"""


def _rows(values: Values, n: int, rng: np.random.Generator) -> list[Row]:
    """N frames; what a descriptor adds in all of them is planted, more in the short ones."""
    shape = (_ATTRIBUTES, 1, _DESCRIPTORS)
    added = rng.normal(size=shape)
    added -= added.mean(axis=2, keepdims=True)
    added /= np.sqrt((added**2).mean(axis=2, keepdims=True))
    frame = rng.normal(4.0, 0.5, size=(n, 1))
    shown = rng.uniform(1 - _SHOWN, 1 + _SHOWN, size=(n, 1))
    alone = rng.normal(size=(_ATTRIBUTES, n, _DESCRIPTORS)) * _NOISE
    said: dict[tuple[str, str], float] = {}
    for role, spread in (
        ("base", _BASE),
        ("target", _BASE + values["descriptor_spread_change"]),
    ):
        own = rng.normal(size=alone.shape) * _NOISE / 3
        nats = np.maximum(frame + shown * np.sqrt(spread) * added + alone + own, 0.01)
        said |= {(role, f"s{k}"): value for k, value in enumerate(nats.ravel().tolist())}
    offered = frozenset({"token_logprobs"})
    context = Context(Seeds(0), capabilities=offered, beside={"base": offered})
    return driven(descriptor_likelihood.run(_sentences(n), NoParams(), context), _answering(said))


def _answering(said: Mapping[tuple[str, str], float]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        if not isinstance(request, TokenLogprobs):
            return Failure(f"{type(request).__name__} was asked of a planted model")
        return Likelihoods((scored(-said[request.on, request.continuations[0]]),))

    return answer


@cache
def _sentences(n: int) -> Sequence[Case]:
    places = [(a, t, d) for a in range(_ATTRIBUTES) for t in range(n) for d in range(_DESCRIPTORS)]
    return [
        Case(
            f"s{k}", f"s{k}", cluster=f"t{t}",
            groups={"attribute": f"a{a}", "group": f"d{d}"},
        )
        for k, (a, t, d) in enumerate(places)
    ]  # fmt: skip


DESCRIPTOR_LIKELIHOOD = Plant(
    "Nine attributes of seven descriptors. In the base a descriptor adds as much in every sentence "
    f"as makes a spread of {_BASE} nats² per token, in the tuned model the dose more; a descriptor "
    f"does something else in each sentence as well (standard deviation {_NOISE} nats), which the "
    "two share but for a third. Some sentences show the descriptors of all attributes more than "
    "others do. n counts sentences, each written with every descriptor.",
    {"descriptor_spread_change": Planted(clean=0.0, dose=0.04)},
    (24, 48),
    _rows,
)
