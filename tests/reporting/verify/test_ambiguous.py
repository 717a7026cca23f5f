"""The scores of questions about two people, by both writings of the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support_verify import agree

from fmaudit.reporting.verify.figures import FIGURES
from fmaudit.reporting.verify.rows import Rows
from fmaudit.stats.measures import MEASURES, ambiguous
from fmaudit.stats.sample import Sample
from fmaudit.types import Rule

NAMES = [measure.name for measure in ambiguous.MEASURES]


def columns(n: int, named: float, seed: int) -> dict[str, Any]:
    """What a model and its base answered; with nobody named, and with everybody, nothing varies."""
    rng = np.random.default_rng(seed)

    def leans() -> Any:
        sides = rng.choice([-1.0, 1.0], n, p=[0.4, 0.6]) if named < 1 else np.ones(n)
        return np.where(rng.random(n) < named, sides, 0.0)

    return {
        "ambiguous": rng.random(n) < 0.5,
        "lean": leans(),
        "base_lean": leans(),
        **{name: rng.random(n) < 0.1 for name in ("unmatched", "base_unmatched", "unnamed")},
    }


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None)
@given(
    n=st.integers(1, 120),
    seed=st.integers(0, 999),
    per=st.integers(1, 4),
    strata=st.sampled_from([1, 1, 3]),
    weighted=st.booleans(),
    named=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    op=st.sampled_from(["<=", ">=", None]),
)
def test_both_writings_agree(
    name: str, n: int, seed: int, per: int, strata: int, weighted: bool, named: float, op: Any
) -> None:
    c, rng = columns(n, named, seed), np.random.default_rng(seed)
    unit = np.arange(n) // per
    stratum = unit % strata
    weight = rng.choice([0.5, 1.0, 3.0], n) if weighted else np.ones(n)
    whole = np.bincount(np.unique(np.stack([unit, stratum]), axis=1)[1]) if strata > 1 else None
    rule = None if op is None else Rule(op, 0.05)
    agree(name, Sample(c, weight, unit, stratum), Rows(c, weight, unit, stratum, whole), rule)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("limit", [-2.0, -1.0, -0.02, 0.0, 0.02, 0.5, 1.0, 2.0])
def test_they_agree_on_any_threshold(name: str, limit: float) -> None:
    c, alone = columns(200, 0.5, 3), np.arange(200)
    rows = Rows(c, np.ones(200), alone, np.zeros(200, dtype=int), None)
    agree(name, Sample(c), rows, Rule("<=", limit))


@pytest.mark.parametrize("name", NAMES)
def test_they_agree_on_what_is_too_few(name: str) -> None:
    c, units = columns(90, 0.5, 4), np.arange(90) // 5
    rows = Rows(c, np.ones(90), units, np.zeros(90, dtype=int), None)
    sample = Sample(c, cluster=units)
    for least in (10, 15, 17, 18, 19):
        agree(name, sample, rows, None, least)


@pytest.mark.parametrize("name", NAMES)
def test_the_columns_are_those_of_the_measures(name: str) -> None:
    assert set(FIGURES[name].columns) == set(MEASURES[name].columns)
