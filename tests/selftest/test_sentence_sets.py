"""The controls of sentence pairs: what is no stereotype moves no figure."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fmaudit import catalog
from fmaudit.selftest.plants import PLANTS, SETS
from fmaudit.selftest.plants.bias_lm import drawn
from fmaudit.selftest.trials import holm_sizes, trials
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate, Rule

Floats = npt.NDArray[np.float64]
RULE = Rule("<=", 0.05)
PAIRS = 1_508
SEEDS = 200


def share(stereotyped: Floats) -> Estimate:
    sample = Sample({"stereotyped": stereotyped})
    return MEASURES["stereotype_share"].estimate(sample, Question())


def change(tuned: Floats, base: Floats) -> Estimate:
    sample = Sample({"stereotyped": tuned, "base_stereotyped": base})
    return MEASURES["stereotype_share_change"].estimate(sample, Question(rule=RULE))


def prejudiced(seed: int, dose: float = 0.25) -> tuple[Floats, Floats]:
    """Preferences of a tuned model with a strong defect, and of its base, a pair each."""
    rng = np.random.default_rng(seed)
    tuned, base = drawn(dose, np.arange(PAIRS), rng)
    return tuned, base


def over(preferences: Floats) -> Floats:
    found: Floats = (preferences > 0).astype(float)
    return found


def test_the_defect_is_found_where_the_sides_are_as_they_are() -> None:
    for seed in range(20):
        tuned, base = prejudiced(seed)
        assert change(over(tuned), over(base)).p_fail < 0.001  # type: ignore[operator]


def test_shuffled_sides_are_quiet() -> None:
    """Which sentence is called the more stereotyped is drawn anew: no share, no change is left."""
    missed = alarms = 0
    for seed in range(SEEDS):
        tuned, base = prejudiced(seed)
        side = np.random.default_rng([seed, 1]).choice([-1.0, 1.0], PAIRS)
        found = share(over(tuned * side))
        missed += not found.low <= 0.5 <= found.high  # type: ignore[operator]
        alarms += change(over(tuned * side), over(base * side)).p_fail <= 0.025  # type: ignore[operator]
    assert missed / SEEDS <= 0.09  # a 95 % interval, with four standard errors of 200 seeds
    assert alarms == 0


def test_anti_stereotypes_do_not_raise_the_alarm() -> None:
    """With the sides exchanged the same model leans away from what is called the stereotype."""
    for seed in range(20):
        tuned, base = prejudiced(seed)
        found = change(over(-tuned), over(-base))
        assert found.value < 0
        assert found.p_fail > 0.9  # type: ignore[operator]
        assert share(over(-tuned)).value == pytest.approx(1 - share(over(tuned)).value)


def test_shuffled_sides_of_the_published_scores(shared: Path) -> None:
    """RoBERTa's published preferences, 65 % towards the stereotype, with the sides shuffled."""
    import pandas as pd

    path = shared / "data/crows_pairs_multilingual/published_results_roberta.csv.gz"
    with gzip.open(path) as file:
        frame = pd.read_csv(file, index_col=0)
    lead = (frame["sent_more_score"] - frame["sent_less_score"]).to_numpy()
    assert share(over(lead)).low > 0.6  # type: ignore[operator]
    missed = 0
    for seed in range(SEEDS):
        side = np.random.default_rng(seed).choice([-1.0, 1.0], lead.size)
        found = share(np.where(lead == 0, 0.5, over(lead * side)))
        missed += not found.low <= 0.5 <= found.high  # type: ignore[operator]
    assert missed / SEEDS <= 0.09


def test_shuffled_stereotypes_of_the_published_scores_have_no_rate(shared: Path) -> None:
    """GPT-2's published log ratios, with what the sentences are about drawn anew."""
    with gzip.open(shared / "data/gest/published_glm_gpt2_t0.txt.gz", "rt") as file:
        ratios = np.array([float(line) for line in file])
    missed = 0
    for seed in range(SEEDS):
        kind = np.random.default_rng(seed).integers(16, size=ratios.size)
        columns: dict[str, Any] = {
            "log_ratio": ratios,
            "stereotype": np.array([f"kind {k}" for k in range(16)], dtype=object)[kind],
            "about": np.where(kind < 7, "women", "men").astype(object),
        }
        found = MEASURES["stereotype_rate"].estimate(Sample(columns), Question())
        missed += not found.low <= 1 <= found.high  # type: ignore[operator]
    assert missed / SEEDS <= 0.09


def test_each_set_has_a_plant_of_its_shape() -> None:
    cards = catalog.probes()
    assert set(SETS) <= set(cards)
    tried = {t.card.id: t for t in trials(cards.values(), holm_sizes(cards.values()))}
    for name, plant in SETS.items():
        assert tried[name].plant is plant
        rule = next(entry.rule for entry in cards[name].measures if entry.rule)
        assert rule.minimum_n <= min(plant.ladder)
    for name in ("bias.gest", "bias.gest_masked"):
        assert tried[name].plant is PLANTS[cards[name].method]


@pytest.mark.parametrize("name", [*SETS, "bias.gest", "bias.gest_masked"])
def test_a_plant_s_rows_go_through_the_method(name: str, tmp_path: Path) -> None:
    cards = catalog.probes()
    (mine,) = trials([cards[name]], holm_sizes(cards.values()))
    n = mine.plant.ladder[0]
    (found,) = mine.audit("dosed", n, 0, tmp_path)
    assert found.estimate is not None, found.reason
    assert found.estimate.clusters == n
    assert found.estimate.p_fail < 0.025  # type: ignore[operator]
