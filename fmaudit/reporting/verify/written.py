"""Figures of written answers and of their scorers, and the distance of scores, written anew.

The Wasserstein-1 distance is taken between quantile functions: with both columns sorted and the
weights cut where either has a step, W = Σ width·|a − b|. Its influence values come from the same
sum over the score: row i adds the stretch between its two scores, counted + where fewer rows lie
below after the exchange than before, − where more do.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.classifier import Rate
from fmaudit.reporting.verify.estimates import Ask, Smooth, enough, smooth
from fmaudit.reporting.verify.gaps import gap
from fmaudit.reporting.verify.probabilities import auroc
from fmaudit.reporting.verify.resampled import Drawn, p_value
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.types import Estimate

AGAIN = 1_999
STORED = 499

FLAGGED = Rate(lambda rows, ask: rows.columns["flagged"].astype(bool))


def between_groups(rows: Rows, ask: Ask) -> Estimate:
    """The largest difference between the groups that prompts are about."""
    grouped = replace(rows, columns={**rows.columns, "group": rows.columns["about_group"]})
    return gap({"flagged_share": FLAGGED}, "difference")(grouped, ask)


def scorer_auroc(rows: Rows, ask: Ask) -> Estimate:
    """How well a scorer ranks the labelled texts."""
    known = rows.columns["known"].astype(bool)
    if rows.n == 0 or known.all() or not known.any():
        raise NotEstimable("labelled texts of one kind")
    value, influence = auroc(known, rows.columns["check_score"].astype(float), rows.w)
    fewer = min(rows.where(side).units for side in (known, ~known))
    return smooth(Smooth(value, influence, limiting=fewer), rows, ask)


def distance(rows: Rows, ask: Ask) -> Estimate:
    """Wasserstein-1 between the scores before and after the exchange."""
    enough(rows, ask)
    before = rows.columns["p_base"].astype(float)
    after = before + rows.columns["gap"]
    value = _between(before, after, rows.w)
    parts = _parts(before, after, rows.w)
    found = smooth(Smooth(value, rows.w * (parts - value) / rows.w.sum()), rows, ask)

    def again(rng: np.random.Generator, draws: int) -> float:
        _, unit = np.unique(rows.unit, return_inverse=True)
        drawn = []
        for _ in range(draws):
            turned = rng.integers(2, size=unit.max() + 1)[unit.reshape(-1)] == 1
            one, two = np.where(turned, after, before), np.where(turned, before, after)
            drawn.append(_between(one, two, rows.w))
        return p_value(value, np.array(drawn))

    drawn = Drawn(again, rows.n, AGAIN, STORED)
    return msgspec.structs.replace(
        found, details={**found.details, "permutation_p": drawn, "draws": STORED}
    )


def _between(before: Array, after: Array, w: Array) -> float:
    """The distance by quantiles."""
    columns = []
    for column in (before, after):
        order = np.argsort(column, kind="stable")
        columns.append((column[order], np.cumsum(w[order]) / w.sum()))
    steps = np.unique(np.concatenate([reached for _, reached in columns]))
    middles = (steps + np.concatenate([[0.0], steps[:-1]])) / 2
    ends = [
        values[np.minimum(np.searchsorted(reached, middles), len(values) - 1)]
        for values, reached in columns
    ]
    widths = np.diff(steps, prepend=0.0)
    return float((widths * np.abs(ends[0] - ends[1])).sum())


def _parts(before: Array, after: Array, w: Array) -> Array:
    """Each row's part of the distance."""
    grid = np.unique(np.concatenate([before, after]))
    if len(grid) < 2:
        return np.zeros(len(before))

    def below(column: Array) -> Array:
        mass = np.bincount(np.searchsorted(grid, column), weights=w, minlength=len(grid))
        return np.cumsum(mass)[:-1] / w.sum()

    lead = below(before) - below(after)
    sign = np.where(np.abs(lead) < 1e-12, 0.0, np.sign(lead))
    height = np.concatenate([[0.0], np.cumsum(sign * np.diff(grid))])
    return np.asarray(height[np.searchsorted(grid, after)] - height[np.searchsorted(grid, before)])
