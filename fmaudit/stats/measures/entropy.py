"""How unevenly a model's decisions benefit people, each by themselves.

A row's benefit is b = [ŷ = +] − [y = +] + 1: 0 where the favourable outcome was due and refused,
1 where the decision is right, 2 where it was granted undue. With μ their mean over rows,

    generalized_entropy   GE(2) = ½·(mean of (b/μ)² − 1)
    theil_index           GE(1) = mean of (b/μ)·ln(b/μ), 0·ln 0 = 0

both 0 where all benefits are equal, the larger the more unequal. With weights the means are
weighted. Influence values w/W·((b² − B)/(2μ²) − B(b − μ)/μ³), B the mean of b², and
w/W·((t − M)/μ − (M/μ² + 1/μ)(b − μ)), t = b·ln b, M its mean; linearised above 0 (`estimates`).

    between_group_entropy GE(2) of the groups' mean benefits, each counted for all of its rows

is the part of GE(2) that lies between groups; the rest lies within them (`details.within`,
`details.total`, of the groups compared). It is a sum of squares, whose distribution changes its
form where groups are alike, so that it has no interval; `details.permutation_p` says how often
groups dealt anew (weights of the groups held) show as much. Speicher et al. 2018,
https://doi.org/10.1145/3219819.3220046; as in AIF360.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.stats import permutation
from fmaudit.stats.estimates import finished, linearised, require
from fmaudit.stats.measures.base import Measure
from fmaudit.stats.sample import Bools, Floats, Ints, Question, Sample
from fmaudit.stats.variance import sums
from fmaudit.types import Estimate

ABOVE_ZERO = (0.0, math.inf)
NO_INTERVAL = "a sum of squares over groups has no interval near 0; see the permutation p"

Index = Callable[[Floats, Floats], tuple[float, Floats]]


def benefits(sample: Sample, question: Question) -> Floats:
    """Each row's benefit, 0, 1 or 2 (n,). Raises `NotEstimable` where nobody has any."""
    if sample.n == 0:
        raise NotEstimable("no rows")
    label, predicted = (
        sample.columns[name] == question.positive_class for name in ("label", "predicted")
    )
    found: Floats = predicted.astype(np.float64) - label + 1
    if not found.any():
        raise NotEstimable("every row has the favourable label and is refused: no mean benefit")
    return found


def generalized(b: Floats, w: Floats) -> tuple[float, Floats]:
    """GE(2) of benefits (n,), and their influence values."""
    total = w.sum()
    mu, square = float(w @ b / total), float(w @ b**2 / total)
    z = w / total * ((b**2 - square) / (2 * mu**2) - square * (b - mu) / mu**3)
    return (square / mu**2 - 1) / 2, z


def theil(b: Floats, w: Floats) -> tuple[float, Floats]:
    """GE(1) of benefits (n,), and their influence values."""
    total = w.sum()
    t = b * np.log(np.where(b > 0, b, 1.0))
    mu, mean = float(w @ b / total), float(w @ t / total)
    z = w / total * ((t - mean) / mu - (mean / mu**2 + 1 / mu) * (b - mu))
    return mean / mu - math.log(mu), z


def _index(name: str, title: str, index: Index) -> Measure:
    def value(sample: Sample, question: Question) -> float:
        host = sample.host()
        # Rounding must not make equal benefits unequal the other way.
        return max(0.0, index(benefits(host, question), host.w)[0])

    def estimate(sample: Sample, question: Question) -> Estimate:
        host = sample.host()
        require(host, question)
        found, z = index(benefits(host, question), host.w)
        return linearised(max(0.0, found), z, host, question, span=ABOVE_ZERO)

    return Measure(
        name, title, _COLUMNS, "lower", estimate, value, needs_positive=True, unit="index"
    )


def _between_value(sample: Sample, question: Question) -> float:
    rows, codes, _, _ = _groups(sample.host(), question)
    b = benefits(rows, question)
    return _spread(_means(b, codes, rows), sums(codes, rows.w, int(codes.max()) + 1))


def _between(sample: Sample, question: Question) -> Estimate:
    host = sample.host()
    rows, codes, names, excluded = _groups(host, question)
    b, k = benefits(rows, question), len(names)
    mass, means = sums(codes, rows.w, k), _means(b, codes, rows)
    value, total = _spread(means, mass), max(0.0, generalized(b, rows.w)[0])
    of_group, counted = Counter(host.columns["group"].tolist()), np.bincount(codes, minlength=k)
    order = np.argsort(means, kind="stable")
    details: dict[str, Any] = {
        "pair": [names[order[0]], names[order[-1]]],
        "total": total,
        "within": total - value,
        "by_group": {
            name: {"value": float(means[j]), "n": of_group[name], "denominator": int(counted[j])}
            for j, name in enumerate(names)
        },
        "excluded": excluded,
        "no_interval": NO_INTERVAL,
    }
    if question.rng is not None:
        # Halved benefits are partial events.
        partial = cast(Bools, b / 2)
        shares = permutation.null_shares(partial, codes, k, rows, question.rng)
        drawn = np.array([_spread(2 * one, mass) for one in shares])
        details["permutation_p"] = permutation.p_value(value, drawn)
    return finished(Estimate(value, None, None, rows.n, rows.unit_count, "none", details=details))


def _groups(sample: Sample, question: Question) -> tuple[Sample, Ints, list[str], dict[str, str]]:
    """The rows of the groups that have the minimum n, their codes and names; the others."""
    if sample.n == 0:
        raise NotEstimable("no rows")
    group = sample.columns["group"]
    codes = np.full(sample.n, -1, dtype=np.int64)
    names: list[str] = []
    excluded: dict[str, str] = {}
    for name in sorted(set(group.tolist())):
        mine = group == name
        try:
            require(sample.take(mine), question)
        except NotEstimable as reason:
            excluded[name] = str(reason)
            continue
        codes[mine] = len(names)
        names.append(name)
    if len(names) < 2:
        raise NotEstimable("fewer than two groups are left to compare")
    return sample.take(codes >= 0), codes[codes >= 0], names, excluded


def _means(b: Floats, codes: Ints, rows: Sample) -> Floats:
    k = int(codes.max()) + 1
    return sums(codes, rows.w * b, k) / sums(codes, rows.w, k)


def _spread(means: Floats, mass: Floats) -> float:
    """GE(2) of the groups' means, each with the mass of its group."""
    share = mass / mass.sum()
    mu = float(share @ means)
    return max(0.0, float(share @ (means / mu) ** 2 - 1) / 2)


_COLUMNS = ("label", "predicted")

MEASURES = (
    _index("generalized_entropy", "Generalised entropy of benefits", generalized),
    _index("theil_index", "Theil index of benefits", theil),
    Measure(
        "between_group_entropy", "Generalised entropy of benefits between groups",
        (*_COLUMNS, "group"), "lower", _between, _between_value, needs_positive=True, unit="index",
    ),
)  # fmt: skip
