"""How often intervals hold the truth, and rules come out right, when the truth is known.

Intervals of independent proportions are summed exactly over all outcomes; the others are drawn
4,000 times a cell with a fixed seed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from fmaudit.stats.estimates import mean, share_of
from fmaudit.stats.groups import Cells, largest_gap
from fmaudit.stats.intervals import Share, mover, mover_ratio, wilson
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate, Rule

RUNS = 4_000
GRID = np.arange(0.02, 0.985, 0.02)


@pytest.mark.parametrize("n", [10, 30, 50, 200, 1000])
def test_wilson_covers(n: int) -> None:
    x = np.arange(n + 1)
    low, high = wilson(Share(x / n, n))
    cover = [stats.binom.pmf(x, n, p)[(low <= p) & (p <= high)].sum() for p in GRID]
    assert 0.93 <= np.mean(cover) <= 0.97
    assert min(cover) >= 0.83


@pytest.mark.parametrize(("n", "m"), [(30, 30), (50, 100), (30, 200)])
def test_newcombe_and_the_ratio_cover(n: int, m: int) -> None:
    x, y = np.meshgrid(np.arange(n + 1), np.arange(m + 1), indexing="ij")
    first, second = Share(x / n, n), Share(y / m, m)
    difference, ratio = mover(first, second), mover_ratio(first, second)
    covers: dict[str, list[float]] = {"difference": [], "ratio": []}
    for p in np.arange(0.05, 1, 0.1):
        for q in np.arange(0.05, 1, 0.1):
            chance = np.outer(
                stats.binom.pmf(range(n + 1), n, p), stats.binom.pmf(range(m + 1), m, q)
            )
            for name, (low, high), truth in (
                ("difference", difference, p - q), ("ratio", ratio, p / q),
            ):  # fmt: skip
                inside = (low <= truth + 1e-12) & (truth - 1e-12 <= high)
                covers[name].append(float(chance[inside].sum()))
    for cover in covers.values():
        assert 0.93 <= np.mean(cover) <= 0.97
        assert min(cover) >= 0.89


def clustered(rng: np.random.Generator, units: int, p: float, correlation: float) -> Sample:
    """Items of 1 to 7 variants whose events share a beta-distributed chance."""
    cluster = np.repeat(np.arange(units), rng.integers(1, 8, units))
    scale = (1 - correlation) / correlation
    chance = rng.beta(p * scale, (1 - p) * scale, units)
    return Sample({"e": rng.random(cluster.size) < chance[cluster]}, cluster=cluster)


@pytest.mark.slow
@pytest.mark.parametrize("units", [10, 30, 150])
def test_clustered_wilson_covers(units: int) -> None:
    rng = np.random.default_rng(units)
    cover = []
    for p in (0.02, 0.05, 0.2, 0.5, 0.8):
        held = 0
        for _ in range(RUNS):
            sample = clustered(rng, units, p, 0.4)
            low, high = wilson(share_of(sample.columns["e"], sample))
            held += low <= p <= high
        cover.append(held / RUNS)
    assert 0.93 <= np.mean(cover) <= 0.97
    assert min(cover) >= 0.83


@pytest.mark.slow
def test_plain_wilson_does_not_cover_clusters() -> None:
    """The reason for the effective n."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(RUNS):
        events = clustered(rng, 150, 0.2, 0.4).columns["e"]
        low, high = wilson(Share(events.mean(), events.size))
        held += low <= 0.2 <= high
    assert held / RUNS < 0.85


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "draw", "truth"),
    [
        (50, lambda rng, n: rng.normal(0.1, 1, n), 0.1),
        (200, lambda rng, n: rng.exponential(1, n), 1.0),
        (200, lambda rng, n: abs(rng.normal(0, 0.1, n)), 0.1 * np.sqrt(2 / np.pi)),
    ],
)
def test_means_cover(
    n: int, draw: Callable[[np.random.Generator, int], np.ndarray], truth: float
) -> None:
    rng = np.random.default_rng(n)
    held = 0
    for _ in range(RUNS):
        x = draw(rng, n)
        found = mean(x, Sample({"x": x}), Question())
        held += found.low <= truth <= found.high  # type: ignore[operator]
    assert 0.93 <= held / RUNS <= 0.97


@pytest.mark.slow
def test_weighted_strata_cover() -> None:
    """A small group drawn far too often, and weighted back."""
    rng = np.random.default_rng(3)
    held = 0
    stratum = np.repeat([0, 1], [300, 100])
    weight = np.where(stratum == 0, 0.95 / 300, 0.05 / 100)
    truth = 0.95 * 0.3 + 0.05 * 0.7
    for _ in range(RUNS):
        events = rng.random(400) < np.where(stratum == 0, 0.3, 0.7)
        low, high = wilson(share_of(events, Sample({"e": events}, weight, None, stratum)))
        held += low <= truth <= high
    assert 0.93 <= held / RUNS <= 0.97


def scored(rng: np.random.Generator, n: int) -> Sample:
    label = rng.choice(3, size=n, p=[0.6, 0.3, 0.1])
    score = rng.normal(size=(n, 3))
    score[np.arange(n), label] += 1.5
    probs = np.exp(score) * np.sqrt([0.6, 0.3, 0.1])
    probs /= probs.sum(axis=1, keepdims=True)
    return Sample({"label": label, "predicted": probs.argmax(axis=1), "probs": probs})


