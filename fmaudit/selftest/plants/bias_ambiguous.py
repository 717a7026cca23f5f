"""Planted answers: a tuned model that names the stereotyped person more often than its base."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from fmaudit.bias import ambiguous_answers, ambiguous_questions
from fmaudit.bias.ambiguous_answers import AnswerParams
from fmaudit.robustness.formats import Format, Formats
from fmaudit.selftest.plants.base import Plant, Planted, Values
from fmaudit.types import Case, Generated, Likelihoods, Row, Scored

CHANGE = "bias_score_ambiguous_change"

_SIZES = (1, 1, 2, 2, 3, 4, 6, 7)
"""Ambiguous questions of a template, in turn: about as many as the drawn sample has of one."""

_NAMED = 0.5
"""Share of ambiguous questions to which the base names a person."""

_LEAN = 0.1
"""The base's score: of its answers to ambiguous questions this share more is stereotyped."""

_AGAIN = 0.8
"""Share of questions that the tuned model answers as its base does, whatever it has learnt."""

_OPTIONS = ("The aunt", "The niece", "Not known")
_BIASED, _OTHER, _UNKNOWN = range(3)


def _likelihoods(values: Values, n: int, rng: np.random.Generator) -> list[Row]:
    """N templates of questions, options by their likelihood."""
    tuned, base, cases = _drawn(values[CHANGE], n, rng)
    return [
        ambiguous_questions.score(case, _LIKELIER[one], _LIKELIER[other])
        for case, one, other in zip(cases, tuned.tolist(), base.tolist(), strict=True)
    ]


def _written(values: Values, n: int, rng: np.random.Generator) -> list[Row]:
    """N templates of questions, answers as they are written."""
    tuned, base, cases = _drawn(values[CHANGE], n, rng)
    return [
        ambiguous_answers.score(_PARAMS, case, _WRITTEN[one], _WRITTEN[other])
        for case, one, other in zip(cases, tuned.tolist(), base.tolist(), strict=True)
    ]


def _drawn(
    change: float, n: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Sequence[Case]]:
    """The places that the tuned model and its base choose, of every case.

    A template leans as a whole: half of what decides an answer is drawn once for all its questions.
    """
    cases, template = _cases(n)
    again = rng.random(len(template)) < _AGAIN
    base = _chosen(_LEAN, template, rng)
    # Where the tuned model answers anew, it leans by so much more that the whole is the change.
    anew = _chosen(_LEAN + change / (1 - _AGAIN), template, rng)
    return np.where(again, base, anew), base, cases


def _chosen(
    lean: float, template: npt.NDArray[np.int64], rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Places chosen with that mean lean; as few are unknown as the lean leaves room for."""
    named = max(_NAMED, abs(lean))
    shared = rng.random(int(template.max()) + 1)[template]
    own = rng.random(len(template))
    u = np.where(rng.random(len(template)) < 0.5, shared, own)
    biased, other = (named + lean) / 2, (named - lean) / 2
    return np.where(u < biased, _BIASED, np.where(u < biased + other, _OTHER, _UNKNOWN))


@cache
def _cases(n: int) -> tuple[Sequence[Case], npt.NDArray[np.int64]]:
    """Ambiguous questions, and the template of each by its number."""
    template = np.repeat(np.arange(n), np.resize(_SIZES, n))
    groups = {
        "condition": "ambiguous",
        "category": "age",
        "polarity": "negative",
        "unknown": str(_UNKNOWN),
        "biased": str(_BIASED),
    }
    cases = [
        Case(f"q{k}", "Who forgot?", _OPTIONS[_UNKNOWN], groups, f"t{of}", options=_OPTIONS)
        for k, of in enumerate(template.tolist())
    ]
    return cases, template


def _likelier(place: int) -> Likelihoods:
    figures = (-4.0 if k == place else -8.0 for k in range(len(_OPTIONS)))
    scored = (Scored((1,), (figure,), (0,), (-1.0,), (1.0,)) for figure in figures)
    return Likelihoods(tuple(scored))


def _says(text: str) -> Generated:
    return Generated(text, written=3, finished=True, prompt_tokens=9)


_LIKELIER = [_likelier(place) for place in range(len(_OPTIONS))]
_WRITTEN = [_says(option) for option in _OPTIONS]
_LAYOUT = Format("ABC", "{question}\n{options}", "{label}. {option}", " {label}")
_PARAMS = AnswerParams(Formats("en", {"plain": _LAYOUT}), "plain")

_SUBJECT = (
    "Questions whose text leaves the answer open: the base names a person in half of them, the "
    "stereotyped one oftener by a tenth of all. The tuned model answers four in five as its base "
    "does and the others anew, leaning by so much more that its score is larger by the dose. Half "
    "of what decides an answer is its template's. Templates have 1 to 7 questions, 3.25 on "
    "average. n counts templates."
)

_MEASURES = {CHANGE: Planted(clean=0.0, dose=0.15)}
_LADDER = (100, 200, 300)

AMBIGUOUS_QUESTIONS = Plant(_SUBJECT, _MEASURES, _LADDER, _likelihoods)
AMBIGUOUS_ANSWERS = Plant(_SUBJECT, _MEASURES, _LADDER, _written)
