"""Each plant has the true value that it says, and counts its n as an audit does."""

from __future__ import annotations

import numpy as np
import pytest

from fmaudit import catalog
from fmaudit.measured import units
from fmaudit.selftest import tier1
from fmaudit.selftest.plants import LEVELS, PLANTS
from fmaudit.selftest.trials import holm_sizes, trials

CARDS = catalog.probes()
TRIALS = {t.card.id: t for t in trials(CARDS.values(), holm_sizes(CARDS.values()))}
SEEDS = 8


@pytest.mark.parametrize("name", TRIALS)
def test_a_dose_is_at_least_twice_the_threshold_and_clean_is_on_the_good_side(name):
    for planned in TRIALS[name].plans:
        planted, rule = TRIALS[name].plant.measures[planned.measure], planned.rule
        sign = 1 if rule.op == "<=" else -1
        assert sign * planted.clean < sign * rule.value or planted.clean == 0
        assert sign * planted.dose > sign * rule.value
        if rule.op == "<=":
            assert planted.dose >= 2 * rule.value


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", TRIALS)
def test_the_planted_value_is_the_true_one(name, level, tmp_path):
    """The mean of the estimates over seeds lies within four standard errors of it."""
    mine = TRIALS[name]
    n = mine.plant.ladder[-1]
    audits = [mine.audit(level, n, seed, tmp_path) for seed in range(SEEDS)]
    for k, planned in enumerate(mine.plans):
        figures = [audit[k].estimate for audit in audits if audit[k].estimate is not None]
        assert figures, audits[0][k].reason
        assert {units(f) for f in figures} <= set(range(n, 3 * n))
        values = np.array([f.value for f in figures])
        error = max(values.std(ddof=1), 1e-3) / np.sqrt(len(values))
        true = mine.values(level)[planned.measure]
        # The largest gap of several groups is above the true one by the noise of the others.
        above = 0.1 if planned.attributes and true < 0.05 else 0.02 if planned.attributes else 0.0
        assert -4 * error <= values.mean() - true <= 4 * error + above


def test_a_plant_is_never_for_a_method_that_is_gone():
    from fmaudit import registry

    assert set(PLANTS) <= set(registry.known("methods"))


@pytest.mark.slow
@pytest.mark.parametrize("name", TRIALS)
def test_every_rule_keeps_its_promise_at_its_largest_n(name):
    """Fewer seeds than `fmaudit selftest` takes; what it finds in full stands beside the card."""
    from dataclasses import replace

    mine = TRIALS[name]
    top = replace(mine, plant=replace(mine.plant, ladder=mine.plant.ladder[-1:]))
    done = tier1.run([top], seeds=60)
    assert list(tier1.breaches(done)) == []
    for figure in done.figures[name]:
        assert figure.power.value >= 0.9, figure
