"""What a plant makes: a trained model, the data to audit it on, and how large its defect is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from torch import nn

from fmaudit.seeds import Seeds

if TYPE_CHECKING:
    import pandas as pd

Twin = Literal["clean", "boundary", "dosed"]
Rows = Sequence[Mapping[str, str]]

LARGE = 20_000
"""Texts that a classifier's true effect is measured on."""


@dataclass(frozen=True)
class Subject:
    """One model to audit.

    `classes`: of a classifier; () of a language model, which may have a `base` beside it.
    `tables`: name → rows; "data" is what the probe is run on. `spec`: what the audit's spec
    says beside the model, its columns without their source. `effects`: measure → its true
    value, taken on many fresh texts, not on those of the audit. `sets`: a shipped data set →
    the rows that stand in its place.
    """

    module: nn.Module
    tokens: Any
    classes: Sequence[str]
    tables: Mapping[str, Rows]
    spec: Mapping[str, Any]
    effects: Mapping[str, float]
    base: nn.Module | None = None
    sets: Mapping[str, Rows] = field(default_factory=dict)


@dataclass(frozen=True)
class Plant:
    """A defect that training puts into a model, and the probe that should find it.

    `make` trains the model of a twin with its own seeds: "clean" has no defect, "boundary" one
    whose largest effect is the threshold, "dosed" one of at least twice that. `sign` is the
    verdict that says the probe found what was planted; `about` says how it was. `beside` takes
    further figures from an audit's evidence.
    """

    name: str
    probe: str
    measures: Sequence[str]
    make: Callable[[Twin, Seeds], Subject]
    about: str
    twins: Sequence[Twin] = ("clean", "boundary", "dosed")
    sign: Literal["fail", "pass"] = "fail"
    beside: Callable[[pd.DataFrame], Mapping[str, float]] | None = None


def share_at(threshold: float, planted: Mapping[str, float], clean: Mapping[str, float]) -> float:
    """Which share of texts the planted model must answer for the largest effect to be this."""
    shares = [(threshold - clean[m]) / (planted[m] - clean[m]) for m in planted]
    return min(max(share, 0.0) for share in shares)
