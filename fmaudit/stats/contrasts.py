"""Weighted sums of figures in several cells, and the simultaneous rule over all of them.

A contrast is θ = Σ c_j·v_j over k cells, such as the difference of two groups' figures, or half
the difference of their true positive rates and half that of their false positive rates. Each
cell has limits l_j, u_j of its own at any level: Wilson's for a share (`OfShares`), those of a
linearised figure (`OfSmooth`). With the correlation R of the cells' figures (0 between cells
without common units) and

    d_j = c_j·(v_j − l_j) where c_j > 0,  c_j·(u_j − v_j) where c_j < 0,
    e_j = c_j·(u_j − v_j) where c_j > 0,  c_j·(v_j − l_j) where c_j < 0,

the limits are θ − sqrt(d′Rd) and θ + sqrt(e′Re): MOVER, which for two shares is Newcombe's
interval (Zou 2008, https://doi.org/10.1093/aje/kwn020; Zou, Huang, Zhang 2009, Stat. Med.
28:1169). Of q contrasts, each with either sign, the largest:

- value, low: those of the contrast that is the largest (of equal ones the first), at 0.025;
  high: the largest upper limit of any, at 0.025; low_adj: the largest lower limit at
  0.025/(m·q); high_adj: the largest upper limit at 0.025/m; p against "≤ τ": q × the smallest of
  any, at most 1; against "≥ τ": the largest of any. Limits stay within [0, `top`].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from fmaudit.errors import SpecError
from fmaudit.stats.estimates import orient
from fmaudit.stats.intervals import ALPHA, Share, quantile, wilson
from fmaudit.stats.sample import Floats, Ints, Question, Sample
from fmaudit.stats.variance import design_covariance, sums

_HALVINGS = 60
_BLOCK = 4_000_000
"""Numbers that are held at once where many draws meet many contrasts."""

_TIE = 1e-12
"""Contrasts that differ by less are equal, and the first of them is the largest."""

_FEW = 8
"""Cells of a contrast up to which all correlations of all contrasts are held at once."""

_FAR = 300.0
"""A step on a log scale beyond which a limit is as good as infinite, and its square a number."""


class Figures(Protocol):
    """The figures of k cells, or of any shape of them."""

    @property
    def value(self) -> Floats:
        """Their values."""

    def limits(self, alpha: Any) -> tuple[Any, Any]:
        """Lower and upper limits at one-sided level `alpha`, which broadcasts."""

    def at(self, cells: Ints) -> Figures:
        """Those of some cells, in the shape of `cells`."""


@dataclass(frozen=True)
class Contrasts:
    """q weighted sums: which t cells each is of, and their weights, both (q, t)."""

    cells: Ints
    weights: Floats

    def __len__(self) -> int:
        return len(self.cells)

    def of(self, values: Floats) -> Floats:
        """The sums of values (…, k): (…, q)."""
        found: Floats = (self.weights * values[..., self.cells]).sum(axis=-1)
        return found

    def either(self) -> Contrasts:
        """All of them, and after them all with their signs turned."""
        return Contrasts(
            np.concatenate([self.cells, self.cells]), np.concatenate([self.weights, -self.weights])
        )


@dataclass(frozen=True)
class OfShares:
    """Shares, each with its effective n: arrays of k."""

    share: Share

    @property
    def value(self) -> Floats:
        """The shares."""
        return np.asarray(self.share.p, dtype=np.float64)

    def limits(self, alpha: Any) -> tuple[Any, Any]:
        """Wilson's."""
        return wilson(self.share, alpha)

    def at(self, cells: Ints) -> OfShares:
        """Those of some cells."""
        return OfShares(Share(*(np.asarray(part)[cells] for part in self.share)))


