"""Planted explanations of answers: prompts of which a few words move the answer's likelihood."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from fmaudit.explanations.answer_span import AnswerParams, explained
from fmaudit.explanations.words import HIDDEN
from fmaudit.registry import Context
from fmaudit.seeds import Seeds
from fmaudit.selftest.plants.base import Plant, Planted, Values, driven
from fmaudit.types import (
    Case,
    Generate,
    Generated,
    Likelihoods,
    Request,
    Response,
    Row,
    Scored,
)

_WORDS = (8, 12)
"""Words of a prompt: at least, at most."""

_MOVES = tuple(0.15 * move for move in (-4, -3, -2, -1, 1, 2, 3, 4))
"""By how much a planted word moves the logit of the answer's probability."""

_PLANTED = 3
"""So many of them stand in a prompt."""

_PARAMS = AnswerParams()
"""As the card has them."""

_TRUE, _SHUFFLED, _REVERSED = 1, 0, -1
_QUALITY = {0.122: _TRUE, 0.0: _SHUFFLED, -0.122: _REVERSED}
"""Excess comprehensiveness → what hiding does, on 20,000 such prompts."""


class _Prompt:
    """A prompt, and a model that answers it: each word moves the answer when it is left out.

    What a word does when it is hidden is the same, what another word does, or the opposite.
    """

    def __init__(self, quality: int, rng: np.random.Generator) -> None:
        n = int(rng.integers(*_WORDS, endpoint=True))
        self.words = [f"word{k}" for k in range(n)]
        self.moves = np.zeros(n)
        places = rng.permutation(n)[:_PLANTED]
        self.moves[places] = rng.choice(_MOVES, _PLANTED, replace=False)
        self.hidden: npt.NDArray[np.float64] = (
            self.moves * quality if quality else rng.permutation(self.moves)
        )

    def answer(self, request: Request) -> Response:
        """One token, of a probability that the words of the prompt decide."""
        if isinstance(request, Generate):
            return Generated("yes", 1, True)
        assert isinstance(request.input, str)
        there = request.input.split()
        if HIDDEN in there:
            gone = [k for k, word in enumerate(there) if word == HIDDEN]
            logit = self.moves.sum() - self.hidden[gone].sum()
        else:
            logit = math.fsum(self.moves[self.words.index(word)] for word in there)
        chance = -math.log1p(math.exp(-logit))
        return Likelihoods((Scored((0,), (chance,), (0,), (-1.0,), (1.0,)),))


def _rows(values: Values, n: int, rng: np.random.Generator) -> list[Row]:
    """Rows of n explained prompts, each by the method itself."""
    quality = _QUALITY[values["excess_comprehensiveness"]]
    context = Context(
        Seeds(int(rng.integers(2**31))), capabilities=frozenset({"token_logprobs", "generate"})
    )
    rows = []
    for k in range(n):
        prompt = _Prompt(quality, rng)
        case = Case(f"t{k}", " ".join(prompt.words))
        row = driven(explained(case, _PARAMS, context), prompt.answer)
        assert isinstance(row, Row), row
        rows.append(row)
    return rows


ANSWER_SPAN = Plant(
    subject=(
        "Prompts of 8 to 12 words, three of which move the probability of the answer when they "
        'are left out; hidden behind "..." they do the same, at the threshold what other words do, '
        "as the dose the opposite. n counts prompts."
    ),
    measures={
        "excess_comprehensiveness": Planted(clean=0.122, dose=-0.122),
        "excess_sufficiency": Planted(clean=-0.123, dose=0.123),
    },
    ladder=(100,),
    rows=_rows,
)
