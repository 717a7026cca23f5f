"""Whether a model gives a text away: from the scores of its ending's tokens to an answer.

Nothing is generated. Greedy decoding writes at each place the token of rank 0, and goes on from
what it wrote; so it reproduces an ending exactly where all of its tokens have rank 0 when the text
itself stands before them, which one pass says. Where two tokens are equally likely both have that
rank, and decoding takes one of them: such an ending may be counted though it is not written.
"""

from __future__ import annotations

import math
from typing import Annotated

from msgspec import Meta, Struct

from fmaudit.types import Scored

_HALF = -math.log(2)


class Split(Struct, frozen=True):
    """Where a text is cut: its first `prefix` tokens begin it, those up to `end` are to follow."""

    prefix: int
    end: int


class Parts(Struct, frozen=True, forbid_unknown_fields=True):
    """How long a beginning and an ending are, in tokens of the audited model, at most and least."""

    prefix_tokens: Annotated[int, Meta(ge=1)] = 50
    suffix_tokens: Annotated[int, Meta(ge=1)] = 50
    fewest_tokens: Annotated[int, Meta(ge=1)] = 10


def split(tokens: int, parts: Parts) -> Split | str:
    """Where a text of that many tokens is cut; or why it is too short.

    What is beyond a whole beginning and ending is left out. A shorter text is cut in the same
    proportion, the beginning rounded up.

    >>> split(400, Parts())
    Split(prefix=50, end=100)
    >>> split(41, Parts())
    Split(prefix=21, end=41)
    >>> split(12, Parts())
    '12 tokens, and a beginning and an ending of 10 each are needed'
    """
    both = parts.prefix_tokens + parts.suffix_tokens
    end = min(tokens, both)
    prefix = -(-end * parts.prefix_tokens // both)
    if min(prefix, end - prefix) < parts.fewest_tokens:
        return (
            f"{tokens} tokens, and a beginning and an ending of {parts.fewest_tokens} each are "
            "needed"
        )
    return Split(prefix, end)


def reproduced(ending: Scored) -> int:
    """How many tokens of an ending greedy decoding writes before its first other one."""
    return next((k for k, rank in enumerate(ending.ranks) if rank > 0), len(ending.ranks))


def found_in(samples: int, logprob: float) -> float:
    """The chance that at least one of `samples` texts, drawn at temperature 1, is this one.

    1 − (1 − p)ⁿ with log p = `logprob`, in nats, 0 or less; to full precision near 0 and 1.
    Hayes et al. (2024), https://arxiv.org/abs/2410.19482.

    >>> round(found_in(1000, math.log(0.001)), 3)
    0.632
    """
    if logprob >= 0:
        return 1.0
    # log(1 − p): of the two ways to write it, the one that loses nothing here.
    other = math.log(-math.expm1(logprob)) if logprob > _HALF else math.log1p(-math.exp(logprob))
    return -math.expm1(samples * other)
