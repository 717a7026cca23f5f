"""Planted explanations: maps that are worse than chance, and integrals that do not converge."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from fmaudit.explanations.certificate import Erasure, certificate
from fmaudit.selftest.plants.base import CLASSES, Plant, Planted, Rows, Values
from fmaudit.types import Case, Failure, Input, Logits, Response, Row

_BASE = 0.9
_FALL = {"comprehensiveness": 0.3, "sufficiency": 0.4}
"""How far the probability falls, on average, with random orders of the words."""

_ORDERS = 5
_TRIED = [Erasure((f"without {k}",), (f"only {k}",)) for k in range(1 + _ORDERS)]

_CERTIFICATE = {
    "excess_comprehensiveness": Planted(clean=0.1, dose=-0.1),
    "excess_sufficiency": Planted(clean=-0.1, dose=0.1),
}
_SUBJECT = (
    "Probabilities of the predicted class without some words and with them alone, which vary from "
    "text to text: those of the map differ from those of five random orders by the dose on "
    "average, from a map as good as chance at the threshold to one that is worse. n counts texts."
)


def _maps(further: Callable[[Values, np.random.Generator], Mapping[str, object]]) -> Rows:
    """Rows of n explained texts; `further` draws what the method finds beside the certificate."""

    def rows(values: Values, n: int, rng: np.random.Generator) -> list[Row]:
        return [
            Row(Case(f"t{k}", "a text"), {**further(values, rng), **_certified(values, rng)})
            for k in range(n)
        ]

    return rows


def _certified(values: Values, rng: np.random.Generator) -> Mapping[str, object]:
    """The certificate of one map: all orders vary, the map's by more."""
    answers: dict[Input, Response] = {"a text": _said(_BASE)}
    for name, texts in (("comprehensiveness", "without"), ("sufficiency", "only")):
        falls = _FALL[name] + rng.uniform(-0.1, 0.1, 1 + _ORDERS)
        falls[0] += values[f"excess_{name}"] + rng.uniform(-0.15, 0.15)
        answers |= {f"{texts} {k}": _said(_BASE - fall) for k, fall in enumerate(falls.tolist())}
    found = certificate("a text", _TRIED, answers, 1, CLASSES)
    assert not isinstance(found, Failure)
    return found


def _said(p: float) -> Logits:
    return Logits((0.0, math.log(p / (1 - p))))


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