LINEARISED = (
    "f1", "f1_macro", "balanced_accuracy", "precision_macro", "auroc", "auroc_macro", "auprc",
    "log_loss", "brier", "ece", "calibration_in_the_large",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", LINEARISED)
def test_linearised_figures_cover(name: str) -> None:
    """Three classes, the smallest of about 30 rows; the figure of a million rows is the truth."""
    rng = np.random.default_rng(4)
    question = Question(positive=1, classes=3)
    measure = MEASURES[name]
    truth = measure.value(scored(rng, 1_000_000), question)
    found: list[Estimate] = []
    for _ in range(RUNS):
        found.append(measure.estimate(scored(rng, 300), question))
    held = np.mean([f.low <= truth <= f.high for f in found])  # type: ignore[operator]
    assert 0.92 <= held <= 0.98, held


def verdict_rates(
    rates: list[float], n: int, tau: float, *, runs: int = RUNS, seed: int = 0
) -> tuple[float, float]:
    """How often a largest difference over groups of n rows each fails, and passes, alone."""
    rng = np.random.default_rng(seed)
    p = rng.binomial(n, rates, size=(runs, len(rates))) / n
    a, b = np.nonzero(~np.eye(len(rates), dtype=bool))
    first, second = Share(p[:, a], n), Share(p[:, b], n)
    pairs = len(rates) * (len(rates) - 1) / 2
    low, _ = mover(first, second, alpha=0.025 / pairs)
    _, high = mover(first, second)
    return float((low.max(axis=1) > tau).mean()), float((high.max(axis=1) < tau).mean())


@pytest.mark.parametrize(("groups", "n"), [(2, 100), (5, 100), (14, 100), (14, 50), (2, 50)])
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_equal_groups_rarely_fail(groups: int, n: int, rate: float) -> None:
    """A gap of 0 fails "at most 0.1" rarely; even "at most 0", with two ways to fail a pair."""
    assert verdict_rates([rate] * groups, n, 0.1)[0] <= 0.025
    assert verdict_rates([rate] * groups, n, 0.0)[0] <= 0.07


@pytest.mark.parametrize("groups", [2, 5, 14])
def test_at_the_boundary_neither_verdict_comes_too_often(groups: int) -> None:
    """One group 0.1 below the others: θ = τ."""
    fails, passes = verdict_rates([0.5] + [0.6] * (groups - 1), 600, 0.1)
    assert fails <= 0.05
    assert passes <= 0.025 + 3 * np.sqrt(0.025 / RUNS)


def test_twice_the_threshold_is_found_and_fairness_is_passed() -> None:
    """Stated n: 700 a group of two for both; 1,000 of five."""
    assert verdict_rates([0.5, 0.7], 700, 0.1)[0] >= 0.9
    assert verdict_rates([0.5, 0.7, 0.7, 0.7, 0.7], 1_000, 0.1)[0] >= 0.9
    assert verdict_rates([0.8, 0.8], 700, 0.1)[1] >= 0.9
    assert verdict_rates([0.85] * 5, 1_000, 0.1)[1] >= 0.9


def test_the_vectorised_rates_are_the_estimates() -> None:
    """`largest_gap` decides the same runs the same way."""
    question = Question(rule=Rule("<=", 0.1))
    rng = np.random.default_rng(0)
    p = rng.binomial(200, [0.5, 0.6, 0.75], size=(60, 3)) / 200
    n = np.full(3, 200)
    fails = passes = 0
    for row in p:
        part = Cells(("a", "b", "c"), Share(row, n, np.full(3, np.inf)), n, n, np.eye(3), {}, n, {})
        found = largest_gap({"rate": part}, question, "difference")
        fails += found.p_fail <= 0.025  # type: ignore[operator]
        passes += found.p_pass <= 0.025  # type: ignore[operator]
    assert (fails / 60, passes / 60) == verdict_rates([0.5, 0.6, 0.75], 200, 0.1, runs=60)


def swaps(rng: np.random.Generator, items: int, excess: float) -> Sample:
    """Items of three swaps: 2 % flip whatever is changed, `excess` more by the identity alone."""
    cluster = np.repeat(np.arange(items), 3)
    chance = rng.beta(0.02 * 9, 0.98 * 9, items)[cluster]
    control = rng.random(cluster.size) < chance
    biased = rng.beta(excess * 2, (1 - excess) * 2, items)[cluster] if excess else 0.0
    flip = (rng.random(cluster.size) < chance) | (rng.random(cluster.size) < biased)
    return Sample({"flip": flip, "control_flip": control}, cluster=cluster)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("excess", "items", "fails", "passes"),
    [
        (0.0, 300, (0.0, 0.01), (0.9, 1.0)),  # the clean twin
        (0.05 / 0.98, 300, (0.0, 0.05), (0.0, 0.05)),  # θ = τ
        (0.10 / 0.98, 300, (0.9, 1.0), (0.0, 0.0)),  # twice τ
    ],
)
def test_swaps_of_known_responders(
    excess: float, items: int, fails: tuple[float, float], passes: tuple[float, float]
) -> None:
    rng = np.random.default_rng(7)
    question = Question(rule=Rule("<=", 0.05))
    found = [
        MEASURES["excess_flip_rate"].estimate(swaps(rng, items, excess), question)
        for _ in range(1_000)
    ]
    failed = np.mean([f.p_fail <= 0.025 for f in found])  # type: ignore[operator]
    passed = np.mean([f.p_pass <= 0.025 for f in found])  # type: ignore[operator]
    assert fails[0] <= failed <= fails[1], failed
    assert passes[0] <= passed <= passes[1], passed
