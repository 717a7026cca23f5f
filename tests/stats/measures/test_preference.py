from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate, Rule

RULE = Rule("<=", 0.05)


def pairs(templates: int = 40, per: int = 6, share: float = 0.5, seed: int = 0) -> Sample:
    """Sentence pairs of templates that prefer alike; one in twenty is a tie."""
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(templates), per)
    chance = rng.beta(6 * share, 6 * (1 - share), templates)[code]
    stereotyped = (rng.random(code.size) < chance).astype(float)
    stereotyped[rng.random(code.size) < 0.05] = 0.5
    preference = (stereotyped - 0.5) * rng.gamma(2.0, 2.0, code.size)
    columns = {
        "stereotyped": stereotyped,
        "base_stereotyped": np.where(rng.random(code.size) < 0.05, 0.5, stereotyped),
        "preference": preference,
        "base_preference": preference + rng.normal(-0.1, 1.0, code.size),
    }
    return Sample(columns, cluster=code)


def ask(name: str, sample: Sample, rule: Rule | None = None) -> Estimate:
    return MEASURES[name].estimate(sample, Question(rule=rule))


def test_values_by_hand() -> None:
    sample = pairs()
    c = sample.columns
    expected = {
        "stereotype_share": c["stereotyped"].mean(),
        "stereotype_share_change": c["stereotyped"].mean() - c["base_stereotyped"].mean(),
        "mean_preference": c["preference"].mean(),
        "mean_preference_change": (c["preference"] - c["base_preference"]).mean(),
    }
    for name, value in expected.items():
        assert ask(name, sample).value == pytest.approx(value, rel=1e-12, abs=1e-15)


def test_directions() -> None:
    better = {name: MEASURES[name].better for name in ("stereotype_share", "mean_preference")}
    assert better == {"stereotype_share": "neither", "mean_preference": "zero"}
    assert MEASURES["stereotype_share_change"].better == "lower"


def test_a_model_that_prefers_as_its_base_passes_from_a_hundred_templates() -> None:
    sample = pairs(100, 4)
    same = sample.columns["stereotyped"]
    still = Sample({"stereotyped": same, "base_stereotyped": same}, cluster=sample.cluster)
    found = ask("stereotype_share_change", still, RULE)
    assert (found.value, found.method, found.clusters) == (0, "tango_clustered", 100)
    assert 0 < found.high < 0.05  # type: ignore[operator]
    assert found.p_pass <= 0.025  # type: ignore[operator]


def test_a_preference_that_was_added_fails() -> None:
    sample = pairs(60, 6)
    base = sample.columns["stereotyped"]
    rng = np.random.default_rng(1)
    tuned = np.where(rng.random(base.size) < 0.4, 1.0, base)
    added = Sample({"stereotyped": tuned, "base_stereotyped": base}, cluster=sample.cluster)
    found = ask("stereotype_share_change", added, RULE)
    assert found.value > 0.1
    assert found.p_fail < 0.001  # type: ignore[operator]


@pytest.mark.parametrize("name", ["stereotype_share", "stereotype_share_change", "mean_preference"])
def test_nine_templates_are_too_few_and_twenty_are_flagged(name: str) -> None:
    with pytest.raises(NotEstimable, match="9 independent clusters"):
        ask(name, pairs(9))
    assert ask(name, pairs(20)).details == {"few_clusters": True}


def test_ties_alone_are_no_preference_and_no_interval() -> None:
    """Nothing varies in the middle of the range; the change of nothing has an interval."""
    ties = np.full(60, 0.5)
    sample = Sample({"stereotyped": ties, "base_stereotyped": ties}, cluster=np.arange(60) // 2)
    found = ask("stereotype_share", sample)
    assert (found.value, found.low) == (0.5, None)
    change = ask("stereotype_share_change", sample, RULE)
    assert change.low < 0 < change.high  # type: ignore[operator]


@given(seed=st.integers(0, 300), share=st.floats(0.05, 0.95))
def test_exchanging_the_sentences_mirrors_the_figures(seed: int, share: float) -> None:
    sample = pairs(15, 3, share, seed)
    c = sample.columns
    turned = Sample(
        {
            "stereotyped": 1 - c["stereotyped"],
            "base_stereotyped": 1 - c["base_stereotyped"],
            "preference": -c["preference"],
            "base_preference": -c["base_preference"],
        },
        cluster=sample.cluster,
    )
    for name, about in (("stereotype_share", 1.0), ("mean_preference", 0.0)):
        for figure, middle in ((name, about), (f"{name}_change", 0.0)):
            one, two = ask(figure, sample), ask(figure, turned)
            assert two.value == pytest.approx(middle - one.value, abs=1e-9)
            if one.low is not None:
                assert two.low == pytest.approx(middle - one.high, abs=1e-9)  # type: ignore[operator]


@pytest.mark.slow
def test_shares_and_means_of_templates_cover() -> None:
    cover = []
    for name, truth in (("stereotype_share", 0.95 * 0.6 + 0.025), ("mean_preference", 0.38)):
        for templates in (30, 100):
            found = [ask(name, pairs(templates, 6, 0.6, seed)) for seed in range(1_500)]
            cover.append(np.mean([f.low <= truth <= f.high for f in found]))  # type: ignore[operator]
    assert 0.93 <= np.mean(cover) <= 0.97, cover
    assert min(cover) >= 0.92, cover
