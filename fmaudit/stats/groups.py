"""One rate in several cells, and the simultaneous rule over all pairs of them.

Each cell's share has Wilson limits at its own n, or n_eff where rows are clustered or weighted
(`estimates`). A pair is compared by MOVER (`intervals`): Newcombe's interval, with the
correlation of the two shares where cells hold rows of the same clusters,
r = Cov(z_a, z_b)/sqrt(V_a·V_b) over units, else 0. With K unordered pairs (over all the rates
of the gap together):

- difference |p_a − p_b|, largest over pairs. value, low: those of the pair with the largest
  difference, at 0.025; high: the largest upper limit of any pair, at 0.025;
  low_adj: the largest lower limit of any pair at 0.025/(m·K); high_adj: the largest upper limit
  at 0.025/m; p against "≤ τ": K × the smallest of any pair, at most 1; p against "≥ τ": the
  largest of any pair. Limits stay within [0, 1].
- ratio p_a/p_b, smallest over pairs: the mirror image. low: the smallest lower limit of any
  pair at 0.025; high: that of the pair with the smallest ratio; low_adj: the smallest lower
  limit at 0.025/m; high_adj: the smallest upper limit at 0.025/(m·K); the p-values are those
  of p_a − τ·p_b against 0.

So the gap fails iff one pair does at 0.025/(m·K), and passes iff every pair does at 0.025:
Bonferroni over pairs within one gap, which a studentised maximum would sharpen by less than 4 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from fmaudit.errors import NotEstimable, SpecError
from fmaudit.stats.estimates import flags, orient, require, share_of
from fmaudit.stats.intervals import Share, mover, mover_p, mover_ratio
from fmaudit.stats.sample import Bools, Floats, Ints, Question, Sample
from fmaudit.stats.variance import design_covariance, sums
from fmaudit.types import Estimate

Kind = Literal["difference", "ratio"]


@dataclass(frozen=True)
class Cells:
    """A rate in k cells.

    `share`: arrays of k; `n`, `units`: rows and independent units of each; `correlation`: (k, k);
    `excluded`: cell → why it is none of the k; `codes`: each row's cell, −1 where excluded;
    `details`: what a reader must know of them.
    """

    names: tuple[str, ...]
    share: Share
    n: Ints
    units: Ints
    correlation: Floats
    excluded: dict[str, str]
    codes: Ints
    details: dict[str, Any]

    @property
    def limiting(self) -> int:
        """Units of the smallest cell."""
        return int(self.units.min())


def cells(events: Bools, group: Any, sample: Sample, question: Question, what: str) -> Cells:
    """The share of `events` (n,) in each value of `group` (n strings).

    Cells that are not estimable, or under `question.minimum_n`, are excluded with the reason.
    """
    import pandas as pd

    codes, names = pd.factorize(np.asarray(group, dtype=object), sort=True)
    bare = replace(sample, columns={"event": events})
    kept: list[tuple[str, Share, Sample]] = []
    excluded: dict[str, str] = {}
    kept_codes = np.full(sample.n, -1, dtype=np.int64)
    for code, name in enumerate(names):
        mask = codes == code
        cell = bare.take(mask)
        try:
            require(cell, question, what)
            kept.append((str(name), share_of(events[mask], cell), cell))
        except NotEstimable as reason:
            excluded[str(name)] = str(reason)
            continue
        kept_codes[mask] = len(kept) - 1
    shares = np.array([share for _, share, _ in kept], dtype=float).reshape(-1, 3)
    together = Share(*shares.T)
    few = {k: v for _, _, cell in kept for k, v in flags(cell).items()}
    return Cells(
        names=tuple(name for name, _, _ in kept),
        share=together,
        n=np.array([cell.n for _, _, cell in kept], dtype=np.int64),
        units=np.array([cell.unit_count for _, _, cell in kept], dtype=np.int64),
        correlation=_correlation(events, kept_codes, together.p, sample),
        excluded=excluded,
        codes=kept_codes,
        details=few,
    )


def largest_gap(parts: dict[str, Cells], question: Question, kind: Kind) -> Estimate:
    """The largest difference, or smallest ratio, over all pairs of cells of each part.

    `parts`: rate → its cells. `details` of the estimate: `pair` [lower, higher rate], `rate`
    where there are several, `pairs`, `limiting_clusters`, `excluded`. Raises `NotEstimable`
    where a part has fewer than two cells.
    """
    for name, part in parts.items():
        if len(part.names) < 2:
            raise NotEstimable(_fewer_than_two(name, part))
    if question.rule is not None and (question.rule.op == ">=") != (kind == "ratio"):
        right = ">=" if kind == "ratio" else "<="
        raise SpecError(f"a rule on a {kind} between groups is written {right!r}")
    pairs = _Pairs.of(list(parts.values()))
    figures = _difference(pairs, question) if kind == "difference" else _ratio(pairs, question)
    part, a, b = pairs.where[figures.pop("driver")]
    names = list(parts)
    cell = parts[names[part]]
    low, high = sorted((a, b), key=lambda i: float(cell.share.p[i]))
    details: dict[str, Any] = {
        **{k: v for one in parts.values() for k, v in one.details.items()},
        "pair": [cell.names[low], cell.names[high]],
        "pairs": pairs.count,
        "limiting_clusters": int(min(cell.units[a], cell.units[b])),
    }
    if len(parts) > 1:
        details["rate"] = names[part]
    return Estimate(
        n=int(sum(one.n.sum() for one in parts.values())),
        clusters=int(sum(one.units.sum() for one in parts.values())),
        method="newcombe_simultaneous" if kind == "difference" else "mover_ratio_simultaneous",
        details=details,
        **figures,
    )


@dataclass(frozen=True)
class _Pairs:
    """All ordered pairs of cells: two aligned arrays of shares, and which cells they are."""

    first: Share
    second: Share
    correlation: Floats
    where: list[tuple[int, int, int]]

    @classmethod
    def of(cls, parts: Sequence[Cells]) -> _Pairs:
        where = [
            (index, a, b)
            for index, part in enumerate(parts)
            for a in range(len(part.names))
            for b in range(len(part.names))
            if a != b
        ]

        def gather(side: int) -> Share:
            rows = [[field[w[side]] for field in parts[w[0]].share] for w in where]
            return Share(*np.array(rows, dtype=float).T)

        correlation = np.array([parts[i].correlation[a, b] for i, a, b in where])
        return cls(gather(1), gather(2), correlation, where)

    @property
    def count(self) -> int:
        return len(self.where) // 2


def _difference(pairs: _Pairs, question: Question) -> dict[str, Any]:
    first, second, r = pairs.first, pairs.second, pairs.correlation
    gap = first.p - second.p
    driver = int(np.argmax(gap))
    low, high = mover(first, second, correlation=r)
    low_adj, _ = mover(first, second, alpha=question.alpha / pairs.count, correlation=r)
    _, high_adj = mover(first, second, alpha=question.alpha, correlation=r)
    above = below = None
    if question.rule is not None:
        p_above, p_below = mover_p(first, second, threshold=question.rule.value, correlation=r)
        above, below = min(1.0, pairs.count * float(p_above.min())), float(p_below.max())
    fail, good = orient(question.rule, above, below)
    return {
        "driver": driver, "value": float(gap[driver]), "low": max(0.0, float(low[driver])),
        "high": min(1.0, float(high.max())), "low_adj": max(0.0, float(low_adj.max())),
        "high_adj": min(1.0, float(high_adj.max())), "p_fail": fail, "p_pass": good,
    }  # fmt: skip


def _ratio(pairs: _Pairs, question: Question) -> dict[str, Any]:
    first, second, r = pairs.first, pairs.second, pairs.correlation
    ratio = np.divide(first.p, second.p, out=np.full(first.p.shape, np.inf), where=second.p > 0)
    driver = int(np.argmin(ratio))
    if not np.isfinite(ratio[driver]):
        raise NotEstimable("the rate is 0 in every group: their ratio does not exist")
    low, high = mover_ratio(first, second, correlation=r)
    low_adj, _ = mover_ratio(first, second, alpha=question.alpha, correlation=r)
    _, high_adj = mover_ratio(first, second, alpha=question.alpha / pairs.count, correlation=r)
    above = below = None
    if question.rule is not None:
        p_above, p_below = mover_p(first, second, ratio=question.rule.value, correlation=r)
        above, below = float(p_above.max()), min(1.0, pairs.count * float(p_below.min()))
    fail, good = orient(question.rule, above, below)
    return {
        "driver": driver, "value": float(ratio[driver]), "low": float(low.min()),
        "high": min(1.0, float(high[driver])), "low_adj": float(low_adj.min()),
        "high_adj": min(1.0, float(high_adj.min())), "p_fail": fail, "p_pass": good,
    }  # fmt: skip


def _correlation(events: Bools, codes: Ints, p: Floats, sample: Sample) -> Floats:
    """Correlation of the cells' shares: 0 unless cells hold rows of the same units."""
    k = len(p)
    inside = codes >= 0
    units, cell = sample.units[inside], codes[inside]
    if np.unique(units * k + cell).size == np.unique(units).size:
        return np.eye(k)
    w = sample.w[inside]
    influence = w * (events[inside] - p[cell]) / sums(cell, w, k)[cell]
    totals = sums(units * k + cell, influence, sample.unit_count * k)
    covariance, _ = design_covariance(totals.reshape(sample.unit_count, k), sample)
    spread = np.sqrt(np.diag(covariance))
    scale = np.outer(spread, spread)
    return np.divide(covariance, scale, out=np.zeros((k, k)), where=scale > 0)


def _fewer_than_two(rate: str, part: Cells) -> str:
    left = "; ".join(f"{name}: {reason}" for name, reason in list(part.excluded.items())[:5])
    reasons = f" ({left})" if left else ""
    return f"fewer than two groups with an estimable {rate.replace('_', ' ')}{reasons}"
