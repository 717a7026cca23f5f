"""Maps held against the words that are known to decide: how they rank, what they could earn."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fmaudit.selftest.trained.texts import Rng

if TYPE_CHECKING:
    import pandas as pd

SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)
COMPREHENSIVENESS, SUFFICIENCY = "excess_comprehensiveness", "excess_sufficiency"

Decides = Callable[[Sequence[str]], Sequence[bool]]
"""Which of a text's words decide."""

Chances = Callable[[Sequence[str]], npt.NDArray[np.float64]]
"""The probability of what was said of each text, where these stand in their places."""


def auprc(evidence: pd.DataFrame, decides: Decides) -> dict[str, float]:
    """Mean area under precision and recall of the maps' scores for the words that decide."""
    from sklearn.metrics import average_precision_score

    found = []
    rows: list[dict[Any, Any]] = evidence[evidence["word_scores"].notna()].to_dict("records")
    for row in rows:
        spans = zip(row["word_starts"], row["word_ends"], strict=True)
        truth = decides([row["input"][start:end] for start, end in spans])
        found.append(average_precision_score(truth, row["word_scores"]))
    return {"token_auprc": float(np.mean(found))} if found else {}


def best(
    texts: Sequence[Sequence[str]], decides: Decides, chances: Chances, rng: Rng
) -> dict[str, float]:
    """What a map earns that ranks the deciding words first, over one that ranks at random.

    `texts`: words of each, as many in all of them.
    """
    whole = chances([" ".join(words) for words in texts])

    def left(ranks: Sequence[npt.NDArray[Any]], kept: bool) -> npt.NDArray[np.float64]:
        """Mean over the shares of how much probability is lost."""
        losses = []
        for k in sorted({math.ceil(q * len(texts[0])) for q in SHARES}):
            changed = [
                " ".join(w for w, r in zip(words, rank, strict=True) if (r < k) == kept)
                for words, rank in zip(texts, ranks, strict=True)
            ]
            losses.append(whole - chances(changed))
        found: npt.NDArray[np.float64] = np.mean(losses, axis=0)
        return found

    random = [rng.permutation(len(words)) for words in texts]
    truth = [
        np.lexsort((r, ~np.array(decides(words)))).argsort()
        for words, r in zip(texts, random, strict=True)
    ]
    excess = {kept: (left(truth, kept) - left(random, kept)).mean() for kept in (False, True)}
    return {COMPREHENSIVENESS: float(excess[False]), SUFFICIENCY: float(excess[True])}
