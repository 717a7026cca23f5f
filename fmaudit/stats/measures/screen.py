"""The four-fifths rule of US employment law, as the screen that it is.

    adverse_impact_ratio   the smallest ratio of a group's selection rate to the highest of any

is `demographic_parity_ratio` of `groups`, with its simultaneous limits. `details.categories` has a
line a group: category, n, chosen (rows selected), rate, ratio to the highest rate with its 95 %
limits (`intervals.mover_ratio`), `upper`, and `flagged`:

    upper     the smallest upper limit of its ratio to any other group's rate, at 0.025/pairs
    flagged   upper is under 0.8: the ratio is, however the groups were picked out

A ratio that merely lies under 0.8 is no flag: 14 groups of 100 that are decided on alike show one
nearly always. `fisher_p`, `z_p`: two-sided p-values of Fisher's exact test and of the
two-proportion z test (pooled variance) of the group against that of the highest rate, on rows that
are independent and count alike; they test equality, and so say nothing of four fifths. None of it
decides. `details.flagged`: the groups that are. 29 CFR 1607.4(D); Morris and Lobsenz 2000
(Personnel Psychology 53:89) on its sampling error.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.stats.estimates import finished
from fmaudit.stats.groups import Cells, cells, largest_gap
from fmaudit.stats.intervals import ALPHA, Share, mover_ratio
from fmaudit.stats.measures import rates
from fmaudit.stats.measures.base import Measure
from fmaudit.stats.sample import Floats, Question, Sample
from fmaudit.types import Estimate

FOUR_FIFTHS = 0.8
"""Of 29 CFR 1607.4(D)."""

NONE = "none"


def _cells(sample: Sample, question: Question) -> Cells:
    if sample.n == 0:
        raise NotEstimable("no rows")
    rate = rates.SELECTION
    events = np.asarray(rate.event(sample, question), dtype=bool)
    return cells(events, sample.columns["group"], sample, question, rate.what)


def _value(sample: Sample, question: Question) -> float:
    p = np.asarray(_cells(sample.host(), question).share.p)
    if p.size < 2:
        raise NotEstimable("fewer than two groups are left to compare")
    if p.max() == 0:
        raise NotEstimable("the rate is 0 in every group: their ratio does not exist")
    return float(p.min() / p.max())


def _estimate(sample: Sample, question: Question) -> Estimate:
    host = sample.host()
    parts = _cells(host, question)
    found = largest_gap({rates.SELECTION.name: parts}, question, "ratio")
    events = np.asarray(rates.SELECTION.event(host, question), dtype=bool)
    chosen = np.bincount(parts.codes[events & (parts.codes >= 0)], minlength=len(parts.names))
    alike = not (host.clustered or host.weighted or host.stratified)
    lines = _lines(parts, chosen, alike)
    lines += [
        {"category": name, "n": int((host.columns["group"] == name).sum())}
        for name in parts.excluded
    ]
    flagged = [line["category"] for line in lines if line.get("flagged")]
    details = {
        **found.details,
        "reference": parts.names[int(np.argmax(parts.share.p))],
        "flagged": ", ".join(flagged) or NONE,
        "categories": lines,
        "excluded": parts.excluded,
    }
    return finished(msgspec.structs.replace(found, details=details))


def _lines(parts: Cells, chosen: Any, alike: bool) -> list[dict[str, Any]]:
    best, k = int(np.argmax(parts.share.p)), len(parts.names)
    upper = _upper(parts)
    lines = []
    for g, name in enumerate(parts.names):
        line = {
            "category": name,
            "n": int(parts.n[g]),
            "chosen": int(chosen[g]),
            "rate": float(parts.share.p[g]),
            "ratio": float(parts.share.p[g] / parts.share.p[best]),
        }
        if g != best:
            low, high = mover_ratio(
                _one(parts, g), _one(parts, best), alpha=ALPHA,
                correlation=parts.correlation[g, best],
            )  # fmt: skip
            line |= {"low": float(low), "high": float(high)}
            if alike:
                table = [(int(chosen[j]), int(parts.n[j])) for j in (g, best)]
                line |= {"fisher_p": _fisher(table), "z_p": _z_test(table)}
        if k > 1:
            line |= {"upper": float(upper[g]), "flagged": bool(upper[g] < FOUR_FIFTHS)}
        lines.append(line)
    return lines


def _upper(parts: Cells) -> Floats:
    """Of each group the smallest upper limit of its ratio to another's rate: (k,)."""
    k = len(parts.names)
    pairs = [(a, b) for a in range(k) for b in range(k) if a != b]
    first, second = (np.array([pair[side] for pair in pairs]) for side in (0, 1))
    _, high = mover_ratio(
        _one(parts, first), _one(parts, second), alpha=ALPHA / (len(pairs) / 2),
        correlation=parts.correlation[first, second],
    )  # fmt: skip
    return np.array([high[first == g].min() for g in range(k)])


def _one(parts: Cells, at: Any) -> Share:
    p, n, df = (np.broadcast_to(np.asarray(x, float), len(parts.names)) for x in parts.share)
    return Share(p[at], n[at], df[at])


def _fisher(table: list[tuple[int, int]]) -> float:
    """Two-sided p of (events, rows) of two groups: all tables that are no likelier."""
    from scipy import stats

    found = stats.fisher_exact(np.array([[events, rows - events] for events, rows in table]))
    return float(found.pvalue)


def _z_test(table: list[tuple[int, int]]) -> float | None:
    """Two-sided p of the pooled z test; None where nobody or everybody is selected."""
    from scipy import special

    (x1, n1), (x2, n2) = table
    pooled = (x1 + x2) / (n1 + n2)
    if pooled in (0.0, 1.0):
        return None
    z = (x1 / n1 - x2 / n2) / np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    return float(2 * special.ndtr(-abs(z)))


MEASURES = (
    Measure(
        "adverse_impact_ratio", "Adverse impact ratio (four-fifths screen)",
        ("predicted", "group"), "higher", _estimate, _value, needs_positive=True,
    ),
)  # fmt: skip