@dataclass(frozen=True)
class OfSmooth:
    """Linearised figures of the range `span`: arrays of k.

    `error`: standard errors; `units`: independent ones of the smallest denominator. A figure
    that no row moves lies at an end of the range, and is bounded as a share without events; where
    the range has no upper end, as the odds of one.
    `start`: where lower limits start, for figures whose limits are cut at the range.
    """

    value: Floats
    error: Floats
    df: Floats
    units: Floats
    span: tuple[float, float]
    start: Floats | None = None

    @property
    def still(self) -> Any:
        """The cells that no row moves."""
        return self.error <= 1e-12 * np.maximum(1.0, np.abs(self.value))

    def limits(self, alpha: Any) -> tuple[Any, Any]:
        """On the scale that the range allows (`estimates`)."""
        reach = quantile(alpha, self.df) * self.error
        low, high = self._limits(reach)
        if not self.still.any():
            return low, high
        a, b = self.span
        at_end = Share(np.round((self.value - a) / (b - a)), self.units, self.df)
        ends = wilson(at_end, alpha)
        if np.isfinite(b):
            ends = a + (b - a) * ends[0], a + (b - a) * ends[1]
        else:
            ends = a + ends[0] / (1 - ends[0]), a + ends[1] / (1 - ends[1])
        return np.where(self.still, ends[0], low), np.where(self.still, ends[1], high)

    def at(self, cells: Ints) -> OfSmooth:
        """Those of some cells."""
        return OfSmooth(
            self.value[cells], self.error[cells], self.df[cells], self.units[cells], self.span,
            None if self.start is None else self.start[cells],
        )  # fmt: skip

    def _limits(self, reach: Any) -> tuple[Any, Any]:
        v, (a, b) = self.value, self.span
        if self.start is not None:
            return np.maximum(self.start - reach, a), np.minimum(v + reach, b)
        if np.isfinite(a) and np.isfinite(b):
            inside = (v > a) & (v < b)
            x = np.where(inside, v, (a + b) / 2)
            step, log_odds = reach * (1 / (x - a) + 1 / (b - x)), np.log((x - a) / (b - x))
            return _both_sides(
                lambda s: np.where(inside, a + (b - a) * _logistic(log_odds + s * step), v)
            )
        if np.isfinite(a):
            inside = v > a
            x = np.where(inside, v, a + 1.0)
            step = np.minimum(reach / (x - a), _FAR)
            return _both_sides(lambda s: np.where(inside, a + (x - a) * np.exp(s * step), v))
        return v - reach, v + reach


@dataclass(frozen=True)
class Largest:
    """Which contrast is the largest, whether with its sign turned, and an estimate's figures."""

    contrast: int
    turned: bool
    figures: dict[str, float | None]


def bounds(
    figures: Figures, contrasts: Contrasts, correlation: Floats, alpha: Any = ALPHA
) -> tuple[Floats, Floats]:
    """Limits of each contrast at level `alpha`, a number or (q,): (q,) each."""
    own = figures.at(contrasts.cells)
    low, high = own.limits(np.asarray(alpha)[:, None] if np.ndim(alpha) else alpha)
    down, up = own.value - low, high - own.value
    positive, negative = np.maximum(contrasts.weights, 0.0), np.minimum(contrasts.weights, 0.0)
    middle = contrasts.of(figures.value)
    return (
        middle - _reach(positive * down + negative * up, contrasts, correlation),
        middle + _reach(positive * up + negative * down, contrasts, correlation),
    )


def p_values(
    figures: Figures, contrasts: Contrasts, correlation: Floats, threshold: float
) -> tuple[Floats, Floats]:
    """P-values of each contrast against "≤ threshold" and "≥ threshold", inverting `bounds`."""
    above = contrasts.of(figures.value) > threshold
    low, high = np.full(above.shape, np.log(1e-300)), np.full(above.shape, np.log(0.5))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        ends = bounds(figures, contrasts, correlation, np.exp(middle))
        excluded = np.where(above, ends[0] > threshold, ends[1] < threshold)
        low, high = np.where(excluded, low, middle), np.where(excluded, middle, high)
    level = np.exp((low + high) / 2)
    return np.where(above, level, 1 - level), np.where(above, 1 - level, level)


