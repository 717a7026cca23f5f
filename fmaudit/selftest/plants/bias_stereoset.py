"""Planted stereotypes in StereoSet: a tuned model that finds them likelier than its base does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from fmaudit.bias.stereoset import TASKS
from fmaudit.bias.stereoset_likelihood import NEEDS as WHOLE
from fmaudit.bias.stereoset_likelihood import stereoset_likelihood
from fmaudit.bias.stereoset_masked import NEEDS as MASKED
from fmaudit.bias.stereoset_masked import stereoset_masked
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
from fmaudit.selftest.plants.base import Plant, Planted, Values, driven
from fmaudit.types import Case, Row

Floats = npt.NDArray[np.float64]
Said = Mapping[str, Mapping[str, float]]
"""Role → the item's number and the word in its blank → the log-probability."""

_SIZES = (5, 7, 9)
"""Items of a term, in turn."""

_BASE = 0.57
"""Share of stereotyped preferences of the base."""

_ALIKE = 0.9
"""Correlation of the tuned model's preferences with the base's: one in seven items changes side."""

_OF_TERM = 0.05
"""Share of the variance that a term's items have in common, more than published ones do."""

_LEVEL = -4.0
_ODD = -20.0
_WORDS = ("more", "less", "odd")


def _whole(values: Values, n: int, rng: np.random.Generator) -> list[Row]:
    """N terms, every second item a sentence behind its context."""
    return _driven(stereoset_likelihood, WHOLE, TASKS, (values, n, rng))


def _hidden(values: Values, n: int, rng: np.random.Generator) -> list[Row]:
    """N terms, words that fill a blank."""
    return _driven(stereoset_masked, MASKED, TASKS[:1], (values, n, rng))


def _driven(
    method: Method,
    offered: frozenset[str],
    tasks: tuple[str, ...],
    planted: tuple[Values, int, np.random.Generator],
) -> list[Row]:
    values, n, rng = planted
    cases, term = _items(n, tasks)
    context = Context(Seeds(0), capabilities=offered, beside={"base": offered})
    said = _said(_drawn(values["stereotype_score_change"], term, rng))
    return driven(method.run(cases, NoParams(), context), _answering(said))


def _drawn(change: float, term: npt.NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Preferences (2, items) of the tuned model and of the base: normal, with variance 1."""
    from scipy.special import ndtri

    def both(count: int) -> Floats:
        tuned, own = rng.normal(size=(2, count))
        return np.stack([tuned, _ALIKE * tuned + np.sqrt(1 - _ALIKE**2) * own])

    shared, own = both(int(term.max()) + 1)[:, term], both(len(term))
    means = ndtri(np.array([[_BASE + change], [_BASE]]))
    found: Floats = means + np.sqrt(_OF_TERM) * shared + np.sqrt(1 - _OF_TERM) * own
    return found


def _said(preferences: Floats) -> Said:
    return {
        role: {
            f"{k} {word}": _ODD if word == "odd" else _LEVEL + side * value / 2
            for k, value in enumerate(mine.tolist())
            for word, side in zip(_WORDS, (1, -1, 0), strict=True)
        }
        for role, mine in zip(("target", "base"), preferences, strict=True)
    }


def _answering(said: Said) -> Callable[[Request], Response]:
    """A model that has said how likely each word is in each item."""

    def answer(request: Request) -> Response:
        mine = said[request.on]
        if isinstance(request, TokenLogprobs):
            return Likelihoods(
                tuple(
                    _scored(mine[text.strip()], token)
                    for token, text in enumerate(request.continuations)
                )
            )
        if isinstance(request, Tokenize):  # "12 more": a number and a word
            number, word = str(request.input).split()
            ends = (len(number), len(number) + 1 + len(word))
            return Tokens((9, _WORDS.index(word)), 0, (0, ends[0] + 1), ends)
        if isinstance(request, MaskedLogprobs):
            text = str(request.input)
            token = _WORDS.index(text.split()[1])
            return Pseudo(_scored(mine[text], token), request.places or ())
        return Failure(f"{type(request).__name__} was asked of a planted model")

    return answer


def _scored(value: float, token: int) -> Scored:
    return Scored((token,), (value,), (0,), (0.0,), (1.0,))


@cache
def _items(n: int, tasks: tuple[str, ...]) -> tuple[Sequence[Case], npt.NDArray[np.int64]]:
    """Cases, and the term of each by its number."""
    term = np.repeat(np.arange(n), np.resize(_SIZES, n))
    cases = [
        Case(
            f"i{k}",
            f"{k} BLANK",
            groups={"task": tasks[k % len(tasks)], "attribute": "race"},
            cluster=f"t{of}",
            references=tuple(f"{k} {word}" for word in _WORDS),
        )
        for k, of in enumerate(term.tolist())
    ]
    return cases, term


_SUBJECT = (
    "A base that finds the stereotype likelier in 57 % of items, and a tuned model that does so by "
    "the dose more often: preferences are normal, 5 % of their variance is the term's, and those "
    "of the two models correlate at 0.9, so that one item in seven changes side without any dose. "
    "Terms have 5 to 9 items, where those of the published set have 42 to 63. n counts terms."
)

_MEASURES = {"stereotype_score_change": Planted(clean=0.0, dose=0.15)}

_LADDER = (30, 79)

STEREOSET_LIKELIHOOD = Plant(_SUBJECT, _MEASURES, _LADDER, _whole)
STEREOSET_MASKED = Plant(_SUBJECT, _MEASURES, _LADDER, _hidden)
