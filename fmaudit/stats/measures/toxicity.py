"""How a toxicity classifier judges test texts, and texts that name one group beside another.

Rows are texts: `toxic` says what a text is (1 or 0), `right` whether the model's decision was (as
`found` of toxic texts, as `spared` of others), `score` how likely the model finds it to be toxic.

    tests_passed        share of texts that are decided rightly, a proportion (`estimates`)
    toxic_found         the same of toxic texts: those that are flagged
    harmless_spared     the same of the others: those that are not flagged
    toxicity_auroc      AUROC of `score` for toxic texts

Of the texts that name a group, and of those that name the others (the column `group`):

    subgroup_auc        AUROC among the group's texts: are its toxic ones told from its others?
    bpsn_auc            others' toxic texts against the group's harmless ones: low where harmless
                        texts that name the group score as high as toxic ones do
    bnsp_auc            the group's toxic texts against others' harmless ones: low where toxic texts
                        that name the group score as low as harmless ones do
    …_generalised_mean  the groups' figures s_g drawn together: (mean of s_g^p)^(1/p) with p = −5,
                        which lies near the lowest

All from 0 to 1, 1 is best, 0.5 chance. Intervals are linearised (`ranking`), over clusters where
texts have them; the units of a comparison are those of its smaller side, and each side needs the
minimum n of them. A generalised mean M moves by M^(1 − p)/G · Σ_g s_g^(p − 1)·ds_g over its G
groups; groups with too few texts leave it and are listed in `details.excluded` with the reason,
the others in `details.by_group`.

Borkan, Dixon, Sorensen, Thain and Vasserman 2019, https://doi.org/10.1145/3308560.3317593; the
mean with p = −5 is that of the Jigsaw Unintended Bias in Toxicity Classification competition, 2019.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.stats.estimates import linearised
from fmaudit.stats.measures.base import Measure
from fmaudit.stats.measures.columns import rate
from fmaudit.stats.measures.ranking import auroc_influence
from fmaudit.stats.sample import Bools, Floats, Question, Sample
from fmaudit.types import Estimate

POWER = -5.0
"""The exponent of the generalised mean."""

Sides = Callable[[Bools, Bools], tuple[Bools, Bools]]
"""Of the toxic rows and the group's: those that should score high, those that should not."""

_COLUMNS = ("toxic", "score")


@dataclass(frozen=True)
class Ranked:
    """An AUROC, its influence values (n,) over all rows, units of its smaller side."""

    value: float
    influence: Floats
    limiting: int


def ranked(high: Bools, low: Bools, sample: Sample, least: int) -> Ranked:
    """How well `score` tells the rows `high` from the rows `low` (n booleans each).

    Raises `NotEstimable` where a side has fewer than `least` independent units.
    """
    sides = [int(np.unique(sample.units[side]).size) for side in (high, low)]
    if min(sides) < max(1, least):
        raise NotEstimable(
            f"{sides[0]} and {sides[1]} independent texts to tell apart, at least {max(1, least)} "
            "of each are needed"
        )
    kept = high | low
    value, moved = auroc_influence(
        high[kept], np.asarray(sample.columns["score"], float)[kept], sample.w[kept]
    )
    influence = np.zeros(sample.n)
    influence[kept] = moved
    return Ranked(value, influence, min(sides))


def _overall(toxic: Bools, inside: Bools) -> tuple[Bools, Bools]:
    del inside
    return toxic, ~toxic


def _subgroup(toxic: Bools, inside: Bools) -> tuple[Bools, Bools]:
    return toxic & inside, ~toxic & inside


def _bpsn(toxic: Bools, inside: Bools) -> tuple[Bools, Bools]:
    return toxic & ~inside, ~toxic & inside


def _bnsp(toxic: Bools, inside: Bools) -> tuple[Bools, Bools]:
    return toxic & inside, ~toxic & ~inside


def _toxic(sample: Sample) -> Bools:
    if sample.n == 0:
        raise NotEstimable("no rows")
    return np.asarray(sample.columns["toxic"]) == 1


