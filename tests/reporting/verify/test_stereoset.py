"""The scores of StereoSet, by both writings of the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_verify import agree

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.estimates import Ask
from fmaudit.reporting.verify.figures import FIGURES
from fmaudit.reporting.verify.rows import Rows
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.measures.stereoset import MEASURES as MINE
from fmaudit.stats.sample import Sample
from fmaudit.types import Rule

NAMES = [measure.name for measure in MINE]


def columns(n: int, chance: float, seed: int) -> dict[str, Any]:
    """What a model and its base preferred; at chance 0 and 1 nothing varies."""
    rng = np.random.default_rng(seed)
    drawn = (rng.random((4, 2, n)) < chance).mean(1)
    names = ("meaningful", "stereotyped", "base_meaningful", "base_stereotyped")
    return dict(zip(names, drawn, strict=True))


@pytest.mark.parametrize("name", NAMES)
@given(
    n=st.integers(0, 120),
    seed=st.integers(0, 999),
    terms=st.integers(1, 40),
    strata=st.sampled_from([1, 1, 3]),
    weighted=st.booleans(),
    chance=st.sampled_from([0.0, 0.1, 0.5, 0.7, 1.0]),
    op=st.sampled_from(["<=", ">=", None]),
)
def test_both_writings_agree(
    name: str, n: int, seed: int, terms: int, strata: int, weighted: bool, chance: float, op: Any
) -> None:
    c, rng = columns(n, chance, seed), np.random.default_rng(seed)
    unit = np.unique(rng.integers(0, terms, n), return_inverse=True)[1].reshape(-1)
    stratum = unit % strata
    weight = rng.choice([0.5, 1.0, 3.0], n) if weighted else np.ones(n)
    pairs = np.unique(np.stack([unit, stratum]), axis=1)[1]
    whole = np.bincount(pairs) if strata > 1 and n and stratum.max() else None
    rule = None if op is None else Rule(op, 0.4 if "change" not in name else 0.05)
    agree(name, Sample(c, weight, unit, stratum), Rows(c, weight, unit, stratum, whole), rule)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("limit", [-1.0, -0.02, 0.0, 0.05, 0.5, 1.0])
def test_they_agree_on_any_threshold(name: str, limit: float) -> None:
    c, unit = columns(300, 0.7, 3), np.arange(300) // 7
    rows = Rows(c, np.ones(300), unit, np.zeros(300, dtype=int), None)
    agree(name, Sample(c, cluster=unit), rows, Rule("<=", limit))


@pytest.mark.parametrize("name", NAMES)
def test_they_agree_on_what_is_too_few(name: str) -> None:
    c, unit = columns(60, 0.3, 4), np.arange(60) // 5
    rows = Rows(c, np.ones(60), unit, np.zeros(60, dtype=int), None)
    agree(name, Sample(c, cluster=unit), rows, None, least=12)
    agree(name, Sample(c, cluster=unit), rows, None, least=13)
    with pytest.raises(NotEstimable):
        FIGURES[name].compute(rows, Ask(None, 1, 0, 2, 13))


@pytest.mark.parametrize("name", NAMES)
def test_the_columns_are_those_of_the_measures(name: str) -> None:
    assert set(FIGURES[name].columns) == set(MEASURES[name].columns)
