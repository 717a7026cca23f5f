"""Is a map of word scores true to the model: what it is beside orders of words drawn at random.

The words that score highest are removed, or they alone are kept, and the model is asked again.
A faithful map names the words without which the probability of what the model said falls, and
which alone hold it up. Words are left out here, and never hidden behind a mask or blended into
one as the methods do that make the maps: what a map is judged by, it has not seen.

`certify` does it for a class; what it is made of (`orders`, `answered`, `compared`) does it for
anything that has a probability behind a text.

Comprehensiveness and sufficiency: DeYoung et al. (2020), ERASER,
https://doi.org/10.18653/v1/2020.acl-main.408.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from fmaudit.engine.asks import ask
from fmaudit.explanations.words import Word, only
from fmaudit.scoring import classification
from fmaudit.types import Asks, Classify, Failure, Input, Request, Response

PERCENTS = (1, 5, 10, 20, 50)
"""Shares of the words that are removed or kept: ERASER's bins."""

MOVED = 0.001
"""The least change of a probability to compare orders by. Where no text changes it by that much,
the words do not move the decision, and a map would win or lose by the last digits of a logit."""

UNMOVED = "nothing to certify: no words, removed or kept, move the probability of the decision"

CERTIFIED: Mapping[str, Any] = {
    "comprehensiveness": float,
    "sufficiency": float,
    "random_comprehensiveness": float,
    "random_sufficiency": float,
    "rank_p": float,
}
"""The columns that `certify` returns."""


class Erasure(Struct, frozen=True):
    """One order of a text's words: the texts without its first k, and with those alone."""

    removed: tuple[Input, ...]
    kept: tuple[Input, ...]


def certify(
    value: Input,
    words: Sequence[Word],
    scores: Sequence[float],
    predicted: int,
    classes: Sequence[str],
    rng: np.random.Generator,
    random_orders: int,
) -> Asks[Mapping[str, Any] | str | Failure]:
    """The columns of `CERTIFIED` for one map: signed `scores`, one a word, for class `predicted`.

    Equal scores are ordered at random, so that a map which says nothing is a random one. Asks
    `Classify` alone. A reason where there is nothing to compare orders by (see `MOVED`); an answer
    that cannot be used gives a `Failure`.
    """
    tried = orders(value, words, scores, rng, random_orders)
    answers = yield from answered(value, tried, lambda text: Classify(input=text))
    return certificate(value, tried, answers, predicted, classes)


def certificate(
    value: Input,
    tried: Sequence[Erasure],
    answers: Mapping[Input, Response],
    predicted: int,
    classes: Sequence[str],
) -> Mapping[str, Any] | str | Failure:
    """The columns of `CERTIFIED` from the model's answers; of `tried` the first is the map's.

    `comprehensiveness` = mean over k of p(base) − p(removed), higher is more faithful;
    `sufficiency` = mean over k of p(base) − p(kept), lower is more faithful; p is the
    probability of class `predicted`, so both lie between −1 and 1. `random_*`: their means over
    the other orders. `rank_p` = (1 + the orders at least as comprehensive) / (1 + the orders).
    `UNMOVED` where no text of any order moves p by `MOVED`.
    """

    def chance(response: Response) -> float | Failure:
        answer = classification(response, classes)
        return answer if isinstance(answer, Failure) else answer[1][predicted]

    found = compared(value, tried, answers, chance)
    return UNMOVED if found is None else found


def orders(
    value: Input,
    words: Sequence[Word],
    scores: Sequence[float],
    rng: np.random.Generator,
    random_orders: int,
) -> tuple[Erasure, ...]:
    """The texts to ask for: first by the order of the scores, then by orders drawn at random."""
    found = [ranked(scores, rng), *(rng.permutation(len(words)) for _ in range(random_orders))]
    return tuple(erasure(value, words, [int(k) for k in order]) for order in found)


def answered(
    value: Input, tried: Sequence[Erasure], asked: Callable[[Input], Request]
) -> Asks[dict[Input, Response]]:
    """The model's answers at `value` and at every text of `tried`, each text asked once."""
    texts = dict.fromkeys([value, *chain.from_iterable((*t.removed, *t.kept) for t in tried)])
    answers = yield from ask([asked(text) for text in texts])
    return dict(zip(texts, answers, strict=True))


def compared(
    value: Input,
    tried: Sequence[Erasure],
    answers: Mapping[Input, Response],
    chance: Callable[[Response], float | Failure],
) -> Mapping[str, Any] | Failure | None:
    """The columns of `CERTIFIED`, as in `certificate`; `chance`: an answer's probability.

    None where no text of any order moves it by `MOVED`.
    """
    p: dict[Input, float] = {}
    for text, response in answers.items():
        found = chance(response)
        if isinstance(found, Failure):
            return Failure(f"without some words: {found.reason}", found.transient)
        p[text] = found
    if all(abs(p[value] - other) < MOVED for other in p.values()):
        return None
    comprehensive = [fmean(p[value] - p[text] for text in each.removed) for each in tried]
    sufficient = [fmean(p[value] - p[text] for text in each.kept) for each in tried]
    return {
        "comprehensiveness": comprehensive[0],
        "sufficiency": sufficient[0],
        "random_comprehensiveness": fmean(comprehensive[1:]),
        "random_sufficiency": fmean(sufficient[1:]),
        "rank_p": rank_p(comprehensive[0], comprehensive[1:]),
    }


def rank_p(found: float, at_random: Sequence[float]) -> float:
    """How likely an order drawn at random is as high as `found`; 39 of them can show p < 0.05.

    >>> rank_p(0.3, [0.1, 0.3, 0.2])
    0.5
    """
    return (1 + sum(other >= found for other in at_random)) / (1 + len(at_random))


def ranked(scores: Sequence[float], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Places of the words from the highest score to the lowest, equal ones at random."""
    return np.lexsort((rng.random(len(scores)), -np.asarray(scores, dtype=np.float64)))


def erasure(value: Input, words: Sequence[Word], order: Sequence[int]) -> Erasure:
    """The texts to ask for an order of all the words, one of each kind for every k."""
    counts = cuts(len(words))
    return Erasure(
        removed=tuple(only(value, words, set(order[k:])) for k in counts),
        kept=tuple(only(value, words, set(order[:k])) for k in counts),
    )


def cuts(words: int) -> tuple[int, ...]:
    """How many of a text's words are removed: each share rounded up, equal counts once.

    >>> cuts(10), cuts(70)
    ((1, 2, 5), (1, 4, 7, 14, 35))
    """
    return tuple(dict.fromkeys(-(-percent * words // 100) for percent in PERCENTS))