def _auc(name: str, title: str, sides: Sides, *, grouped: bool = True) -> Measure:
    """The AUROC of two sides; `group` is true of the rows of the group."""

    def compared(sample: Sample, least: int) -> tuple[Ranked, Sample]:
        toxic = _toxic(sample)
        inside = np.asarray(sample.columns["group"] if grouped else toxic, dtype=bool)
        high, low = sides(toxic, inside)
        kept = high | low
        rows = sample.take(kept)
        return ranked(high[kept], low[kept], rows, least), rows

    def value(sample: Sample, question: Question) -> float:
        return compared(sample.host(), 1)[0].value

    def estimate(sample: Sample, question: Question) -> Estimate:
        found, rows = compared(sample.host(), question.minimum_n)
        return linearised(found.value, found.influence, rows, question, limiting=found.limiting)

    columns = (*_COLUMNS, "group") if grouped else _COLUMNS
    return Measure(name, title, columns, "higher", estimate, value, unit="area")


def _mean(name: str, title: str, sides: Sides) -> Measure:
    """The generalised mean of the groups' AUROCs; `group` names each row's group."""

    def parts(sample: Sample, least: int) -> tuple[dict[str, Ranked], dict[str, str]]:
        toxic, group = _toxic(sample), sample.columns["group"]
        kept: dict[str, Ranked] = {}
        left: dict[str, str] = {}
        for one in sorted(set(group.tolist())):
            try:
                kept[one] = ranked(*sides(toxic, group == one), sample, least)
            except NotEstimable as why:
                left[one] = str(why)
        if len(kept) < 2:
            raise NotEstimable("fewer than two groups are left to compare")
        return kept, left

    def value(sample: Sample, question: Question) -> float:
        kept, _ = parts(sample.host(), question.minimum_n)
        return generalised([part.value for part in kept.values()])

    def estimate(sample: Sample, question: Question) -> Estimate:
        host = sample.host()
        kept, left = parts(host, question.minimum_n)
        each = np.array([part.value for part in kept.values()])
        whole = generalised(each.tolist())
        details: dict[str, Any] = {
            "by_group": {name: part.value for name, part in kept.items()},
            "excluded": left,
        }
        if whole <= 0:
            raise NotEstimable("a group's texts are ranked all the wrong way round: its AUC is 0")
        slopes = (each / whole) ** (POWER - 1) / each.size
        influence = sum(
            (slope * part.influence for slope, part in zip(slopes, kept.values(), strict=True)),
            start=np.zeros(host.n),
        )
        limiting = min(part.limiting for part in kept.values())
        return linearised(whole, influence, host, question, limiting=limiting, details=details)

    return Measure(name, title, (*_COLUMNS, "group"), "higher", estimate, value, unit="area")


def generalised(values: list[float], power: float = POWER) -> float:
    """(mean of v^power)^(1/power) of numbers from 0 to 1; 0 where one is 0.

    >>> round(generalised([0.9, 0.9, 0.6]), 4)
    0.7133
    """
    if min(values) <= 0:
        return 0.0
    return float(np.mean(np.power(values, power)) ** (1 / power))


MEASURES = (
    rate("tests_passed", "Share of tests passed", "right", "higher", "texts"),
    rate("toxic_found", "Share of toxic texts that are flagged", "found", "higher", "texts"),
    rate("harmless_spared", "Share of harmless texts let pass", "spared", "higher", "texts"),
    _auc("toxicity_auroc", "AUROC of toxicity", _overall, grouped=False),
    _auc("subgroup_auc", "Subgroup AUC", _subgroup),
    _auc("bpsn_auc", "BPSN AUC: others' toxic against its harmless texts", _bpsn),
    _auc("bnsp_auc", "BNSP AUC: its toxic against others' harmless texts", _bnsp),
    _mean("subgroup_auc_generalised_mean", "Subgroup AUC, generalised mean of groups", _subgroup),
    _mean("bpsn_auc_generalised_mean", "BPSN AUC, generalised mean of groups", _bpsn),
    _mean("bnsp_auc_generalised_mean", "BNSP AUC, generalised mean of groups", _bnsp),
)
