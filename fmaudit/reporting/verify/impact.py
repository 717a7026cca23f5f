"""Impact ratios by category, and the four-fifths screen, written anew.

People are counted by category; a resample draws as many people as there are, anew in each stratum.
The median of a resample is found among the scores that it repeats.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify import gaps
from fmaudit.reporting.verify.bounds import ALPHA, ratio_limits
from fmaudit.reporting.verify.classifier import SELECTION
from fmaudit.reporting.verify.contrasts import enough_rows
from fmaudit.reporting.verify.estimates import Ask, enough, flagged
from fmaudit.reporting.verify.resampled import SEED, Limit
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.types import Estimate

STORED_DRAWS, DRAWS = 1_000, 1_000
LEAST = 0.02
FOUR_FIFTHS = 0.8


def ratio(column: str) -> Any:
    """The smallest impact ratio: of who is `selected`, or of who has a `score` above the median."""

    def found(rows: Rows, ask: Ask) -> Estimate:
        enough(rows, ask)
        names, code = _categories(rows)
        mass = np.array([rows.w[code == k].sum() for k in range(len(names))]) / rows.w.sum()
        compared = mass >= LEAST
        if compared.sum() < 2:
            raise NotEstimable("fewer than two categories")
        chosen = _chosen(rows.columns[column], rows.w)
        rate = _rates(code, chosen, rows.w, len(names))
        ratios = _over_best(rate, compared)
        if np.isnan(ratios).all():
            raise NotEstimable("all rates are 0")
        draws = np.array([
            _over_best(_rates(code, _chosen(rows.columns[column], w), w, len(names)), compared)
            for w in _resampled(rows)
        ])  # fmt: skip
        low, high = (
            [
                None
                if math.isnan(r)
                else Limit.of(draws[:, k], a, STORED_DRAWS).held(float(r), below=a < 0.5)
                for k, r in enumerate(ratios)
            ]
            for a in (0.025, 0.975)
        )
        there = [k for k, r in enumerate(ratios) if not math.isnan(r)]
        worst = min(there, key=lambda k: ratios[k])
        best = max(there, key=lambda k: rate[k])
        known = rows.where(code >= 0)
        lowest = min((one for one in low if one is not None), key=float)
        lows = [one for one in low if one is not None]
        least = Limit(lowest, min(one.least for one in lows), min(one.most for one in lows))
        details: dict[str, Any] = {
            **flagged(known),
            "pair": [names[worst], names[best]],
            "reference": names[best],
            "categories": [
                {
                    "category": name,
                    "n": int((code == k).sum()),
                    "chosen": int((chosen & (code == k)).sum()),
                    "rate": None if math.isnan(rate[k]) else float(rate[k]),
                    "ratio": None if math.isnan(ratios[k]) else float(ratios[k]),
                    "low": low[k],
                    "high": high[k],
                }
                for k, name in enumerate(names)
            ],
            "unknown": int((code < 0).sum()),
            "excluded": {n: "" for n, there in zip(names, compared, strict=True) if not there},
            "resamples": STORED_DRAWS,
        }
        if column == "score":
            details["median"] = _median(rows.columns[column], rows.w)
        if ask.rule is not None:
            details["no_interval"] = ""
        return Estimate(
            float(ratios[worst]), least, high[worst], known.n, known.units,
            "bootstrap_percentile", details=details,
        )  # fmt: skip

    return found


def screen(rows: Rows, ask: Ask) -> Estimate:
    """The smallest ratio of selection rates, with the four-fifths screen of every group."""
    enough_rows(rows)
    cells = gaps.cells(SELECTION, rows, ask)
    found = gaps.over({"selection_rate": cells}, rows, ask, "ratio")
    details = {k: v for k, v in found.details.items() if k not in ("by_group", "permutation_p")}
    p = [share.p for share in cells.shares]
    best = p.index(max(p))
    lines = [_screened(cells, k, best, alike=not rows.designed) for k in range(len(p))]
    flags = [line["category"] for line in lines if line["flagged"]]
    group = rows.columns["group"]
    lines += [{"category": name, "n": int((group == name).sum())} for name in cells.excluded]
    details |= {
        "reference": cells.names[best],
        "flagged": ", ".join(flags) or "none",
        "categories": lines,
    }
    return msgspec.structs.replace(found, details=details)


def _screened(cells: gaps.Cells, k: int, best: int, *, alike: bool) -> dict[str, Any]:
    own, top, count = cells.shares[k], cells.shares[best], len(cells.names)
    chosen = [int(cells.events[cells.code == j].sum()) for j in (k, best)]
    n = [cells.kept[j].n for j in (k, best)]
    upper = min(
        float(ratio_limits(own, other, ALPHA / math.comb(count, 2), cells.correlation[k, j])[1][0])
        for j, other in enumerate(cells.shares)
        if j != k
    )
    line: dict[str, Any] = {
        "category": cells.names[k], "n": n[0], "chosen": chosen[0], "rate": own.p,
        "ratio": own.p / top.p, "upper": upper, "flagged": upper < FOUR_FIFTHS,
    }  # fmt: skip
    if k == best:
        return line
    low, high = ratio_limits(own, top, r=cells.correlation[k, best])
    line |= {"low": float(low[0]), "high": float(high[0])}
    if alike:
        line |= {"fisher_p": _fisher(*chosen, *n), "z_p": _z(*chosen, *n)}
    return line


def _fisher(x: int, y: int, n: int, m: int) -> float:
    """Two-sided: the sum over all tables of these margins that are no likelier than this one."""
    from scipy import stats

    margins = stats.hypergeom(n + m, x + y, n)
    tables = np.arange(max(0, x + y - m), min(n, x + y) + 1)
    chance = margins.pmf(tables)
    return float(min(1.0, chance[chance <= margins.pmf(x) * (1 + 1e-7)].sum()))


def _z(x: int, y: int, n: int, m: int) -> float | None:
    """Two-sided, by the chi-squared statistic of the fourfold table without correction."""
    from scipy import stats

    a, b, c, d = x, n - x, y, m - y
    if a + c == 0 or b + d == 0:
        return None
    square = (n + m) * (a * d - b * c) ** 2 / ((a + c) * (b + d) * n * m)
    return float(stats.chi2.sf(square, 1))


def _categories(rows: Rows) -> tuple[list[str], Array]:
    """The categories, with the crossed ones that nobody is of at the end; each row's place."""
    column = rows.columns["category"].tolist()
    there = sorted({name for name in column if name})
    if len(there) < 2:
        raise NotEstimable("fewer than two categories")
    crossed = [name.split(" & ") for name in there]
    empty: list[str] = []
    if {len(parts) for parts in crossed} == {2}:
        sides = [sorted({parts[k] for parts in crossed}) for k in (0, 1)]
        empty = [f"{a} & {b}" for a, b in itertools.product(*sides) if [a, b] not in crossed]
    names = there + empty
    return names, np.array([names.index(name) if name else -1 for name in column])


