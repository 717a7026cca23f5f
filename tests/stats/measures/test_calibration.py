from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from statsmodels.discrete.discrete_model import Logit

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.measures.ece import bins_of, folded_mean
from fmaudit.stats.sample import Question, Sample

Rows = Callable[..., Sample]


def binary(p: np.ndarray, label: np.ndarray) -> Sample:
    return Sample({"label": label.astype(int), "probs": np.stack([1 - p, p], axis=1)})


def calibrated(n: int, seed: int, shift: float = 0.0) -> Sample:
    """P(label = 1) is the stated probability plus `shift`, all of them above a half."""
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.55, 0.85, n)
    return binary(p, rng.random(n) < p + shift)


def test_bins_have_equal_mass_and_keep_ties_together() -> None:
    assert np.bincount(bins_of(np.random.default_rng(0).random(750), 15)).tolist() == [50] * 15
    tied = bins_of(np.repeat([0.5, 0.7, 0.9], [70, 10, 20]), 4)
    assert tied.tolist() == [0] * 70 + [2] * 10 + [3] * 20
    assert bins_of(torch.tensor([0.1, 0.9, 0.5, 0.2]), 2).tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize(("d", "sigma"), [(0.0, 0.1), (0.05, 0.1), (-0.3, 0.1), (0.2, 0.0)])
def test_folded_mean_is_the_integral(d: float, sigma: float) -> None:
    if sigma == 0:
        assert folded_mean(d, sigma) == abs(d)
        return
    expected, _ = integrate.quad(
        lambda x: abs(x) * stats.norm.pdf(x, d, sigma), -3, 3, points=[0.0]
    )
    assert folded_mean(d, sigma) == pytest.approx(expected, abs=1e-7)


def test_one_bin_by_hand() -> None:
    """60 rows, one bin: confidence 0.8, 42 of 60 right."""
    sample = binary(np.full(60, 0.8), np.arange(60) < 42)
    found = MEASURES["ece"].estimate(sample, Question())
    sigma = float(np.sqrt(0.7 * 0.3 / 59))
    assert found.details["plugin"] == pytest.approx(0.1)
    assert found.value == pytest.approx(0.2 - folded_mean(-0.1, sigma), rel=1e-12)
    assert [b["n"] for b in found.details["bins"]] == [60]


@pytest.mark.parametrize("shift", [0.0, 0.04, 0.1])
def test_debiasing_and_the_interval(shift: float) -> None:
    """The plug-in's bias at least a third less; the truth within the interval nearly always."""
    found = [MEASURES["ece"].estimate(calibrated(750, s, shift), Question()) for s in range(200)]
    plain = np.mean([f.details["plugin"] for f in found])
    debiased = np.mean([f.value for f in found])
    assert plain > shift
    assert abs(debiased - shift) < 2 / 3 * (plain - shift) + 0.005
    held = np.mean([f.low <= shift <= f.high for f in found])  # type: ignore[operator]
    assert held > 0.9


def test_null_p_is_level_under_calibration_and_small_without() -> None:
    null = [
        MEASURES["ece"]
        .estimate(calibrated(300, s), Question(rng=np.random.default_rng(s)))
        .details["null_p"]
        for s in range(200)
    ]
    for level in (0.05, 0.25, 0.5):
        assert np.mean(np.array(null) <= level) <= level + 3 * np.sqrt(level / 200)
    off = MEASURES["ece"].estimate(
        calibrated(1500, 1, 0.12), Question(rng=np.random.default_rng(0))
    )
    assert off.details["null_p"] == 0.001


def test_clusters_have_no_null_p(rows: Rows) -> None:
    found = MEASURES["ece"].estimate(rows(300, clusters=60), Question(rng=np.random.default_rng(0)))
    assert "null_p" not in found.details


def test_ece_needs_fifty_rows(rows: Rows) -> None:
    with pytest.raises(NotEstimable, match="49 rows"):
        MEASURES["ece"].estimate(rows(49), Question())


def test_calibration_in_the_large(rows: Rows) -> None:
    sample = rows(200, weighted=True)
    y, p = sample.columns["label"] == 1, sample.columns["probs"][:, 1]
    expected = np.average(y - p, weights=sample.w)
    found = MEASURES["calibration_in_the_large"].estimate(sample, Question(positive=1))
    assert found.value == pytest.approx(expected, rel=1e-12)


def test_slope_agrees_with_statsmodels_and_its_sandwich() -> None:
    rng = np.random.default_rng(2)
    p = rng.uniform(0.05, 0.95, 500)
    logit = np.log(p / (1 - p))
    y = rng.random(500) < 1 / (1 + np.exp(-0.6 * logit))
    found = MEASURES["calibration_slope"].estimate(binary(p, y), Question(positive=1))
    fit = Logit(y.astype(float), np.column_stack([np.ones(500), logit])).fit(
        disp=False, cov_type="HC0", tol=1e-12, maxiter=100
    )
    assert found.value == pytest.approx(fit.params[1], rel=1e-9)
    half = stats.t.isf(0.025, 499) * fit.bse[1] * np.sqrt(500 / 499)
    assert found.high == pytest.approx(found.value + half, rel=1e-8)


def test_slope_is_found_from_afar() -> None:
    """Probabilities of 0 and 1 among them, and rows on one side that overshoot Newton's step."""
    rng = np.random.default_rng(3)
    p = np.clip(rng.normal(0.5, 1, 400), 0, 1)
    y = rng.random(400) < 0.3 + 0.4 * p
    found = MEASURES["calibration_slope"].estimate(binary(p, y), Question(positive=1))
    clipped = np.clip(p, 1e-12, 1 - 1e-12)
    fit = Logit(
        y.astype(float), np.column_stack([np.ones(400), np.log(clipped / (1 - clipped))])
    ).fit(disp=False, tol=1e-12, maxiter=200)
    assert found.value == pytest.approx(fit.params[1], rel=1e-8)


def test_slope_of_separated_or_constant_probabilities() -> None:
    y = np.arange(60) < 30
    with pytest.raises(NotEstimable, match="separate"):
        MEASURES["calibration_slope"].estimate(
            binary(np.where(y, 0.8, 0.2) + np.linspace(0, 0.1, 60), y), Question(positive=1)
        )
    with pytest.raises(NotEstimable, match="differ"):
        MEASURES["calibration_slope"].estimate(binary(np.full(60, 0.4), y), Question(positive=1))
