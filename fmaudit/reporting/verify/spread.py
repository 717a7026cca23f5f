"""How a sum varies over independent units, within strata.

With Z_c the sum of the influence values of unit c's rows and N_h the units of stratum h in the
whole file (those without a row in the slice have Z = 0; without strata, the slice's own units):

    V = Σ_h N_h/(N_h − 1) · (Σ_c Z_c² − (Σ_c Z_c)²/N_h),    df = units − strata of the slice,

a stratum of one unit giving Z².
"""

from __future__ import annotations

import numpy as np

from fmaudit.reporting.verify.rows import Array, Rows


def covariance(influence: Array, rows: Rows) -> tuple[Array, int]:
    """Covariance (k, k) of the column sums of `influence` (n, k), and degrees of freedom."""
    _, first, unit = np.unique(rows.unit, return_index=True, return_inverse=True)
    totals = np.zeros((len(first), influence.shape[1]))
    np.add.at(totals, unit.reshape(-1), influence)
    stratum = rows.stratum[first]
    found = np.zeros((influence.shape[1], influence.shape[1]))
    codes = np.unique(stratum) if rows.whole is not None else [None]
    for code in codes:
        z = totals if code is None else totals[stratum == code]
        units = len(z) if rows.whole is None else int(rows.whole[code])
        if units < 2:
            found += z.T @ z
            continue
        mean = z.sum(axis=0) / units
        gone = units - len(z)
        centred = z - mean
        found += units / (units - 1) * (centred.T @ centred + gone * np.outer(mean, mean))
    return found, len(first) - len(codes)


def variance(influence: Array, rows: Rows) -> tuple[float, int]:
    """Variance of the sum of `influence` (n,), and degrees of freedom."""
    found, df = covariance(influence[:, None], rows)
    return float(found[0, 0]), df
