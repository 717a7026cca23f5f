from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.estimates import Ask
from fmaudit.reporting.verify.figures import FIGURES
from fmaudit.reporting.verify.rows import Rows
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.measures import explanations as written
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Rule

NAMES = [measure.name for measure in written.MEASURES]
NUMBERS = ("value", "low", "high", "low_adj", "high_adj", "p_fail", "p_pass", "n", "clusters")


def columns(n, seed=0):
    rng = np.random.default_rng(seed)
    base = rng.uniform(0.4, 1.0, n)
    removed, shuffled, kept, kept_shuffled = base * rng.random((4, n))
    return {
        "converged": rng.random(n) < 0.95,
        "comprehensiveness": base - removed,
        "random_comprehensiveness": base - shuffled,
        "sufficiency": base - kept,
        "random_sufficiency": base - kept_shuffled,
        "special_share": rng.random(n),
        "agreement": rng.uniform(-1, 1, n),
    }


def test_values_by_hand():
    c = columns(100)
    expected = {
        "converged_share": c["converged"].mean(),
        "mean_comprehensiveness": c["comprehensiveness"].mean(),
        "mean_sufficiency": c["sufficiency"].mean(),
        "excess_comprehensiveness": (c["comprehensiveness"] - c["random_comprehensiveness"]).mean(),
        "excess_sufficiency": (c["sufficiency"] - c["random_sufficiency"]).mean(),
        "mean_special_share": c["special_share"].mean(),
        "map_agreement": c["agreement"].mean(),
    }
    assert set(expected) == set(NAMES)
    for name, value in expected.items():
        measure = MEASURES[name]
        sample = Sample({key: c[key] for key in measure.columns})
        assert measure.value(sample, Question()) == pytest.approx(value, rel=1e-12)
        assert measure.estimate(sample, Question()).value == pytest.approx(value, rel=1e-12)


def test_the_interval_of_an_excess_is_that_of_the_paired_differences():
    """The t interval, which the scale of the range hardly bends this far from its ends."""
    from scipy import stats

    c = columns(400)
    difference = c["comprehensiveness"] - c["random_comprehensiveness"]
    found = MEASURES["excess_comprehensiveness"].estimate(Sample(c), Question())
    low, high = stats.t.interval(
        0.95, 399, difference.mean(), difference.std(ddof=1) / np.sqrt(400)
    )
    assert found.low == pytest.approx(low, abs=2e-3)
    assert found.high == pytest.approx(high, abs=2e-3)


@pytest.mark.parametrize(
    ("name", "op", "shift"),
    [("excess_comprehensiveness", ">=", 0.2), ("excess_sufficiency", "<=", -0.2)],
)
def test_a_faithful_map_passes_a_worse_one_than_chance_fails(name, op, shift):
    measure, rng = MEASURES[name], np.random.default_rng(0)
    base = rng.uniform(-0.2, 0.2, 100)
    first, second = measure.columns
    question = Question(rule=Rule(op, 0.0), m=5)
    good = measure.estimate(Sample({first: base + shift, second: base * 0.5}), question)
    assert good.p_pass < 1e-6
    assert good.p_fail > 0.9
    bad = measure.estimate(Sample({first: base - shift, second: base * 0.5}), question)
    assert bad.p_fail < 1e-6
    chance = measure.estimate(Sample({first: base, second: base[::-1].copy()}), question)
    assert min(chance.p_pass, chance.p_fail) > 0.025


def test_a_map_that_is_its_own_control_decides_nothing():
    same = np.linspace(0, 0.5, 120)
    sample = Sample({"comprehensiveness": same, "random_comprehensiveness": same})
    found = MEASURES["excess_comprehensiveness"].estimate(sample, Question(rule=Rule(">=", 0.0)))
    assert (found.value, found.low, found.p_pass) == (0, None, None)


def test_all_maps_converged():
    found = MEASURES["converged_share"].estimate(
        Sample({"converged": np.ones(100, dtype=bool)}), Question(rule=Rule(">=", 0.9))
    )
    assert (found.value, found.high) == (1, 1)
    assert 0.95 < found.low < 1
    assert found.p_pass < 0.025


def test_the_minimum_counts_texts():
    with pytest.raises(NotEstimable, match="19 rows, fewer than the 20"):
        MEASURES["mean_sufficiency"].estimate(Sample(columns(19)), Question(minimum_n=20))


def test_torch_columns_give_the_same_values():
    import torch

    c = columns(50)
    tensors = {key: torch.asarray(values) for key, values in c.items()}
    for name in NAMES:
        found = MEASURES[name].estimate(Sample(tensors), Question())
        assert found.value == pytest.approx(MEASURES[name].value(Sample(c), Question()), rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
@given(
    n=st.integers(12, 60),
    seed=st.integers(0, 99),
    per=st.integers(1, 3),
    weighted=st.booleans(),
    gated=st.booleans(),
)
def test_the_second_writing_agrees(name, n, seed, per, weighted, gated):
    c, rng = columns(n, seed), np.random.default_rng(seed)
    weight = rng.uniform(0.5, 2.0, n) if weighted else np.ones(n)
    cluster = np.arange(n) // per
    measure, figure = MEASURES[name], FIGURES[name]
    assert set(figure.columns) == set(measure.columns)
    rule = Rule(">=" if measure.better == "higher" else "<=", 0.3) if gated else None
    sample = Sample(c, weight=weight, cluster=cluster)
    rows = Rows(c, weight, cluster, np.zeros(n, dtype=int), None)
    ask = Ask(rule, 3, positive=0, classes=2, minimum_n=1)
    try:
        one = measure.estimate(sample, Question(rule=rule, m=3))
    except NotEstimable:
        with pytest.raises(NotEstimable):
            figure.compute(rows, ask)
        return
    two = figure.compute(rows, ask)
    assert one.method == two.method
    for number in NUMBERS:
        first, second = getattr(one, number), getattr(two, number)
        assert (first is None) == (second is None), number
        if first is not None:
            assert first == pytest.approx(second, rel=1e-9, abs=1e-9), number
