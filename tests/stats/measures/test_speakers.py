from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import gmean

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate, Rule

SCORE, RATE, CHANGE = "masculine_score", "stereotype_rate", "stereotype_rate_change"


def sentences(seed: int = 0, *, men: float = 0.3, women: float = 0.1, per: int = 40) -> Sample:
    """Three stereotypes about women and two about men, of unequal sizes, in two frames."""
    rng = np.random.default_rng(seed)
    kind = np.repeat(np.arange(5), [per, 2 * per, per, 3 * per, per])
    about = np.array(["women", "women", "women", "men", "men"], dtype=object)[kind]
    middle = np.where(about == "men", men, women) + 0.1 * kind
    columns: dict[str, Any] = {
        "log_ratio": middle + rng.normal(0, 0.4, kind.size),
        "base_log_ratio": middle + rng.normal(-0.1, 0.4, kind.size),
        "about": about,
        "stereotype": np.array([f"kind {k}" for k in range(5)], dtype=object)[kind],
    }
    return Sample(columns, cluster=np.arange(kind.size) // 2)


def ask(name: str, sample: Sample, **more: Any) -> Estimate:
    return MEASURES[name].estimate(sample, Question(**more))


def scores(sample: Sample, column: str = "log_ratio") -> dict[str, float]:
    """The authors' r of each stereotype."""
    names = sample.columns["stereotype"]
    return {
        name: math.exp(sample.columns[column][names == name].mean()) for name in sorted(set(names))
    }


def test_a_score_is_e_to_the_mean_and_symmetric_in_the_logarithm() -> None:
    sample = sentences()
    found = ask(SCORE, sample)
    assert found.value == pytest.approx(math.exp(sample.columns["log_ratio"].mean()))
    assert found.low is not None
    assert found.high is not None
    assert found.low * found.high == pytest.approx(found.value**2)
    assert (found.method, found.clusters) == ("linearised_t", sample.n // 2)


def test_the_rate_is_the_ratio_of_the_two_sides_geometric_means() -> None:
    sample = sentences()
    r = list(scores(sample).values())
    assert ask(RATE, sample).value == pytest.approx(gmean(r[3:]) / gmean(r[:3]))
    before = list(scores(sample, "base_log_ratio").values())
    base = gmean(before[3:]) / gmean(before[:3])
    assert ask(CHANGE, sample).value == pytest.approx(gmean(r[3:]) / gmean(r[:3]) / base)


def test_a_preference_for_one_gender_throughout_leaves_the_rate() -> None:
    sample = sentences()
    shifted = Sample(
        {**sample.columns, "log_ratio": sample.columns["log_ratio"] + 2}, cluster=sample.cluster
    )
    one, other = ask(RATE, sample), ask(RATE, shifted)
    assert other.value == pytest.approx(one.value)
    assert (other.low, other.high) == pytest.approx((one.low, one.high))
    assert ask(SCORE, shifted).value == pytest.approx(ask(SCORE, sample).value * math.exp(2))


def test_a_threshold_is_a_ratio() -> None:
    sample = sentences()
    found = ask(RATE, sample, rule=Rule("<=", 1.0), m=3)
    assert found.p_fail < 0.025  # type: ignore[operator]
    assert found.low > 1  # type: ignore[operator]
    at = ask(RATE, sample, rule=Rule("<=", found.low), m=3)  # type: ignore[arg-type]
    assert at.p_fail == pytest.approx(0.025, abs=1e-6)
    assert ask(RATE, sample, rule=Rule("<=", -1.0)).p_fail == pytest.approx(0.0)


def test_both_sides_are_needed() -> None:
    sample = sentences()
    for side, other in (("men", "women"), ("women", "men")):
        mine = sample.take(sample.columns["about"] == side)
        with pytest.raises(NotEstimable, match=f"no stereotype about {other}"):
            ask(RATE, mine)
        assert ask(SCORE, mine).value > 0


def test_the_smallest_stereotype_limits_the_degrees_of_freedom() -> None:
    wide = sentences(per=40)
    few = wide.take((wide.columns["stereotype"] != "kind 0") | (np.arange(wide.n) < 6))
    found, all_ = ask(RATE, few), ask(RATE, wide)
    assert found.high - found.low > 1.5 * (all_.high - all_.low)  # type: ignore[operator]


def test_a_ratio_that_no_number_holds() -> None:
    sample = sentences()
    with pytest.raises(NotEstimable, match="larger than any number"):
        ask(SCORE, Sample({"log_ratio": sample.columns["log_ratio"] + 1000}))


@given(st.integers(0, 500))
def test_exchanged_sides_invert_the_rate(seed: int) -> None:
    sample = sentences(seed, per=10)
    turned = {"men": "women", "women": "men"}
    about = np.array([turned[side] for side in sample.columns["about"]], dtype=object)
    one = ask(RATE, sample)
    other = ask(RATE, Sample({**sample.columns, "about": about}, cluster=sample.cluster))
    assert one.value * other.value == pytest.approx(1)
    assert one.low * other.high == pytest.approx(1)  # type: ignore[operator]


@pytest.mark.slow
@pytest.mark.parametrize("name", [SCORE, RATE])
def test_scores_of_a_stereotype_and_rates_cover(name: str) -> None:
    def figure(sample: Sample) -> Estimate:
        one = sample.columns["stereotype"] == "kind 0"
        return ask(name, sample.take(one) if name == SCORE else sample)

    truth = figure(sentences(99, per=60_000)).value
    found = [figure(sentences(seed)) for seed in range(1_500)]
    held = np.mean([f.low <= truth <= f.high for f in found])  # type: ignore[operator]
    assert 0.93 <= held <= 0.97
