"""The figures of language models, by both writings of the same rows."""

from __future__ import annotations

import math
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
from fmaudit.stats.measures import MEASURES, extraction, language, preference
from fmaudit.stats.sample import Sample
from fmaudit.types import Rule

NAMES = [m.name for family in (language, preference, extraction) for m in family.MEASURES]
LIMITS = {"perplexity": 4.0, "bits_per_byte": 0.9, "chrf": 40.0, "mean_preference": 0.3}
EVENTS = (
    "correct", "base_correct", "correct_per_byte", "exact", "base_exact", "unfinished",
    "extracted", "base_extracted", "discoverable", "base_discoverable",
)  # fmt: skip


def columns(n: int, chance: float, seed: int) -> dict[str, Any]:
    """What a model and its base answered; at chance 0 and 1 nothing varies but the texts."""
    rng = np.random.default_rng(seed)
    tokens = rng.integers(1, 40, n)
    nats = tokens * rng.gamma(3.0, 0.5, n)
    ties = (rng.random((2, n)) < chance) + (rng.random((2, n)) < chance) * 1.0
    return {
        "nats": nats,
        "base_nats": nats * rng.normal(1.0, 0.1, n),
        "scored_tokens": tokens,
        "bytes": tokens * rng.integers(2, 6, n),
        "stereotyped": ties[0] / 2,
        "base_stereotyped": ties[1] / 2,
        "preference": rng.normal(0.2, 1.0, n),
        "base_preference": rng.normal(0.0, 1.0, n),
        **{name: rng.beta(2, 3, n) for name in ("token_f1", "rouge_1", "rouge_2", "rouge_l")},
        "chrf": 100.0 * (rng.random(n) < chance),
        **{name: rng.random(n) < chance for name in EVENTS},
    }


@pytest.mark.parametrize("name", NAMES)
@given(
    n=st.integers(1, 80),
    seed=st.integers(0, 999),
    per=st.integers(1, 4),
    strata=st.sampled_from([1, 1, 3]),
    weighted=st.booleans(),
    chance=st.sampled_from([0.0, 0.03, 0.3, 1.0]),
    op=st.sampled_from(["<=", ">=", None]),
)
def test_both_writings_agree(
    name: str, n: int, seed: int, per: int, strata: int, weighted: bool, chance: float, op: Any
) -> None:
    c, rng = columns(n, chance, seed), np.random.default_rng(seed)
    unit = np.arange(n) // per
    stratum = unit % strata
    weight = rng.choice([0.5, 1.0, 3.0], n) if weighted else np.ones(n)
    whole = np.bincount(np.unique(np.stack([unit, stratum]), axis=1)[1]) if strata > 1 else None
    rule = None if op is None else Rule(op, LIMITS.get(name, 0.02))
    agree(name, Sample(c, weight, unit, stratum), Rows(c, weight, unit, stratum, whole), rule)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("limit", [-2.0, -1.0, -0.02, 0.0, 0.02, 0.5, 1.0, 2.0])
def test_they_agree_on_any_threshold(name: str, limit: float) -> None:
    c, alone = columns(200, 0.1, 3), np.arange(200)
    rows = Rows(c, np.ones(200), alone, np.zeros(200, dtype=int), None)
    agree(name, Sample(c), rows, Rule("<=", limit))


@pytest.mark.parametrize("name", NAMES)
def test_they_agree_on_what_is_too_few(name: str) -> None:
    c, units = columns(60, 0.3, 4), np.arange(60) // 5
    rows = Rows(c, np.ones(60), units, np.zeros(60, dtype=int), None)
    sample = Sample(c, cluster=units)
    agree(name, sample, rows, None, least=12)
    agree(name, sample, rows, None, least=13)
    with pytest.raises(NotEstimable):
        FIGURES[name].compute(rows, Ask(None, 1, 0, 2, 13))


@pytest.mark.parametrize("name", NAMES)
def test_the_columns_are_those_of_the_measures(name: str) -> None:
    assert set(FIGURES[name].columns) == set(MEASURES[name].columns)


@pytest.mark.parametrize("nats", [0.0, 7.0, math.inf, math.nan, 1e9])
@pytest.mark.parametrize("name", ["perplexity", "bits_per_byte", "bits_per_byte_change"])
def test_they_agree_on_texts_that_do_not_vary(name: str, nats: float) -> None:
    n, zeros = 30, np.zeros(30, dtype=int)
    c = {"nats": np.full(n, nats), "base_nats": np.ones(n), "bytes": np.full(n, 9.0)}
    c["scored_tokens"] = np.full(n, 2)
    rows = Rows(c, np.ones(n), np.arange(n), zeros, None)
    agree(name, Sample(c), rows, Rule("<=", 3.0))
    empty = {**c, "bytes": zeros, "scored_tokens": zeros}
    agree(name, Sample(empty), Rows(empty, np.ones(n), np.arange(n), zeros, None), None)
