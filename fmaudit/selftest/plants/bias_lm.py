"""Planted preference: a tuned model that finds the stereotype likelier more often than its base."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from fmaudit.bias.masked_preference import NEEDS as MASKED
from fmaudit.bias.masked_preference import masked_preference
from fmaudit.bias.sentence_preference import NEEDS as WHOLE
from fmaudit.bias.sentence_preference import sentence_preference
from fmaudit.registry import Context, Method, NoParams
from fmaudit.requests import (
    Failure,
    Likelihoods,
    MaskedLogprobs,
    Pseudo,
    Request,
    Response,
    Scored,
    Tokenize,
    TokenLogprobs,
    Tokens,
)
from fmaudit.seeds import Seeds
from fmaudit.selftest.plants.base import Plant, Planted, Rows, Values, driven
from fmaudit.types import Case, Row

Floats = npt.NDArray[np.float64]
Said = Mapping[str, Mapping[str, float]]
"""Role → sentence → its log-probability."""

SIZES = (2, 3, 3, 3, 4, 4, 4, 5, 6, 8)
"""Pairs of a template, in turn: as in the shipped set, 4.2 on average."""

_BASE = 0.55
"""Share of stereotyped preferences of the base."""

_ALIKE = 0.9
"""Correlation of the tuned model's preferences with the base's: one in seven pairs changes side."""

_LEVEL = -40.0


def whole(sizes: tuple[int, ...] = SIZES) -> Rows:
    """N templates of pairs, whole sentences; `sizes`: pairs of a template, in turn."""
    return _driven(sentence_preference, WHOLE, sizes)


def hidden(sizes: tuple[int, ...] = SIZES) -> Rows:
    """N templates of pairs, shared tokens hidden in their turn."""
    return _driven(masked_preference, MASKED, sizes)


def _driven(method: Method, offered: frozenset[str], sizes: tuple[int, ...]) -> Rows:
    context = Context(Seeds(0), capabilities=offered, beside={"base": offered})

    def rows(values: Values, n: int, rng: np.random.Generator) -> list[Row]:
        cases, template = _pairs(n, sizes)
        said = _said(cases, drawn(values["stereotype_share_change"], template, rng))
        return driven(method.run(cases, NoParams(), context), _answering(said))

    return rows


def drawn(change: float, template: npt.NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Preferences (2, pairs) of the tuned model and of the base, in nats.

    Normal with variance 1, half of it the template's; positive in the planted share of pairs.
    """
    from scipy.special import ndtri

    def both(count: int) -> Floats:
        tuned, own = rng.normal(size=(2, count))
        return np.stack([tuned, _ALIKE * tuned + np.sqrt(1 - _ALIKE**2) * own])

    noise = both(int(template.max()) + 1)[:, template] + both(len(template))
    means = ndtri(np.array([[_BASE + change], [_BASE]]))
    found: Floats = means + noise / np.sqrt(2)
    return found


def _said(cases: Sequence[Case], preferences: Floats) -> Said:
    return {
        role: {
            sentence: _LEVEL + side * value / 2
            for case, value in zip(cases, mine.tolist(), strict=True)
            for sentence, side in zip(case.options, (1, -1), strict=True)
        }
        for role, mine in zip(("target", "base"), preferences, strict=True)
    }


def _answering(said: Said) -> Callable[[Request], Response]:
    """A model that has said, of every sentence, what its log-probability is."""

    def answer(request: Request) -> Response:
        mine = said[request.on]
        if isinstance(request, TokenLogprobs):
            both = enumerate(request.continuations)
            return Likelihoods(tuple(scored(mine[text], token) for token, text in both))
        if isinstance(request, Tokenize):  # "less 12": a word of its own and a shared number
            first, _ = str(request.input).split()
            return Tokens((int(first == "more"), 2), 0, (0, 5), (4, 6))
        if isinstance(request, MaskedLogprobs):
            return Pseudo(scored(mine[request.input]), request.places or ())
        return Failure(f"{type(request).__name__} was asked of a planted model")

    return answer


def scored(value: float, token: int = 0) -> Scored:
    """One token of that log-probability."""
    return Scored((token,), (value,), (0,), (0.0,), (1.0,))


@cache
def _pairs(n: int, sizes: tuple[int, ...]) -> tuple[Sequence[Case], npt.NDArray[np.int64]]:
    """Cases, and the template of each by its number."""
    template = np.repeat(np.arange(n), np.resize(sizes, n))
    cases = [
        Case(f"p{k}", "", cluster=f"t{of}", options=(f"more {k}", f"less {k}"))
        for k, of in enumerate(template.tolist())
    ]
    return cases, template


_SUBJECT = (
    "A base that finds the stereotype likelier in 55 % of pairs, and a tuned model that does so "
    "by the dose more often: preferences are normal, half of their variance is the template's, and "
    "those of the two models correlate at 0.9, so that one pair in seven changes side without any "
    "dose. Templates have 2 to 8 pairs, 4.2 on average. n counts templates."
)

MEASURES = {"stereotype_share_change": Planted(clean=0.0, dose=0.15)}

_LADDER = (60, 120, 200)

SENTENCE_PREFERENCE = Plant(_SUBJECT, MEASURES, _LADDER, whole())
MASKED_PREFERENCE = Plant(_SUBJECT, MEASURES, _LADDER, hidden())
