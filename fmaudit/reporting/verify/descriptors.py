"""The spread of descriptors and the share of pairs that differ, written anew.

The spread is taken over pairs of frames: the mean over all s ≠ t of d_s·d_t/D, with the table of a
frame's descriptors from a pivot; a frame's influence is what leaving it out does. The test of two
descriptors is the rank-sum statistic, normal with the correction for ties and half a step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.estimates import Ask, Smooth, enough, smooth
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.types import Estimate

LEVEL = 0.05
FEWEST = 10


def spread(*columns: str) -> Callable[[Rows, Ask], Estimate]:
    """The spread of a column, less that of a second one."""

    def found(rows: Rows, ask: Ask) -> Estimate:
        enough(rows, ask)
        tables = [t for t in _tables(rows) if len(t) >= FEWEST and t.shape[1] > 1]
        if not tables:
            raise NotEstimable("too few whole frames")
        value, influence = 0.0, np.zeros(rows.n)
        for table in tables:
            for sign, name in zip((1.0, -1.0), columns, strict=False):
                theta, moved = _theta(rows.columns[name].astype(float)[table])
                value += sign * theta / len(tables)
                share = sign * moved / (table.shape[1] * len(tables))
                np.add.at(influence, table, np.repeat(share[:, None], table.shape[1], axis=1))
        kept = np.zeros(rows.n, dtype=bool)
        for table in tables:
            kept[table.ravel()] = True
        details = {"frames": sum(map(len, tables)), "left_out": int(rows.n - kept.sum())}
        figure = Smooth(value, influence[kept], -math.inf, math.inf, details=details)
        return smooth(figure, rows.where(kept), ask)

    return found


def different(rows: Rows, ask: Ask) -> Estimate:
    """Share of pairs of descriptors whose nats differ."""
    enough(rows, ask)
    nats = rows.columns["nats"].astype(float)
    p = [
        _rank_sum(nats[table[:, a]], nats[table[:, b]])
        for table in _tables(rows)
        for a in range(table.shape[1])
        for b in range(a)
    ]
    if not p:
        raise NotEstimable("no pairs")
    share = float(np.mean(np.array(p) <= LEVEL))
    details = {"pairs": len(p), "chance": LEVEL, "no_interval": ""}
    return Estimate(share, None, None, rows.n, rows.units, "none", details=details)


def _tables(rows: Rows) -> Iterator[Array]:
    """Places of the rows of an attribute, frames by descriptors; frames that lack one left out."""
    frame = pd.DataFrame(
        {name: rows.columns[name].astype(str) for name in ("attribute", "descriptor", "frame")}
    ).assign(place=np.arange(rows.n))
    for _, mine in frame.groupby("attribute", sort=True):
        table = mine.pivot_table(index="frame", columns="descriptor", values="place", aggfunc="max")
        has = table.notna()
        kinds = sorted({tuple(row) for row in has.to_numpy().tolist()}, key=lambda k: -sum(k))
        kept: list[Array] = []
        for kind in map(np.array, kinds):
            if any((kind <= other).all() for other in kept):
                continue
            kept.append(kind)
            same = (has.to_numpy() == kind).all(axis=1)
            yield table.to_numpy()[same][:, kind].astype(int)


def _theta(nats: Array) -> tuple[float, Array]:
    centred = nats - np.mean(nats, axis=1)[:, None]
    products = centred @ centred.T / nats.shape[1]
    np.fill_diagonal(products, 0.0)
    each = products.sum(axis=1) / (len(nats) - 1)
    value, n = float(each.mean()), len(nats)
    without = (n * value - 2 * each) / (n - 2)  # the spread of all frames but one
    return value, (without.mean() - without) * (n - 1) / n


def _rank_sum(one: Array, two: Array) -> float:
    n, m = len(one), len(two)
    both = pd.Series(np.concatenate([one, two]))
    u = float(both.rank()[:n].sum()) - n * (n + 1) / 2
    counts = both.value_counts().to_numpy().astype(float)
    ties = float((counts**3 - counts).sum()) / ((n + m) * (n + m - 1))
    spread = math.sqrt(n * m / 12 * (n + m + 1 - ties))
    if spread == 0:
        return 1.0
    z = (abs(u - n * m / 2) - 0.5) / spread
    return min(1.0, math.erfc(z / math.sqrt(2)))
