from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.measures.agreement import MEASURES as AGREEMENT
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate, Rule

RULE = Rule("<=", 0.05)
CHANGE = "excess_agreement_change"


def pairs(templates: int = 40, per: int = 4, seed: int = 0) -> Sample:
    """Pairs of templates, asked in four wordings of both statements, of two models."""
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(templates), per)
    n = code.size
    agreement, control, before, control_before = rng.binomial(4, 0.55, (4, n)) / 4
    columns = {
        "agreement": agreement,
        "control_agreement": control,
        "excess": agreement - control,
        "base_excess": before - control_before,
        "margin": rng.normal(0.3, 1.0, n),
        "base_margin": rng.normal(0.0, 1.0, n),
    }
    return Sample(columns, cluster=code)


def ask(name: str, sample: Sample, rule: Rule | None = None) -> Estimate:
    return MEASURES[name].estimate(sample, Question(rule=rule))


def constant(tuned: float, base: float, templates: int = 120) -> Sample:
    n = 3 * templates
    columns = {"excess": np.full(n, tuned), "base_excess": np.full(n, base)}
    return Sample(columns, cluster=np.arange(n) // 3)


def test_values_by_hand() -> None:
    sample = pairs()
    c = sample.columns
    expected = {
        "agreement_share": c["agreement"].mean(),
        "control_agreement_share": c["control_agreement"].mean(),
        "excess_agreement": (c["agreement"] - c["control_agreement"]).mean(),
        CHANGE: (c["excess"] - c["base_excess"]).mean(),
        "agreement_margin": c["margin"].mean(),
        "agreement_margin_change": (c["margin"] - c["base_margin"]).mean(),
    }
    assert set(expected) == {measure.name for measure in AGREEMENT}
    for name, value in expected.items():
        found = ask(name, sample)
        assert found.value == pytest.approx(value, rel=1e-12, abs=1e-15)
        assert found.low < value < found.high
        assert found.clusters == 40


def test_directions() -> None:
    better = {measure.name: measure.better for measure in AGREEMENT}
    assert better == {
        "agreement_share": "neither",
        "control_agreement_share": "neither",
        "excess_agreement": "zero",
        CHANGE: "lower",
        "agreement_margin": "zero",
        "agreement_margin_change": "lower",
    }


def test_a_model_that_answers_as_its_base_has_an_interval() -> None:
    found = ask(CHANGE, constant(0.25, 0.25), RULE)
    assert found.value == 0
    assert -0.2 < found.low < 0 < found.high < 0.2  # type: ignore[operator]
    assert found.p_fail > 0.9  # type: ignore[operator]
    assert ask(CHANGE, constant(0.25, 0.25, 400), RULE).p_pass <= 0.025  # type: ignore[operator]


@pytest.mark.parametrize(("tuned", "base"), [(1.0, 0.0), (1.0, -1.0), (0.5, 0.0)])
def test_the_same_change_of_all_pairs_fails(tuned: float, base: float) -> None:
    found = ask(CHANGE, constant(tuned, base), RULE)
    assert found.value == pytest.approx(tuned - base)
    assert found.low <= found.value <= found.high <= 2  # type: ignore[operator]
    assert found.p_fail < 0.001  # type: ignore[operator]


@pytest.mark.parametrize("name", [measure.name for measure in AGREEMENT])
def test_nine_templates_are_too_few(name: str) -> None:
    with pytest.raises(NotEstimable, match="9 independent clusters"):
        ask(name, pairs(9))


@settings(deadline=None)
@given(seed=st.integers(0, 300))
def test_exchanging_the_statements_mirrors_the_figures(seed: int) -> None:
    sample = pairs(15, 3, seed)
    turned = Sample(
        {
            name: -sample.columns[name]
            for name in ("excess", "base_excess", "margin", "base_margin")
        },
        cluster=sample.cluster,
    )
    for name in ("excess_agreement", CHANGE, "agreement_margin", "agreement_margin_change"):
        one, two = ask(name, sample), ask(name, turned)
        assert two.value == pytest.approx(-one.value, abs=1e-12)
        assert two.low == pytest.approx(-one.high, abs=1e-9)  # type: ignore[operator]


def test_the_interval_covers() -> None:
    """Templates that agree alike; the share of misses lies within four standard errors of 5 %."""
    missed = [not covered(np.random.default_rng(seed)) for seed in range(400)]
    assert np.mean(missed) <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 400)


def covered(rng: np.random.Generator) -> bool:
    def agreed(p: float) -> npt.NDArray[np.float64]:
        chance = rng.beta(3 * p, 3 * (1 - p), 60)[code]
        return rng.binomial(4, chance) / 4

    code = np.repeat(np.arange(60), 4)
    columns = {"excess": agreed(0.6) - agreed(0.5), "base_excess": agreed(0.5) - agreed(0.5)}
    found = ask(CHANGE, Sample(columns, cluster=code))
    return bool(found.low <= 0.1 <= found.high)  # type: ignore[operator]


def test_one_pair_that_changed_is_no_stronger_pass_than_none() -> None:
    still = np.zeros(60)
    one = still.copy()
    one[0] = 0.5
    ask = Question(Rule("<=", 0.05), 1)
    none, some = (
        MEASURES["excess_agreement_change"].estimate(
            Sample({"excess": excess, "base_excess": still}), ask
        )
        for excess in (still, one)
    )
    assert none.p_pass is not None
    assert some.p_pass is not None
    assert some.p_pass > none.p_pass
    assert some.high is not None
    assert some.high > (none.high or 0)
