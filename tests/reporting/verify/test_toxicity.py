"""Figures of a toxicity classifier, by both writings of the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_verify import agree

from fmaudit.reporting.verify.figures import FIGURES
from fmaudit.reporting.verify.rows import Rows
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.measures.toxicity import MEASURES as MINE
from fmaudit.stats.sample import Sample
from fmaudit.types import Rule

NAMES = [measure.name for measure in MINE]


def columns(name: str, n: int, chance: float, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    toxic = (rng.random(n) < chance).astype(int)
    group = rng.integers(0, 3, n)
    names = np.array([f"g{k}" for k in group], dtype=object)
    return {
        "toxic": toxic,
        "score": np.round(rng.random(n) * 0.7 + 0.3 * toxic, 1),
        "group": names if name.endswith("mean") else group == 0,
        **{column: rng.random(n) < chance for column in ("right", "found", "spared")},
    }


@pytest.mark.parametrize("name", NAMES)
@given(
    n=st.integers(0, 100),
    seed=st.integers(0, 999),
    per=st.integers(1, 4),
    strata=st.sampled_from([1, 1, 2]),
    weighted=st.booleans(),
    chance=st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    op=st.sampled_from(["<=", ">=", None]),
    least=st.sampled_from([1, 1, 8]),
)
def test_both_writings_agree(
    name: str, n: int, seed: int, per: int, strata: int, weighted: bool, chance: float, op: Any,
    least: int,
) -> None:  # fmt: skip
    c, rng = columns(name, n, chance, seed), np.random.default_rng(seed)
    unit = np.arange(n) // per
    stratum = unit % strata
    weight = rng.choice([0.5, 1.0, 3.0], n) if weighted else np.ones(n)
    pairs = np.unique(np.stack([unit, stratum]), axis=1)[1]
    whole = np.bincount(pairs) if strata > 1 and n and stratum.max() else None
    rule = None if op is None else Rule(op, 0.6)
    sample = Sample(c, weight, unit, stratum)
    agree(name, sample, Rows(c, weight, unit, stratum, whole), rule, least)


@pytest.mark.parametrize("name", NAMES)
def test_the_columns_are_those_of_the_measures(name: str) -> None:
    assert set(FIGURES[name].columns) | {"group"} == set(MEASURES[name].columns) | {"group"}
