"""How a weighted sum varies: over clusters, within strata.

A smooth figure θ̂ of weighted rows changes, to first order, by the sum of its rows' influence
values: θ̂ − θ ≈ Σ z_i, z_i = w_i · ∂θ̂/∂w_i. With Z_c the sum of z over the rows of unit c, N_h
the units of stratum h in the whole sample (units without a row in the slice count with Z = 0)
and Z̄_h = Σ_c Z_c / N_h,

    V = Σ_h N_h / (N_h − 1) · Σ_{c in h} (Z_c − Z̄_h)²,      df = units − strata,

df counting the units and strata that the slice holds. Without strata N is the slice's own
number of units. A stratum of one unit contributes Z² (centred at 0, the mean of all influence
values).
Särndal, Swensson, Wretman 1992, ch. 5; Lumley 2010, ch. 2 and 5.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fmaudit.stats.sample import Floats, Ints, Sample, unit_strata

MIN_UNITS = 10
"""Fewer independent units than this give no design-based variance worth a verdict."""

FEW_UNITS = 30
"""Clustered figures on fewer units than this are flagged."""


def sums(codes: Ints, values: npt.NDArray[Any], k: int) -> Floats:
    """Sum of `values` (n,) over the rows of each code 0 … k − 1: (k,)."""
    return np.asarray(np.bincount(codes, weights=values, minlength=k), dtype=np.float64)


def unit_totals(values: Floats, sample: Sample) -> Floats:
    """Sum of `values` (n,) over the rows of each unit: (G,)."""
    return sums(sample.units, values, sample.unit_count)


def design_variance(influence: Floats, sample: Sample) -> tuple[float, int]:
    """Variance of Σ `influence` (n,) and its degrees of freedom (formula above)."""
    totals = unit_totals(influence, sample)[:, None]
    covariance, df = design_covariance(totals, sample)
    return float(covariance[0, 0]), df


def design_covariance(totals: Floats, sample: Sample) -> tuple[Floats, int]:
    """Covariance (k, k) of the column sums of `totals` (G, k), and the degrees of freedom."""
    strata, counts = _strata(sample)
    lonely = counts < 2
    scale = np.where(lonely, 1.0, counts / np.maximum(counts - 1, 1))
    total = np.stack([sums(strata, column, counts.size) for column in totals.T], axis=1)
    centre = np.where(lonely[:, None], 0.0, total / np.maximum(counts, 1)[:, None])
    spread = totals - centre[strata]
    absent = counts - np.bincount(strata, minlength=counts.size)
    covariance = (spread * scale[strata][:, None]).T @ spread
    covariance += (centre * (scale * absent)[:, None]).T @ centre
    return covariance, sample.unit_count - np.unique(strata).size


def _strata(sample: Sample) -> tuple[Ints, Ints]:
    """Stratum of each unit, and the number of units in each stratum of the whole sample."""
    if sample.design is None and not sample.stratified:
        return np.zeros(sample.unit_count, dtype=np.int64), np.array([sample.unit_count])
    strata = unit_strata(sample)
    return strata, np.bincount(strata) if sample.design is None else sample.design
