"""shap's Partition explainer over the words of a text, asking the model through the bridge.

A word is hidden behind "...", and not left out: the certificate leaves words out, and a map that
had seen its texts would be ranked by the very answers that it is then judged by. Noise would pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fmaudit.engine.bridge import Query, bridge
from fmaudit.explanations.words import Word, hidden, texts_of
from fmaudit.types import Asks, Classify, Failure, Input, Response

ROUND = 20  # evaluations of one text that are asked for at once

Decision = Callable[[Response], float | Failure]
Array = np.ndarray[Any, Any]


class Unanswered(Exception):
    """The model gave no usable answer to an input with some of its words hidden."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


def owen_values(
    value: Input,
    words: Sequence[Word],
    decision: Decision,
    max_evals: int,
    rng: np.random.Generator,
) -> Asks[tuple[tuple[float, ...], int]]:
    """The words' Owen values of `decision`, in its unit, and the evaluations spent.

    `words`: all of `words_of(value)`, two or more. The values add up to the decision at `value`
    less that where every word is hidden. Where `max_evals` run out, a group's share is split
    evenly among its words. `rng` breaks ties of which group is tried next.

    Raises:
        Unanswered: `decision` cannot read an answer.
    """
    return bridge(lambda query: _explain(value, words, decision, max_evals, query), rng)


def tree(value: Input, words: Sequence[Word]) -> Array:
    """How words are joined to groups: as shap joins the tokens of a text, each text on its own.

    A row a join, as in scipy's linkage: the two groups (the words are 0…n−1, the k-th join is
    n + k), the distance, how many words the new group has.
    """
    rows: list[Array] = []
    roots: list[int] = []
    for part, text in enumerate(texts_of(value)):
        leaves = [place for place, word in enumerate(words) if word.part == part]
        if leaves:
            joins = _joins(text, [words[place] for place in leaves])
            inner = joins[:, :2] >= len(leaves)
            joins[:, :2] += np.where(inner, len(words) + len(rows) - len(leaves), leaves[0])
            rows.extend(joins)
            roots.append(len(words) + len(rows) - 1 if len(joins) else leaves[0])
    if len(roots) == 2:
        rows.append(np.array([*roots, 1.0, len(words)]))
    return np.array(rows)


def _joins(text: str, words: Sequence[Word]) -> Array:
    """The joins of one text's words, numbered from 0."""
    from shap.maskers import Text

    if len(words) == 1:
        return np.empty((0, 4))

    def tokenizer(text: str, **_: Any) -> dict[str, Any]:
        found = words if text else ()
        return {
            "input_ids": list(range(len(found))),
            "offset_mapping": [(word.start, word.end) for word in found],
        }

    joins: Array = Text(tokenizer, mask_token=0).clustering(text)
    return joins


@dataclass(frozen=True)
class _Masker:
    """Hands the explained function the masks themselves; it knows which words they show."""

    clustering: Array
    immutable_outputs = True

    @property
    def shape(self) -> tuple[int, int]:
        return 1, len(self.clustering) + 1

    def __call__(self, mask: Array, row: Array) -> tuple[Array]:
        del row
        return (mask[np.newaxis].copy(),)


def _explain(
    value: Input, words: Sequence[Word], decision: Decision, max_evals: int, query: Query
) -> tuple[tuple[float, ...], int]:
    """Runs in the bridge's thread. shap takes seconds to import, and compiles when first used."""
    from shap.explainers import PartitionExplainer

    def decisions(masks: Array) -> Array:
        shown = [hidden(value, words, set(np.flatnonzero(mask).tolist())) for mask in masks]
        answers = query([Classify(input=some) for some in shown])
        return np.array([_read(decision(answer)) for answer in answers])

    explainer = PartitionExplainer(decisions, _Masker(tree(value, words)))
    row = np.zeros((1, len(words)))
    found = explainer(row, max_evals=max_evals, batch_size=ROUND, silent=True)
    return tuple(found.values[0].tolist()), explainer.last_eval_count + 2


def _read(found: float | Failure) -> float:
    if isinstance(found, Failure):
        raise Unanswered(found)
    return found