def largest(
    figures: Figures,
    contrasts: Contrasts,
    correlation: Floats,
    question: Question,
    top: float = 1.0,
) -> Largest:
    """The largest of the contrasts, each with either sign."""
    if question.rule is not None and question.rule.op != "<=":
        raise SpecError("a rule on a difference between groups is written '<='")
    count, both = len(contrasts), contrasts.either()
    value = both.of(figures.value)
    driver = int(np.flatnonzero(value >= value.max() - _TIE)[0])

    def ends(alpha: float) -> tuple[Floats, Floats]:
        return bounds(figures, both, correlation, alpha)

    (low, high), (strict, _), (_, wide) = map(ends, (ALPHA, question.alpha / count, question.alpha))
    above = below = None
    if question.rule is not None:
        p_above, p_below = p_values(figures, both, correlation, question.rule.value)
        above, below = min(1.0, count * float(p_above.min())), float(p_below.max())
    fail, good = orient(question.rule, above, below)
    found = {
        "value": max(0.0, float(value[driver])), "low": max(0.0, float(low[driver])),
        "high": min(top, float(high.max())), "low_adj": max(0.0, float(strict.max())),
        "high_adj": min(top, float(wide.max())), "p_fail": fail, "p_pass": good,
    }  # fmt: skip
    return Largest(driver % count, driver >= count, found)


def largest_drawn(drawn: Floats, contrasts: Contrasts) -> Floats:
    """The largest of the contrasts of each draw (draws, k), with either sign: (draws,)."""
    found = np.zeros(len(drawn))
    block = max(1, _BLOCK // max(1, len(drawn) * contrasts.cells.shape[1]))
    for start in range(0, len(contrasts), block):
        some = slice(start, start + block)
        part = Contrasts(contrasts.cells[some], contrasts.weights[some])
        found = np.maximum(found, np.abs(part.of(drawn)).max(axis=1))
    return found


def pairs(k: int) -> Contrasts:
    """The differences of all unordered pairs of k cells."""
    cells = np.stack(np.triu_indices(k, 1), axis=1)
    return Contrasts(cells, np.tile([1.0, -1.0], (len(cells), 1)))


def correlation_of(influences: Sequence[tuple[Ints, Floats]], sample: Sample) -> Floats:
    """Correlation (k, k) of k figures: of each, the rows that it is of and their influence values.

    0 between figures without common units.
    """
    k = len(influences)
    units = [np.unique(sample.units[rows]) for rows, _ in influences]
    if np.unique(np.concatenate(units)).size == sum(one.size for one in units):
        return np.eye(k)
    totals = np.stack(
        [sums(sample.units[rows], z, sample.unit_count) for rows, z in influences], axis=1
    )
    covariance, _ = design_covariance(totals, sample)
    spread = np.sqrt(np.diag(covariance))
    scale = np.outer(spread, spread)
    found = np.divide(covariance, scale, out=np.zeros((k, k)), where=scale > 0)
    np.fill_diagonal(found, 1.0)
    return found


def _reach(d: Floats, contrasts: Contrasts, correlation: Floats) -> Floats:
    """sqrt(d′Rd) of each contrast, of its parts d (q, t)."""
    if np.array_equal(correlation, np.eye(len(correlation))):
        square = (d**2).sum(axis=1)
    elif contrasts.cells.shape[1] <= _FEW:
        between = correlation[contrasts.cells[:, :, None], contrasts.cells[:, None, :]]
        square = np.einsum("qi,qij,qj->q", d, between, d)
    else:
        square = np.array([
            one @ correlation[np.ix_(cells, cells)] @ one
            for one, cells in zip(d, contrasts.cells, strict=True)
        ])  # fmt: skip
    found: Floats = np.sqrt(np.maximum(square, 0.0))
    return found


def _both_sides(limit: Callable[[float], Any]) -> tuple[Any, Any]:
    return limit(-1.0), limit(1.0)


def _logistic(eta: Any) -> Any:
    return np.exp(-np.logaddexp(0, -eta))
