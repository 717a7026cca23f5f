"""Gaps of several rates at once, and of groups from all cases.

With T_g and F_g the true and false positive rates of group g, over all pairs of groups a, b:

    average_odds_difference           ½·|(T_a − T_b) + (F_a − F_b)|, the largest
    average_absolute_odds_difference  ½·(|T_a − T_b| + |F_a − F_b|), the largest
    equalized_odds_mean_difference    ½·(largest T − smallest T + largest F − smallest F)

and over all groups g, with the rate of all rows (small groups too) of the denominator:

    …_to_overall                      |rate of g − rate of all|, the largest; of equalized odds
                                      the larger of that of the true and the false positive rate

Average odds are AIF360's (there signed, for one pair: unprivileged less privileged); the mean of
the odds and the differences to overall are fairlearn's (`agg="mean"`, `method="to_overall"`).
Their intervals are those of `contrasts`, method `mover_simultaneous`: T_g and F_g are of
different rows; the rate of all is taken as Σ s_h·rate of h, with the shares s_h of the
denominator that the groups have. Hardt, Price, Srebro 2016; Bellamy et al. 2018 (AIF360,
https://arxiv.org/abs/1810.01943); Weerts et al. 2023 (fairlearn).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, permutations

from fmaudit.stats.measures import rates
from fmaudit.stats.measures.celled import Celled, Contrast, Contrasted
from fmaudit.stats.measures.rates import Rate

OVERALL = "overall"

_T, _F = rates.TRUE_POSITIVE.name, rates.FALSE_POSITIVE.name
_ODDS = (rates.TRUE_POSITIVE, rates.FALSE_POSITIVE)


def _average(parts: Mapping[str, Celled]) -> list[Contrast]:
    return [_half(a, b, 0.5) for a, b in _common(parts)]


def _average_absolute(parts: Mapping[str, Celled]) -> list[Contrast]:
    return [_half(a, b, side) for a, b in _common(parts) for side in (0.5, -0.5)]


def _mean(parts: Mapping[str, Celled]) -> list[Contrast]:
    """Half of any difference of the one rate and half of any of the other."""
    return [
        Contrast(
            {(_T, a): 0.5, (_T, b): -0.5, (_F, c): 0.5, (_F, d): -0.5}, (a, b), _T, {_F: (c, d)}
        )
        for a, b in combinations(parts[_T].names, 2)
        for c, d in permutations(parts[_F].names, 2)
    ]


def _to_overall(parts: Mapping[str, Celled]) -> list[Contrast]:
    found = []
    for rate, part in parts.items():
        total = sum(cell.mass for cell in part.cells)
        for name in part.names:
            weights = {(rate, cell.group): -cell.mass / total for cell in part.cells}
            weights[rate, name] += 1.0
            found.append(Contrast(weights, (name, OVERALL), rate if len(parts) > 1 else ""))
    return found


def _common(parts: Mapping[str, Celled]) -> list[tuple[str, str]]:
    """The pairs of groups that have both rates."""
    both = [name for name in parts[_T].names if name in parts[_F].names]
    return list(combinations(both, 2))


def _half(a: str, b: str, side: float) -> Contrast:
    weights = {(_T, a): 0.5, (_T, b): -0.5, (_F, a): side, (_F, b): -side}
    return Contrast(weights, (a, b))


def _overall(name: str, title: str, *over: Rate) -> Contrasted:
    return Contrasted(f"{name}_to_overall", f"{title}, to overall", over, _to_overall, rest=True)


GAPS = (
    Contrasted(
        "average_odds_difference", "Average odds difference", _ODDS, _average
    ),
    Contrasted(
        "average_absolute_odds_difference", "Average absolute odds difference", _ODDS,
        _average_absolute,
    ),
    Contrasted(
        "equalized_odds_mean_difference", "Equalized odds difference, mean of both rates", _ODDS,
        _mean,
    ),
    _overall(
        "demographic_parity_difference", "Demographic parity difference", rates.SELECTION
    ),
    _overall(
        "equal_opportunity_difference", "Equal opportunity difference", rates.TRUE_POSITIVE
    ),
    _overall(
        "false_positive_rate_difference", "False positive rate difference", rates.FALSE_POSITIVE
    ),
    _overall("equalized_odds_difference", "Equalized odds difference", *_ODDS),
    _overall("accuracy_difference", "Accuracy difference", rates.ACCURACY),
)  # fmt: skip

MEASURES = tuple(gap.measure() for gap in GAPS)
