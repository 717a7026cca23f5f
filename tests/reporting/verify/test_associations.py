"""The association measures, by both writings of the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.estimates import Ask
from fmaudit.reporting.verify.figures import FIGURES
from fmaudit.reporting.verify.resampled import Drawn
from fmaudit.reporting.verify.rows import Rows
from fmaudit.stats.measures import MEASURES, association
from fmaudit.stats.sample import Question, Sample

NAMES = [m.name for m in association.MEASURES]
NUMBERS = ("value", "low", "high", "low_adj", "high_adj", "p_fail", "p_pass")


def columns(x: int, y: int, seed: int, steps: int = 0) -> dict[str, Any]:
    """Associations of x and y texts; with `steps` they are few different ones, which tie."""
    rng, n = np.random.default_rng(seed), x + y
    s = rng.normal(0.1, 0.4, n)
    if steps:
        s = np.round(s * steps) / steps
    return {
        "association": s,
        "base_association": s * 0.5 + rng.normal(0, 0.1, n),
        "language": np.array(["en"] * n, dtype=object),
        "test": np.array(["t"] * n, dtype=object),
        "side": np.array(["X"] * x + ["Y"] * y, dtype=object),
        "words_a": np.full(n, 8),
        "words_b": np.full(n, 6),
        "dropped": np.array(["Chip, Ian" if seed % 2 else ""] * n, dtype=object),
    }


def agree(name: str, c: dict[str, Any], units: Any, weight: Any = None, least: int = 1) -> None:
    n = len(units)
    sample = Sample(c, weight=weight, cluster=units)
    rows = Rows(c, np.ones(n) if weight is None else weight, units, np.zeros(n, dtype=int), None)
    rng = np.random.default_rng(1)
    try:
        found = MEASURES[name].estimate(sample, Question(minimum_n=least, rng=rng, m=3))
    except NotEstimable:
        with pytest.raises(NotEstimable):
            FIGURES[name].compute(rows, Ask(None, 3, 0, 2, least))
        return
    again = FIGURES[name].compute(rows, Ask(None, 3, 0, 2, least))
    for figure in NUMBERS:
        one, two = getattr(found, figure), getattr(again, figure)
        assert (one is None) == (two is None), figure
        if one is not None:
            assert abs(one - two) <= 1e-9 * max(1.0, abs(one)), (figure, one, two)
    assert (again.n, again.clusters, again.method) == (found.n, found.clusters, found.method)
    assert set(again.details) == set(found.details)
    for key, two in again.details.items():
        one = found.details[key]
        if isinstance(two, Drawn):
            _, ok, _ = two.check(one)
            assert ok
        elif isinstance(two, float):
            assert one == pytest.approx(two, abs=1e-9)
        elif key != "no_interval":
            assert one == two, key


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=50)
@given(
    x=st.integers(2, 8),
    y=st.integers(2, 8),
    seed=st.integers(0, 999),
    per=st.integers(1, 3),
    steps=st.sampled_from([0, 0, 1, 4]),
    least=st.sampled_from([1, 5]),
)
def test_both_writings_agree(
    name: str, x: int, y: int, seed: int, per: int, steps: int, least: int
) -> None:
    units = np.arange((x + y) * per) // per
    agree(name, columns(x * per, y * per, seed, steps), units, least=least)


@pytest.mark.parametrize("name", NAMES)
def test_they_agree_on_texts_that_a_word_lacks(name: str) -> None:
    units = np.array([0, 0, 0, 1, 1, 2, 3, 3, 4, 4, 5, 6, 6, 7, 8, 8, 9, 9, 10, 11])
    agree(name, columns(10, 10, 4), units)


@pytest.mark.parametrize("name", NAMES)
def test_they_agree_where_splits_are_drawn(name: str) -> None:
    agree(name, columns(16, 16, 4), np.arange(32))


@pytest.mark.parametrize("name", NAMES)
def test_they_agree_on_what_is_no_test(name: str) -> None:
    c, units = columns(8, 8, 3), np.arange(16)
    agree(name, c, units, weight=np.arange(1.0, 17.0))
    agree(name, c, np.arange(16) % 12)
    agree(name, {**c, "test": np.array(["a"] * 9 + ["b"] * 7, dtype=object)}, units)
    agree(name, {**c, "association": np.full(16, 0.5)}, units)
    split = np.array([0.5] * 8 + [-0.5] * 8)
    agree(name, {**c, "association": split}, units)
    agree(name, {**c, "base_association": c["association"]}, units)


@pytest.mark.parametrize("name", NAMES)
def test_the_columns_are_those_of_the_measures(name: str) -> None:
    assert set(FIGURES[name].columns) == set(MEASURES[name].columns)
