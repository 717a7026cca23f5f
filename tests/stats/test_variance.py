from __future__ import annotations

import numpy as np
import pytest
from statsmodels.regression.linear_model import OLS

from fmaudit.stats.sample import Sample
from fmaudit.stats.variance import design_covariance, design_variance, sums


def mean_influence(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    return w * (x - (w * x).sum() / w.sum()) / w.sum()


def test_independent_rows_give_the_textbook_variance() -> None:
    x = np.random.default_rng(0).normal(size=50)
    variance, df = design_variance(mean_influence(x, np.ones(50)), Sample({"x": x}))
    assert variance == pytest.approx(x.var(ddof=1) / 50, rel=1e-12)
    assert df == 49


def test_clusters_agree_with_statsmodels() -> None:
    rng = np.random.default_rng(1)
    x, cluster = rng.normal(size=120), rng.integers(25, size=120)
    variance, df = design_variance(
        mean_influence(x, np.ones(120)), Sample({"x": x}, cluster=cluster)
    )
    fit = OLS(x, np.ones(120)).fit(
        cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False}
    )
    units = np.unique(cluster).size
    assert variance == pytest.approx(float(fit.bse[0] ** 2) * units / (units - 1), rel=1e-12)
    assert df == units - 1


def test_strata_agree_with_the_stratified_mean() -> None:
    """Σ (N_h/N)² s_h²/n_h of the textbook, with weights N_h/n_h."""
    rng = np.random.default_rng(2)
    sizes, population = np.array([20, 30, 10]), np.array([1000.0, 300.0, 50.0])
    stratum = np.repeat(np.arange(3), sizes)
    x = rng.normal(stratum * 2.0, 1 + stratum)
    w = (population / sizes)[stratum]
    variance, df = design_variance(
        mean_influence(x, w), Sample({"x": x}, weight=w, stratum=stratum)
    )
    within = np.array([x[stratum == h].var(ddof=1) / sizes[h] for h in range(3)])
    assert variance == pytest.approx(float(((population / 1350) ** 2 * within).sum()), rel=1e-12)
    assert df == 57


def test_a_slice_counts_the_units_that_it_lacks() -> None:
    """A domain's variance is that of the whole sample with zeros outside the domain."""
    rng = np.random.default_rng(3)
    stratum = np.repeat([0, 1], [30, 20])
    w = np.where(stratum == 0, 5.0, 1.0)
    x, inside = rng.normal(stratum, 1), rng.random(50) < 0.4
    whole = Sample({"x": x}, weight=w, stratum=stratum)
    part = whole.take(inside)
    z = mean_influence(part.columns["x"], part.w)
    padded = np.zeros(50)
    padded[inside] = z
    assert design_variance(z, part)[0] == pytest.approx(design_variance(padded, whole)[0])
    assert design_variance(z, part)[1] == inside.sum() - 2


def test_a_stratum_of_one_unit_is_centred_at_zero() -> None:
    z = np.array([0.1, -0.3, 0.2])
    sample = Sample({"z": z}, stratum=np.array([0, 0, 1]))
    expected = 2 * ((0.1 + 0.1) ** 2 + (-0.3 + 0.1) ** 2) + 0.2**2
    assert design_variance(z, sample)[0] == pytest.approx(expected)


def test_covariance_of_shared_clusters() -> None:
    rng = np.random.default_rng(4)
    totals = rng.normal(size=(40, 2))
    covariance, df = design_covariance(totals, Sample({"x": np.zeros(40)}))
    assert covariance == pytest.approx(np.cov(totals.T) * 40)
    assert df == 39


def test_sums() -> None:
    assert sums(np.array([0, 2, 0]), np.array([1.0, 5, 2]), 4).tolist() == [3, 0, 5, 0]
