"""Resamples of a sample's independent units, as weights of its rows.

A resample draws as many units as there are, with replacement, within each stratum (of the rows
themselves); a row counts w times as often as its unit was drawn. Efron 1979; Rao and Wu 1988 for
strata. Percentile limits are quantiles over resamples, between order statistics linear.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fmaudit.stats.sample import Floats, Sample, unit_strata

RESAMPLES = 1_000


def resampled_weights(
    sample: Sample, rng: np.random.Generator, draws: int = RESAMPLES
) -> Iterator[Floats]:
    """Weights of the rows (n,) in each of `draws` resamples; 0 where a row's unit is not drawn."""
    strata = [np.arange(sample.unit_count)]
    if sample.stratified:
        of_unit = unit_strata(sample)
        strata = [np.flatnonzero(of_unit == code) for code in np.unique(of_unit)]
    for _ in range(draws):
        times = np.zeros(sample.unit_count)
        for units in strata:
            drawn = rng.integers(units.size, size=units.size)
            times[units] = np.bincount(drawn, minlength=units.size)
        yield sample.w * times[sample.units]


def median(ordered: Floats, weight: Floats) -> float:
    """Weighted median of ascending values (n,): halfway where the weights part evenly.

    >>> median(np.array([1.0, 2.0, 3.0, 9.0]), np.ones(4))
    2.5
    >>> median(np.array([1.0, 2.0, 3.0, 9.0]), np.array([1.0, 1.0, 0.0, 3.0]))
    9.0
    """
    reached = np.cumsum(weight)
    half, slack = reached[-1] / 2, 1e-12 * reached[-1]
    lower = np.searchsorted(reached, half - slack, side="left")
    upper = np.searchsorted(reached, half + slack, side="right")
    return float(ordered[lower] + ordered[upper]) / 2
