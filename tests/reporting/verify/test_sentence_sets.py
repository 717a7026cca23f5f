"""The figures of published sentence sets, by both writings of the same rows."""

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
from fmaudit.stats.measures import MEASURES, pronouns, published_preference, speakers
from fmaudit.stats.sample import Sample
from fmaudit.types import Rule

NAMES = [m.name for f in (published_preference, pronouns, speakers) for m in f.MEASURES]


def columns(n: int, spread: float, seed: int) -> dict[str, Any]:
    """At spread 0 nothing varies: all pairs are ties, all occupations alike."""
    rng = np.random.default_rng(seed)
    work, kind = rng.integers(14, size=n), rng.integers(4, size=n)
    shares = {
        name: rng.choice([0.0, 0.5, 1.0], n) if spread else np.ones(n)
        for name in ("prefers_female", "prefers_majority", "base_prefers_majority")
    }
    numbers = ("preference", "base_preference", "log_ratio", "base_log_ratio")
    return {
        "more_logprob": -40 + (spread * rng.normal(size=n)).round(2),
        "less_logprob": -40 + (spread * rng.normal(size=n)).round(2),
        **shares,
        **{name: spread * rng.normal(size=n) for name in numbers},
        "women": rng.uniform(0, 100, 14).round(1)[work],
        "occupation": np.array([f"work {k}" for k in range(14)], dtype=object)[work],
        "stereotype": np.array([f"kind {k}" for k in range(4)], dtype=object)[kind],
        "about": np.array(["women", "men", "men", "women"], dtype=object)[kind],
    }


@pytest.mark.parametrize("name", NAMES)
@given(
    n=st.integers(1, 120),
    seed=st.integers(0, 999),
    per=st.integers(1, 4),
    strata=st.sampled_from([1, 1, 3]),
    weighted=st.booleans(),
    spread=st.sampled_from([0.0, 0.01, 1.0]),
    op=st.sampled_from(["<=", ">=", None]),
)
def test_both_writings_agree(
    name: str, n: int, seed: int, per: int, strata: int, weighted: bool, spread: float, op: Any
) -> None:
    c, rng = columns(n, spread, seed), np.random.default_rng(seed)
    unit = np.arange(n) // per
    stratum = unit % strata
    weight = rng.choice([0.5, 1.0, 3.0], n) if weighted else np.ones(n)
    whole = np.bincount(np.unique(np.stack([unit, stratum]), axis=1)[1]) if strata > 1 else None
    rule = None if op is None else Rule(op, 0.9)
    agree(name, Sample(c, weight, unit, stratum), Rows(c, weight, unit, stratum, whole), rule)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("limit", [-2.0, -0.02, 0.0, 0.02, 0.5, 1.0, 2.0])
def test_they_agree_on_any_threshold(name: str, limit: float) -> None:
    c, alone = columns(200, 1.0, 3), np.arange(200)
    rows = Rows(c, np.ones(200), alone, np.zeros(200, dtype=int), None)
    agree(name, Sample(c), rows, Rule("<=", limit))


@pytest.mark.parametrize("name", NAMES)
def test_they_agree_on_what_is_too_few(name: str) -> None:
    c, units = columns(60, 1.0, 4), np.arange(60) // 5
    rows = Rows(c, np.ones(60), units, np.zeros(60, dtype=int), None)
    for least in (12, 13, 15):
        agree(name, Sample(c, cluster=units), rows, None, least=least)


@pytest.mark.parametrize("name", NAMES)
def test_the_columns_are_those_of_the_measures(name: str) -> None:
    assert set(FIGURES[name].columns) == set(MEASURES[name].columns)


@pytest.mark.parametrize("name", ["stereotype_rate", "stereotype_rate_change"])
@pytest.mark.parametrize("side", ["men", "women"])
def test_neither_has_a_rate_of_one_side(name: str, side: str) -> None:
    c = columns(100, 1.0, 5) | {"about": np.array([side] * 100, dtype=object)}
    rows = Rows(c, np.ones(100), np.arange(100), np.zeros(100, dtype=int), None)
    agree(name, Sample(c), rows, None)
    with pytest.raises(NotEstimable):
        FIGURES[name].compute(rows, Ask(None, 1, 0, 2, 1))