def _chosen(column: Array, w: Array) -> Array:
    return column.astype(bool) if column.dtype == bool else column > _median(column, w)


def _median(scores: Array, w: Array) -> float:
    """The score in the middle of the weights; halfway between two where none is."""
    order = np.argsort(scores, kind="stable")
    order = order[w[order] > 0]
    up = np.cumsum(w[order])
    down = up[-1] - up + w[order]
    slack = 1e-12 * up[-1]
    lower = scores[order][up >= up[-1] / 2 - slack].min()
    upper = scores[order][down >= up[-1] / 2 - slack].max()
    return float((lower + upper) / 2)


def _rates(code: Array, chosen: Array, w: Array, k: int) -> Array:
    inside = code >= 0
    mass = np.bincount(code[inside], weights=w[inside], minlength=k)
    hits = np.bincount(code[inside], weights=(w * chosen)[inside], minlength=k)
    with np.errstate(invalid="ignore"):
        return np.where(mass > 0, hits / mass, np.nan)


def _over_best(rate: Array, compared: Array) -> Array:
    known = compared & ~np.isnan(rate)
    best = rate[known].max(initial=0.0)
    return np.where(known, rate / best, np.nan) if best > 0 else np.full(len(rate), np.nan)


def _resampled(rows: Rows) -> Iterator[Array]:
    rng = np.random.default_rng(SEED)
    _, first, unit = np.unique(rows.unit, return_index=True, return_inverse=True)
    unit, stratum = unit.reshape(-1), rows.stratum[first]
    parts = [np.flatnonzero(stratum == code) for code in np.unique(stratum)]
    for _ in range(DRAWS):
        times = np.zeros(len(first))
        for part in parts:
            times[part] = rng.multinomial(len(part), np.full(len(part), 1 / len(part)))
        yield rows.w * times[unit]
