"""Planted memory: members of the training data whose labels the model is surer of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from fmaudit.privacy import membership_loss
from fmaudit.selftest.plants.base import CLASSES, Plant, Planted, Values
from fmaudit.types import Case, Logits, Row


def _memory(values: Values, n: int, rng: np.random.Generator) -> list[Row]:
    """N members and n others; the logit of a label is normal, and higher for members."""
    return [
        membership_loss.score(case, Logits((0.0, logit)), CLASSES, told)
        for case, (logit, told) in zip(_cases(n), attacked(values, n, rng), strict=True)
    ]


def attacked(
    values: Values, n: int, rng: np.random.Generator
) -> Iterator[tuple[float, Mapping[str, Any]]]:
    """What an attack finds of n members and n others, and what is told of each without the model.

    With z_q the upper q quantile of the normal, others exceed z_0.01 in 1 % and members in a
    share θ where their mean is z_0.01 − z_θ.
    """
    from scipy.special import ndtri

    ahead = ndtri(values["tpr_at_1_percent_fpr"]) - ndtri(0.01)
    found = rng.normal(size=2 * n) + np.repeat([ahead, 0.0], n)
    rank = int(rng.integers(1, 1001))  # of the AUC without the model among 999 shuffled ones
    told = {"overlap": 0.0, "drawn": True, "blind_p": min(rank, 1001 - rank) / 500}
    blind = rng.random(2 * n)
    return ((x, {**told, "blind": own}) for x, own in zip(found.tolist(), blind, strict=True))


@cache
def _cases(n: int) -> Sequence[Case]:
    return [Case(f"t{k}", f"text {k}", target="yes", member=k < n) for k in range(2 * n)]


MEMBERSHIP_LOSS = Plant(
    subject="Members and others drawn at random, whom nothing but the model tells apart: the logit "
    "of the label is normal, and by so much higher for members that the dose is the share of them "
    "above the highest hundredth of the others. n counts one side.",
    measures={"tpr_at_1_percent_fpr": Planted(clean=0.01, dose=0.10)},
    ladder=(1000, 2000),
    rows=_memory,
)
