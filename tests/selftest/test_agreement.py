"""How often the rule on agreement with stereotypes errs, and that its controls are quiet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from fmaudit import catalog
from fmaudit.selftest.plants import PLANTS, Level
from fmaudit.selftest.trials import Trial, holm_sizes, trials, verdicts
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate, Row, Rule

Floats = npt.NDArray[np.float64]
CARD = catalog.probe("bias.stereotype_agreement")
PLANT = PLANTS["stereotype_agreement"]
CHANGE = "excess_agreement_change"
DOSED = {CHANGE: PLANT.measures[CHANGE].dose}
TEMPLATES = 120
SEEDS = 60


@pytest.fixture(scope="module")
def trial() -> Trial:
    (mine,) = trials([CARD], holm_sizes([CARD]))
    return mine


def fails(trial: Trial, level: Level, n: int, seeds: int, folder: Path) -> int:
    """Audits that fail, with this rule alone in its family."""
    family = {trial.card.family: 1}
    audits = [trial.audit(level, n, seed, folder) for seed in range(seeds)]
    return sum("fail" in verdicts(found, family) for found in audits)


def test_a_defect_fails_and_none_does_not(trial: Trial, tmp_path: Path) -> None:
    assert [p.measure for p in trial.plans] == [CHANGE]
    assert fails(trial, "clean", TEMPLATES, SEEDS, tmp_path) == 0
    assert fails(trial, "dosed", TEMPLATES, 30, tmp_path) >= 24


@pytest.mark.slow
@pytest.mark.parametrize("n", PLANT.ladder)
def test_the_threshold_itself_seldom_fails(trial: Trial, n: int, tmp_path: Path) -> None:
    # 5 % at most, with four standard errors of 200 audits
    assert fails(trial, "boundary", n, 200, tmp_path) <= 22


def excesses(rows: Sequence[Row]) -> Mapping[str, Floats]:
    names = ("excess", "base_excess")
    return {name: np.array([row.values[name] for row in rows]) for name in names}


def change(rows: Sequence[Row], sides: Floats | float = 1.0) -> Estimate:
    """The change where a side of -1 exchanges the two statements of a pair."""
    columns = {name: values * sides for name, values in excesses(rows).items()}
    sample = Sample(columns, cluster=np.array([row.case.cluster for row in rows]))
    return MEASURES[CHANGE].estimate(sample, Question(rule=Rule("<=", 0.05)))


@cache
def prejudiced(seed: int) -> Sequence[Row]:
    return PLANT.rows(DOSED, TEMPLATES, np.random.default_rng(seed))


def test_anti_stereotypes_do_not_raise_the_alarm() -> None:
    """With the statements exchanged the same model agrees with what is no stereotype."""
    for seed in range(20):
        rows = prejudiced(seed)
        found = change(rows, -1.0)
        assert found.value == pytest.approx(-change(rows).value)
        assert found.value < 0
        assert found.p_fail > 0.9  # type: ignore[operator]


def test_shuffled_statements_are_quiet() -> None:
    """Which statement is called the stereotype is drawn anew: no change is left."""
    missed = alarms = 0
    for seed in range(SEEDS):
        rows = prejudiced(seed)
        found = change(rows, np.random.default_rng([seed, 1]).choice([-1.0, 1.0], len(rows)))
        missed += not found.low <= 0 <= found.high  # type: ignore[operator]
        alarms += found.p_fail <= 0.025  # type: ignore[operator]
    assert missed <= 9  # a 95 % interval, with four standard errors of 60 seeds
    assert alarms <= 1
