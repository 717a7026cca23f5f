"""Planted explanations: texts that a few words decide, and maps of them that are true or false."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from fmaudit.explanations import certificate
from fmaudit.explanations.words import words_of
from fmaudit.selftest.plants.base import CLASSES, Plant, Planted, Rows, Values, driven
from fmaudit.types import Case, Logits, Request, Row

_WORDS = (8, 12)
"""Words of a text: at least, at most."""

_MOVES = {f"sign{k}": 0.15 * move for k, move in enumerate((-4, -3, -2, -1, 1, 2, 3, 4))}
"""Planted words: by how much each moves the logit of "yes"."""

_PLANTED = 3
"""So many of them stand in a text."""

_ORDERS = 5
"""Orders drawn at random, as many as the cards have."""

_TRUE, _SHUFFLED, _REVERSED = 1, 0, -1
_QUALITY = {0.140: _TRUE, 0.0: _SHUFFLED, -0.104: _REVERSED}
"""Excess comprehensiveness → the map that has it, on 20,000 such texts."""

_CERTIFICATE = {
    "excess_comprehensiveness": Planted(clean=0.140, dose=-0.104),
    "excess_sufficiency": Planted(clean=-0.137, dose=0.109),
}
_SUBJECT = (
    "Texts of 8 to 12 words, three of which move the probabilities; a map of what each word does, "
    "at the threshold its scores shuffled, as the dose its signs reversed, is certified by asking. "
    "n counts texts."
)


def _maps(further: Callable[[Values, np.random.Generator], Mapping[str, object]]) -> Rows:
    """Rows of n explained texts; `further` draws what the method finds beside the certificate."""

    def rows(values: Values, n: int, rng: np.random.Generator) -> list[Row]:
        quality = _QUALITY[values["excess_comprehensiveness"]]
        texts = [_text(rng) for _ in range(n)]
        return [
            Row(Case(f"t{k}", text), {**further(values, rng), **_certified(text, quality, rng)})
            for k, text in enumerate(texts)
        ]

    return rows


def _text(rng: np.random.Generator) -> str:
    """Some of the planted words among others, in any order."""
    others = int(rng.integers(*_WORDS, endpoint=True)) - _PLANTED
    planted = rng.choice(list(_MOVES), _PLANTED, replace=False)
    words = [*planted, *(f"word{k}" for k in range(others))]
    return " ".join(words[k] for k in rng.permutation(len(words)))


def _certified(text: str, quality: int, rng: np.random.Generator) -> Mapping[str, object]:
    """The certificate of a map of that quality, for the class that the model decides for."""
    words = words_of(text)
    moves = np.array([_MOVES.get(word.text, 0.0) for word in words])
    predicted = int(moves.sum() > 0)
    scores = (moves if predicted else -moves) * (quality or 1)
    asks = certificate.certify(
        text,
        words,
        (scores if quality else rng.permutation(scores)).tolist(),
        predicted,
        CLASSES,
        rng,
        _ORDERS,
    )
    found = driven(asks, _answer)
    assert isinstance(found, Mapping), found
    return found


def _answer(request: Request) -> Logits:
    """The planted words that still stand in the text decide; the others say nothing."""
    assert isinstance(request.input, str)
    return Logits((0.0, math.fsum(_MOVES.get(word, 0.0) for word in request.input.split())))


INTEGRATED_GRADIENTS = Plant(
    subject=f"{_SUBJECT} Each integral converges with the planted probability.",
    measures={"converged_share": Planted(clean=1.0, dose=0.7), **_CERTIFICATE},
    ladder=(100,),
    rows=_maps(lambda values, rng: {"converged": rng.random() < values["converged_share"]}),
)

PARTITION_SHAP = Plant(
    subject=_SUBJECT,
    measures=_CERTIFICATE,
    ladder=(100,),
    rows=_maps(lambda values, rng: {}),
)
