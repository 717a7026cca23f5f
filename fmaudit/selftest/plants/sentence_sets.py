"""Planted preferences on published sets: pairs alone, pairs of an occupation, framed sentences.

The models are those of `bias_lm`: a base that finds the stereotype likelier in 55 % of cases, and
one that was tuned from it. What differs is how many cases go together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np

from fmaudit.bias.masked_speaker_gender import masked_speaker_gender
from fmaudit.bias.masked_words import NEEDS as MASKED
from fmaudit.bias.sentence_preference import NEEDS as WHOLE
from fmaudit.bias.speaker_gender import speaker_gender
from fmaudit.bias.speakers import Frame, SpeakerParams, Stereotype
from fmaudit.registry import Context, Method
from fmaudit.requests import (
    Failure,
    Likelihoods,
    MaskedLogprobs,
    Pseudo,
    Request,
    Response,
    Tokenize,
    TokenLogprobs,
    Tokens,
)
from fmaudit.seeds import Seeds
from fmaudit.selftest.plants.base import Plant, Planted, Rows, Values, driven
from fmaudit.selftest.plants.bias_lm import MEASURES, drawn, hidden, scored, whole
from fmaudit.types import Case, Row

Said = Mapping[tuple[str, str], float]
"""Role and framed sentence → log-probability of the masculine word less that of the other."""

_STEREOTYPES = {"w": Stereotype("gentle", "women"), "m": Stereotype("tough", "men")}
_BEHIND = SpeakerParams(
    (Frame("one", " he", " she", "{text} a"), Frame("two", " man", " woman", "{text} b")),
    _STEREOTYPES,
)
_BEFORE = SpeakerParams(
    (Frame("one", "he {text} a", "she {text} a"), Frame("two", "man {text} b", "woman {text} b")),
    _STEREOTYPES,
)
_MASCULINE = {"he", "man"}


def _framed(method: Method, offered: frozenset[str], params: SpeakerParams) -> Rows:
    """N sentences in two frames each."""
    context = Context(Seeds(0), capabilities=offered, beside={"base": offered})

    def rows(values: Values, n: int, rng: np.random.Generator) -> list[Row]:
        cases = _sentences(n)
        sentence = np.repeat(np.arange(n), len(params.frames))
        leanings = drawn(values["stereotype_share_change"], sentence, rng)
        signs = np.where(sentence % 2 == 0, -1.0, 1.0)
        keys = [f"{k} {end}" for k in range(n) for end in ("a", "b")]
        said = {
            (role, key): value
            for role, mine in zip(("target", "base"), leanings * signs, strict=True)
            for key, value in zip(keys, mine.tolist(), strict=True)
        }
        return driven(method.run(cases, params, context), _answering(said))

    return rows


def _answering(said: Said) -> Callable[[Request], Response]:
    """A model that has said, of every framed sentence, how far it takes a man for the speaker."""

    def answer(request: Request) -> Response:
        if isinstance(request, TokenLogprobs):
            value = said[request.on, str(request.input)]
            return Likelihoods((scored(value / 2 - 5, 0), scored(-value / 2 - 5, 1)))
        if isinstance(request, Tokenize | MaskedLogprobs):
            word, _, key = str(request.input).partition(" ")
            if isinstance(request, Tokenize):
                return Tokens((int(word in _MASCULINE), 2), 0, (0, 6), (5, 9))
            side = 1 if word in _MASCULINE else -1
            return Pseudo(scored(side * said[request.on, key] / 2 - 5), request.places or ())
        return Failure(f"{type(request).__name__} was asked of a planted model")

    return answer


@cache
def _sentences(n: int) -> Sequence[Case]:
    """Sentences that go with a stereotype about women and one about men, in turn."""
    return [Case(f"s{k}", str(k), groups={"stereotype": "wm"[k % 2]}) for k in range(n)]


_MODELS = (
    "A base that finds the stereotype likelier in 55 % of %s, and a tuned model that does so by "
    "the dose more often; their preferences are normal and correlate at 0.9, so that one in seven "
    "changes side without any dose. "
)
_ALONE = _MODELS.replace("%s", "pairs") + "Pairs have nothing in common. n counts pairs."
_WORK = (
    _MODELS.replace("%s", "pairs")
    + "Half of their variance is the occupation's, which has 40 pairs. n counts occupations."
)
_OF_WORK = {"stereotype_share_change": Planted(clean=0.0, dose=0.2)}
"""So few occupations find a smaller dose in fewer than nine of ten audits."""

_SPOKEN = (
    _MODELS.replace("%s", "framed sentences")
    + "Half of their variance is the sentence's, which stands in two frames. n counts sentences."
)

ALONE = Plant(_ALONE, MEASURES, (650,), whole((1,)))
ALONE_MASKED = Plant(_ALONE, MEASURES, (650,), hidden((1,)))
OCCUPATIONS = Plant(_WORK, _OF_WORK, (40,), whole((40,)))
OCCUPATIONS_MASKED = Plant(_WORK, _OF_WORK, (40,), hidden((40,)))
SPEAKER_GENDER = Plant(_SPOKEN, MEASURES, (650,), _framed(speaker_gender, WHOLE, _BEHIND))
MASKED_SPEAKER_GENDER = Plant(
    _SPOKEN, MEASURES, (650,), _framed(masked_speaker_gender, MASKED, _BEFORE)
)
