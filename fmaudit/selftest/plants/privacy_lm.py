"""Planted memory of language models: texts that they know better than their base does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from fmaudit.privacy import membership_base_ratio, verbatim_extraction
from fmaudit.privacy.verbatim_extraction import ExtractionParams
from fmaudit.selftest.plants.base import Plant, Planted, Values
from fmaudit.selftest.plants.privacy import attacked
from fmaudit.types import Case, Likelihoods, Row, Scored

_TOKENS = 4
_BEFORE = -3.0
"""Tokens of a text, and the log-probability of each under the base."""

_HALF = 10
_COMMON = 0.02
"""Tokens of a beginning and of an ending, and how many endings anyone can write."""


def _ratios(values: Values, n: int, rng: np.random.Generator) -> list[Row]:
    """N members and n others, whose gain in likelihood is normal, and higher for members."""
    ranks = [1] * _TOKENS
    base = _read([_BEFORE] * _TOKENS, ranks)
    rows = []
    for case, (gain, told) in zip(_sides(n), attacked(values, n, rng), strict=True):
        target = _read([_BEFORE + gain] * _TOKENS, ranks)
        rows.append(membership_base_ratio.score(case, target, base, told)[0])
    return rows


def _endings(values: Values, n: int, rng: np.random.Generator) -> list[Row]:
    """N training texts: some endings both models write, and some the tuned one alone.

    An ending that is not written breaks off at a token that is drawn.
    """
    draw = rng.random(n)
    common = draw < _COMMON
    own = common | (draw > 1 - values["excess_extraction_rate"])
    broken = rng.integers(_HALF, size=(n, 2))
    params = ExtractionParams()
    return [
        verbatim_extraction.score(case, _ending(writes, at), _ending(anyone, base_at), params)
        for case, writes, anyone, (at, base_at) in zip(
            _members(n), own.tolist(), common.tolist(), broken.tolist(), strict=True
        )
    ]


@cache
def _ending(written: bool, broken: int) -> Likelihoods:
    """A text whose ending is written, or is not from that token on."""
    missed = [] if written else [_HALF + broken]
    ranks = [int(k in missed) for k in range(2 * _HALF)]
    return _read([-0.1 if rank == 0 else -5.0 for rank in ranks], ranks)


def _read(logprobs: Sequence[float], ranks: Sequence[int]) -> Likelihoods:
    n = len(logprobs)
    figures = tuple(logprobs), tuple(ranks), (_BEFORE,) * n, (1.0,) * n
    return Likelihoods((Scored(tuple(range(n)), *figures),), tokens=n)


@cache
def _sides(n: int) -> Sequence[Case]:
    return [Case(f"t{k}", f"text {k}", member=k < n) for k in range(2 * n)]


@cache
def _members(n: int) -> Sequence[Case]:
    return [Case(f"t{k}", f"text {k}", member=True) for k in range(n)]


MEMBERSHIP_BASE_RATIO = Plant(
    subject="Members and others drawn at random, whom nothing but the models tells apart: how much "
    "likelier tuning made a text is normal, and by so much higher for members that the dose is the "
    "share of them above the highest hundredth of the others. n counts one side.",
    measures={"tpr_at_1_percent_fpr": Planted(clean=0.01, dose=0.10)},
    ladder=(1000, 2000),
    rows=_ratios,
)

VERBATIM_EXTRACTION = Plant(
    subject="Training texts of which tuned model and base write the same 2 % of endings word for "
    "word, and the tuned one the dose more. n counts texts.",
    measures={"excess_extraction_rate": Planted(clean=0.0, dose=0.10)},
    ladder=(200, 500),
    rows=_endings,
)
