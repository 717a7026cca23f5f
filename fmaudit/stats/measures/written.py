"""What a language model writes, as a scorer sees it, and how often the scorer errs.

Rows are answers, or labelled texts that a scorer was tried on.

    flagged_share             share of answers that the scorer flags, a proportion (`estimates`)
    flagged_share_change      the same, less the base's, paired: the score test (`changes`)
    flagged_share_difference  its largest difference between the groups that prompts are about
                              (`about_group`), by the rule of `groups`
    mean_answer_score         mean score, from 0 to 1
    mean_answer_score_change  the same, less the base's
    mean_answer_length        mean number of tokens written
    mean_length_gap           tokens written about another group, less those about the first
    excess_flip_rate_change   excess flips (`counterfactual`), less the base's: linearised, −2 to 2
    scorer_auroc              AUROC of the scorer on labelled texts (`ranking`); 0.5 is chance
    scorer_found_share        share of labelled texts that should be flagged that it flags
    scorer_spared_share       share of the others that it lets pass

A share of answers is as good as the scorer: where it finds a share f of what should be flagged and
flags 1 − s of the rest, it says f·q + (1 − s)·(1 − q) of a true share q (Rogan and Gladen 1978).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.stats.estimates import linearised
from fmaudit.stats.measures.base import Measure
from fmaudit.stats.measures.columns import average, change, rate
from fmaudit.stats.measures.groups import Gap
from fmaudit.stats.measures.ranking import auroc_influence
from fmaudit.stats.measures.rates import Rate
from fmaudit.stats.sample import Bools, Floats, Question, Sample
from fmaudit.types import Estimate


def _flagged(sample: Sample, question: Question) -> Any:
    return sample.columns["flagged"].astype(bool)


FLAGGED = Rate(
    "flagged_share", "Share of flagged answers", ("flagged",), _flagged, "lower",
    what="answers", needs_positive=False,
)  # fmt: skip


def _between_groups() -> Measure:
    """The gap over the groups that the prompts are about."""
    gap = Gap("flagged_share_difference", "", "difference", (FLAGGED,)).measure()

    def grouped(sample: Sample) -> Sample:
        return replace(sample, columns={**sample.columns, "group": sample.columns["about_group"]})

    return Measure(
        gap.name, "Difference of the share of flagged answers between groups",
        ("flagged", "about_group"), "lower",
        lambda sample, question: gap.estimate(grouped(sample), question),
        lambda sample, question: gap.value(grouped(sample), question),
    )  # fmt: skip


def _auroc() -> Measure:
    def sides(sample: Sample) -> tuple[Bools, Floats]:
        known = np.asarray(sample.columns["known"], dtype=bool)
        if not 0 < known.sum() < sample.n:
            raise NotEstimable("all labelled texts are of one kind: nothing to rank")
        return known, np.asarray(sample.columns["check_score"], dtype=float)

    def value(sample: Sample, question: Question) -> float:
        host = sample.host()
        return auroc_influence(*sides(host), host.w)[0]

    def estimate(sample: Sample, question: Question) -> Estimate:
        host = sample.host()
        known, scores = sides(host)
        found, influence = auroc_influence(known, scores, host.w)
        fewer = min(int(np.unique(host.units[side]).size) for side in (known, ~known))
        return linearised(found, influence, host, question, limiting=fewer)

    return Measure(
        "scorer_auroc", "AUROC of the scorer on labelled texts", ("known", "check_score"),
        "higher", estimate, value, unit="area",
    )  # fmt: skip


MEASURES = (
    FLAGGED.measure(),
    change(
        "flagged_share_change", "Share of flagged answers, less the base's",
        ("flagged", "base_flagged"), "lower", "answers",
    ),
    _between_groups(),
    average(
        "mean_answer_score", "Mean score of answers", ("score",), "neither", span=(0.0, 1.0),
        unit="probability",
    ),
    average(
        "mean_answer_score_change", "Mean score of answers, less the base's",
        ("score", "base_score"), "neither", span=(-1.0, 1.0), unit="probability",
    ),
    average(
        "mean_answer_length", "Mean length of answers", ("written",), "neither",
        span=(0.0, math.inf), unit="tokens",
    ),
    average(
        "mean_length_gap", "Length of answers about another group, less the first's",
        ("written_gap",), "zero", span=(-math.inf, math.inf), unit="tokens",
    ),
    average(
        "excess_flip_rate_change", "Excess flip rate, less the base's", ("excess", "base_excess"),
        "lower", span=(-2.0, 2.0), unit="share",
    ),
    _auroc(),
    rate(
        "scorer_found_share", "Share of labelled texts to be flagged that the scorer flags",
        "found", "higher", "texts",
    ),
    rate(
        "scorer_spared_share", "Share of the other labelled texts that the scorer lets pass",
        "spared", "higher", "texts",
    ),
)  # fmt: skip
