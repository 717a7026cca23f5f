"""The figures of agreement with stereotypes, by both writings of the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support_verify import agree

from fmaudit.reporting.verify.figures import FIGURES
from fmaudit.reporting.verify.rows import Rows
from fmaudit.stats.measures import MEASURES, agreement
from fmaudit.stats.sample import Sample
from fmaudit.types import Rule

NAMES = [measure.name for measure in agreement.MEASURES]


def columns(n: int, varied: bool, seed: int) -> dict[str, Any]:
    """Where nothing varies, all pairs are answered alike, by both models."""
    rng = np.random.default_rng(seed)
    size = n if varied else 1
    shares = ("agreement", "control_agreement")
    excesses, margins = ("excess", "base_excess"), ("margin", "base_margin")
    drawn = {
        **{name: rng.integers(0, 5, size) / 4 for name in shares},
        **{name: rng.integers(-4, 5, size) / 4 for name in excesses},
        **{name: rng.normal(size=size) for name in margins},
    }
    return {name: np.resize(values, n) for name, values in drawn.items()}


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None)
@given(
    n=st.integers(1, 120),
    seed=st.integers(0, 999),
    per=st.integers(1, 4),
    strata=st.sampled_from([1, 1, 3]),
    weighted=st.booleans(),
    varied=st.booleans(),
    op=st.sampled_from(["<=", ">=", None]),
)
def test_both_writings_agree(
    name: str, n: int, seed: int, per: int, strata: int, weighted: bool, varied: bool, op: Any
) -> None:
    c, rng = columns(n, varied, seed), np.random.default_rng(seed)
    unit = np.arange(n) // per
    stratum = unit % strata
    weight = rng.choice([0.5, 1.0, 3.0], n) if weighted else np.ones(n)
    whole = np.bincount(np.unique(np.stack([unit, stratum]), axis=1)[1]) if strata > 1 else None
    rule = None if op is None else Rule(op, 0.05)
    agree(name, Sample(c, weight, unit, stratum), Rows(c, weight, unit, stratum, whole), rule)


@pytest.mark.parametrize("limit", [-2.0, -0.05, 0.0, 0.05, 1.0, 2.0])
@pytest.mark.parametrize("varied", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_they_agree_on_any_threshold(name: str, varied: bool, limit: float) -> None:
    c, alone = columns(200, varied, 3), np.arange(200)
    rows = Rows(c, np.ones(200), alone, np.zeros(200, dtype=int), None)
    agree(name, Sample(c), rows, Rule("<=", limit))


@pytest.mark.parametrize("name", NAMES)
def test_the_columns_are_those_of_the_measures(name: str) -> None:
    assert set(FIGURES[name].columns) == set(MEASURES[name].columns)
