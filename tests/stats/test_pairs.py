from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.errors import NotEstimable
from fmaudit.stats.intervals import Drop, bonett_price
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.pairs import drop, drop_of, excess
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Rule

RUNS = 4_000
ASK = Question(rule=Rule("<=", 0.05), m=3)


def test_a_binary_drop_is_bonett_and_price() -> None:
    before = np.array([True] * 46 + [False] * 4)
    after = before.copy()
    after[:9], after[-1] = False, True
    found = drop(before, after, Sample({"x": before}), ASK)
    assert found.value == pytest.approx(8 / 50)
    assert (found.low, found.high) == bonett_price(Drop(8 / 50, 10 / 50, 50))
    assert found.method == "bonett_price"


def test_no_event_has_an_interval_in_every_design() -> None:
    same = np.ones(600, dtype=bool)
    units = np.repeat(np.arange(120), 5)
    apart = drop(same, same, Sample({"x": same}), ASK)
    together = drop(same, same, Sample({"x": same}, cluster=units), ASK)
    weighed = drop(same, same, Sample({"x": same}, weight=1.0 + units % 3, cluster=units), ASK)
    for found in (apart, together, weighed):
        assert found.value == 0
        assert found.low == -found.high  # type: ignore[operator]
        assert found.p_pass < 0.001  # type: ignore[operator]
    assert apart.high < together.high < weighed.high < 0.05  # type: ignore[operator]


def test_a_cluster_of_copies_is_one_pair() -> None:
    rng = np.random.default_rng(0)
    before, after = rng.random(200) < 0.8, rng.random(200) < 0.7
    once = drop_of(before * 1.0 - after, Sample({"x": before}))
    copies = np.repeat(before * 1.0 - after, 5)
    many = drop_of(copies, Sample({"x": copies}, cluster=np.repeat(np.arange(200), 5)))
    assert (many.mean, many.square) == pytest.approx((once.mean, once.square))
    assert many.n == pytest.approx(199)
    assert many.df == 199


def test_partial_events_narrow_nothing_below_whole_ones() -> None:
    """A share of three repeats varies less than one repeat; the interval takes it for one."""
    flip = np.arange(300) % 10 == 0
    whole = Sample({"flip": flip, "again": np.arange(300) % 30 == 0})
    partial = Sample({"flip": flip, "again": (np.arange(300) % 10 == 5) / 3})
    a, b = (excess(("flip", "again"), sample, ASK) for sample in (whole, partial))
    assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high))
    assert a.details == pytest.approx(b.details)


def test_too_few_clusters_have_no_interval() -> None:
    events = np.arange(40) % 2 == 0
    few = Sample({"x": events}, cluster=np.arange(40) // 5)
    with pytest.raises(NotEstimable, match="8 independent clusters"):
        drop(events, ~events, few, ASK)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=60))
def test_the_value_lies_within_the_limits(pairs: list[tuple[int, bool]]) -> None:
    first, second = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    found = drop(first / 3, second, Sample({"x": first}), ASK)
    assert -1 <= found.low_adj <= found.low <= found.value  # type: ignore[operator]
    assert found.value <= found.high <= found.high_adj <= 1  # type: ignore[operator]


# ── how often they hold the truth ────────────────────────────────────────────────────────


def edited(
    rng: np.random.Generator, items: int, kinds: int, lost: float, won: float, repeat: float
) -> Sample:
    """Items that are right at 85 %; edits lose and win them, an item's edits alike; so repeats."""
    cluster = np.repeat(np.arange(items), kinds)
    right = rng.random(items) < 0.85
    chance = np.full(items, lost)
    if kinds > 1:
        chance = rng.beta(4 * lost, 4 * (1 - lost), items)
    u = rng.random(cluster.size)
    noisy = np.where(right[cluster], u >= chance[cluster], u < won)
    again = (rng.random((items, 3)) < repeat) ^ right[:, None]
    columns = {
        "correct": right[cluster],
        "noisy_correct": noisy,
        "repeat_correct": again.mean(axis=1)[cluster],
    }
    return Sample(columns, cluster=cluster if kinds > 1 else None)


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [1, 5])
@pytest.mark.parametrize("items", [100, 300])
def test_drops_cover(kinds: int, items: int) -> None:
    rng = np.random.default_rng(items + kinds)
    cover = []
    for lost, won, repeat in ((0.04, 0.02, 0.0), (0.06, 0.05, 0.02), (0.15, 0.1, 0.05)):
        drop_truth = 0.85 * lost - 0.15 * won
        truths = {
            "accuracy_drop": drop_truth,
            "excess_accuracy_drop": drop_truth - (0.85 - 0.15) * repeat,
        }
        held = dict.fromkeys(truths, 0)
        for _ in range(RUNS):
            sample = edited(rng, items, kinds, lost, won, repeat)
            for name, truth in truths.items():
                found = MEASURES[name].estimate(sample, Question())
                held[name] += found.low <= truth <= found.high  # type: ignore[operator]
        cover += [count / RUNS for count in held.values()]
    assert 0.93 <= np.mean(cover) <= 0.97, cover
    assert min(cover) >= 0.92, cover


@pytest.mark.slow
@pytest.mark.parametrize(
    ("items", "lost", "fails", "passes"),
    [
        (200, 0.01, (0.0, 0.01), (0.9, 1.0)),
        (500, 0.02, (0.0, 0.01), (0.9, 1.0)),
        (500, 0.05, (0.0, 0.01), (0.0, 0.05)),  # θ = τ
        (500, 0.10, (0.85, 1.0), (0.0, 0.0)),  # twice τ
    ],
)
def test_rules_come_out_right(
    items: int, lost: float, fails: tuple[float, float], passes: tuple[float, float]
) -> None:
    """The six gated figures of character noise share the error rate: m = 6."""
    rng = np.random.default_rng(items)
    question = Question(rule=Rule("<=", 0.05), m=6)
    found = [
        MEASURES["excess_accuracy_drop"].estimate(
            edited(rng, items, 1, lost / 0.85, 0.0, 0.0), question
        )
        for _ in range(1_000)
    ]
    failed = np.mean([f.p_fail <= 0.025 / 6 for f in found])  # type: ignore[operator]
    passed = np.mean([f.p_pass <= 0.025 for f in found])  # type: ignore[operator]
    assert fails[0] <= failed <= fails[1], failed
    assert passes[0] <= passed <= passes[1], passed
