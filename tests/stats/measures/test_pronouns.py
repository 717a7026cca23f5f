from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.measures.pronouns import correlated
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate

ONE, CHANGE = "occupation_correlation", "occupation_correlation_change"


def items(occupations: int = 60, per: int = 2, r: float = 0.5, seed: int = 0) -> Sample:
    """Preferences whose means over occupations correlate at about r with the share of women."""
    rng = np.random.default_rng(seed)
    women = rng.uniform(0, 100, occupations)
    z = (women - 50) / np.sqrt(100**2 / 12)
    means = r * z + np.sqrt(1 - r**2) * rng.normal(size=occupations)
    code = np.repeat(np.arange(occupations), per)
    names = np.array([f"work {k}" for k in range(occupations)], dtype=object)
    own = rng.normal(0, 0.1, (2, code.size))
    columns: dict[str, Any] = {
        "preference": means[code] + own[0],
        "base_preference": rng.normal(size=occupations)[code] + own[1],
        "women": women[code],
        "occupation": names[code],
    }
    return Sample(columns, cluster=code)


def ask(name: str, sample: Sample, **more: Any) -> Estimate:
    return MEASURES[name].estimate(sample, Question(**more))


def by_occupation(sample: Sample, column: str) -> np.ndarray:
    found: np.ndarray = sample.columns[column].reshape(60, 2).mean(axis=1)
    return found


def test_the_correlation_is_pearson_s_over_occupations() -> None:
    sample = items()
    women = sample.columns["women"][::2]
    r = [
        stats.pearsonr(women, by_occupation(sample, c))[0]
        for c in ("preference", "base_preference")
    ]
    found = ask(ONE, sample)
    assert found.value == pytest.approx(r[0], rel=1e-12)
    assert (found.n, found.clusters, found.method) == (120, 60, "linearised_t")
    change = ask(CHANGE, sample)
    assert change.value == pytest.approx(r[0] - r[1], rel=1e-12)
    assert change.low < change.value < change.high  # type: ignore[operator]


def test_the_interval_is_near_to_fisher_s() -> None:
    sample = items(r=0.5, seed=1)
    women, mean = sample.columns["women"][::2], by_occupation(sample, "preference")
    fisher = stats.pearsonr(women, mean).confidence_interval()
    found = ask(ONE, sample)
    assert (found.low, found.high) == pytest.approx((fisher.low, fisher.high), abs=0.06)


def test_occupations_count_alike_whatever_their_rows_and_clusters() -> None:
    sample = items()
    more = np.concatenate([np.arange(120), np.repeat([0, 1], 30)])
    thrice = Sample({k: v[more] for k, v in sample.columns.items()})
    one, other = ask(ONE, sample), ask(ONE, thrice)
    assert other.value == pytest.approx(one.value, rel=1e-12)
    assert (other.low, other.high) == pytest.approx((one.low, one.high), rel=1e-9)


def test_a_pronoun_that_is_preferred_throughout_does_not_matter() -> None:
    sample = items()
    shifted = Sample(
        {**sample.columns, "preference": 3 * sample.columns["preference"] - 20},
        cluster=sample.cluster,
    )
    assert ask(ONE, shifted).value == pytest.approx(ask(ONE, sample).value, rel=1e-9)


def test_what_does_not_vary_has_no_correlation() -> None:
    sample = items()
    for name in ("preference", "women"):
        still = {**sample.columns, name: np.full(120, 7.0)}
        with pytest.raises(NotEstimable, match="all occupations have the same value"):
            ask(ONE, Sample(still))


def test_nine_occupations_are_too_few() -> None:
    with pytest.raises(NotEstimable, match="9"):
        ask(ONE, items(9))
    with pytest.raises(NotEstimable, match="60 occupations"):
        ask(ONE, items(), minimum_n=61)


@given(st.integers(0, 400), st.floats(-0.9, 0.9))
def test_mirrored_preferences_mirror_the_correlation(seed: int, r: float) -> None:
    sample = items(20, 3, r, seed)
    turned = {k: -v if "preference" in k else v for k, v in sample.columns.items()}
    for name in (ONE, CHANGE):
        one, other = ask(name, sample), ask(name, Sample(turned))
        assert other.value == pytest.approx(-one.value, abs=1e-9)
        assert other.low == pytest.approx(-one.high, abs=1e-9)  # type: ignore[operator]
        assert -1 <= ask(ONE, sample).low <= ask(ONE, sample).high <= 1  # type: ignore[operator]


@given(st.integers(0, 400))
def test_influence_is_the_slope_of_the_correlation(seed: int) -> None:
    """Against the difference that a little more weight of one occupation makes."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 12))
    _, influence = correlated(x, y)
    w = np.ones(12)
    w[3] += 1e-6

    def weighted() -> float:
        cov = np.cov(x, y, aweights=w, ddof=0)
        return float(cov[0, 1] / np.sqrt(cov[0, 0] * cov[1, 1]))

    slope = (weighted() - stats.pearsonr(x, y)[0]) / 1e-6
    assert influence[3] == pytest.approx(slope, abs=1e-4)
    assert influence.sum() == pytest.approx(0, abs=1e-9)


def test_shares_and_directions() -> None:
    assert MEASURES["majority_pronoun_share_change"].better == "lower"
    assert MEASURES[ONE].unit == "correlation"
    sample = Sample({"prefers_female": np.array([0.0, 1.0] * 20)})
    assert ask("female_pronoun_share", sample).value == 0.5


@pytest.mark.slow
@pytest.mark.parametrize("r", [0.0, 0.5, 0.8])
def test_correlations_of_sixty_occupations_cover(r: float) -> None:
    """Of bivariate normal figures, as Fisher's interval supposes them."""
    rng, held = np.random.default_rng(3), 0
    names = np.array([f"work {k}" for k in range(60)], dtype=object)
    for _ in range(4_000):
        x = rng.normal(size=60)
        y = r * x + np.sqrt(1 - r**2) * rng.normal(size=60)
        columns = {"preference": y, "women": x, "occupation": names}
        found = ask(ONE, Sample(columns))
        held += found.low <= r <= found.high  # type: ignore[operator]
    assert 0.93 <= held / 4_000 <= 0.97
