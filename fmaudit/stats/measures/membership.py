"""How well an attack tells members of the training data from non-members.

Rows are members and non-members (`member`), their attack's scores (`score`, higher speaks for a
member) and what a classifier that never saw the model says (`blind`, likewise).

    membership_auc        AUROC of score
    blind_auc             AUROC of blind: what texts and labels give away without the model
    membership_advantage  membership_auc − blind_auc, over the same rows

are linearised (`ranking`, `estimates`), U the rows of the smaller side; the advantage by the
differences of the influence values (DeLong, DeLong and Clarke-Pearson 1988), within (−1, 1).

    tpr_at_1_percent_fpr, tpr_at_0_1_percent_fpr

The share of members above the (k + 1)-th largest score of the n₀ non-members, k = ⌊α·n₀⌋: at most
k false positives, nothing interpolated (Carlini et al. 2022). Its interval is that of the
bootstrap of both sides, of which nothing need be drawn: with c_j non-members at or above their
j-th largest different score, that score or a higher one is the threshold of a resample with
probability P(Bin(n₀, c_j/n₀) > k) (Hutson and Ernst 2000), and then n₁·TPR* is
Bin(n₁, share of members above it). Members that tie with the threshold (of models that give round
probabilities) cannot be told from its non-members, and by a finer score they might be: they count
for P* ≥ and for the upper limit, not for P* ≤, the lower limit and the value, so that no pass
comes of ties. p-values are P*(TPR* ≤ τ) and P*(TPR* ≥ τ), but not less than
those of the exact binomial test at the observed threshold, for a resample cannot show a member
that no row has; limits at level a are the shares at which they reach a. Method
`exact_bootstrap`.

Such a rate exists on at least 10/α non-members, and where it can be read: no more than 5 % of a
side's texts stand on the other one, and either a recorded draw at random made the sides and the
blind permutation p (two-sided) is above 0.01, or the 95 % limits of blind_auc lie within 0.45 and
0.55. Rows count once: weights, clusters and strata have no place in it. The advantage is read
where the rate is; areas are always measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.stats import intervals
from fmaudit.stats.estimates import finished, linearised, orient
from fmaudit.stats.intervals import ALPHA
from fmaudit.stats.measures.arrays import weights
from fmaudit.stats.measures.base import Better, Measure, on_device
from fmaudit.stats.measures.ranking import auroc, auroc_influence
from fmaudit.stats.measures.resampled import Resampled, resampled
from fmaudit.stats.sample import Bools, Floats, Question, Sample
from fmaudit.types import Estimate

BLIND_P = 0.01
BLIND_LOW, BLIND_HIGH = 0.45, 0.55
MOST_OVERLAP = 0.05


def _rate(per: int) -> tuple[Callable[..., float], Callable[..., Estimate]]:
    """Value and interval of the true positive rate at a false positive rate of 1/`per`."""

    def value(sample: Sample, question: Question) -> float:
        host = sample.host()
        member, score = _sides(host, question, "score")
        return float(np.mean(score[member] > _threshold(member, score, per)))

    def interval(sample: Sample, question: Question) -> Estimate:
        _own_texts(sample)
        member, score = _sides(sample, question, "score")
        _plain(sample)
        others = int((~member).sum())
        if others < 10 * per:
            raise NotEstimable(
                f"{others} non-members: a false positive rate of {1 / per:.1%} needs {10 * per}"
            )
        told = _readable(sample, question)
        threshold = _threshold(member, score, per)
        found = resampled(member, score, others // per)
        n, inside = found.n, score[member]
        events, tied = int((inside > threshold).sum()), int((inside >= threshold).sum())
        above = below = None
        if question.rule is not None:
            drawn = found.p(question.rule.value)
            above = max(drawn[0], intervals.exact_p(events, n, question.rule.value)[0])
            below = max(drawn[1], intervals.exact_p(tied, n, question.rule.value)[1])
        fail, good = orient(question.rule, above, below)
        low, high = _limits(found, events, tied, ALPHA)
        low_adj, high_adj = _limits(found, events, tied, question.alpha)
        details = {
            "threshold": threshold, "members": n, "nonmembers": others,
            "false_positives_allowed": others // per, "tied": tied - events,
            "limiting_clusters": min(n, others), **told,
        }  # fmt: skip
        return finished(
            Estimate(
                value=events / n, low=low, high=high, low_adj=low_adj, high_adj=high_adj,
                p_fail=fail, p_pass=good, n=sample.n, clusters=sample.unit_count,
                method="exact_bootstrap", details=details,
            )
        )  # fmt: skip

    return value, interval


def _limits(found: Resampled, events: int, tied: int, alpha: float) -> tuple[float, float]:
    """The bootstrap's limits, widened to those of the exact binomial (Clopper and Pearson)."""
    from scipy import special

    low, high = found.limits(alpha)
    n = found.n
    exact_low = float(special.betaincinv(events, n - events + 1, alpha)) if events else 0.0
    exact_high = float(special.betaincinv(tied + 1, n - tied, 1 - alpha)) if tied < n else 1.0
    return min(low, exact_low), max(high, exact_high)


def _threshold(member: Bools, score: Floats, per: int) -> float:
    others = np.sort(score[~member])
    return float(others[others.size - 1 - others.size // per])


def _readable(sample: Sample, question: Question) -> dict[str, Any]:
    """What a rate is read with; raises `NotEstimable` where it says nothing of the model."""
    drawn = bool(np.all(sample.columns["drawn"]))
    p = float(np.max(sample.columns["blind_p"]))
    blind = _auc("blind")(sample, replace(question, rule=None))
    assert blind.low is not None
    assert blind.high is not None
    low, high = blind.low, blind.high
    if (drawn and p > BLIND_P) or (low >= BLIND_LOW and high <= BLIND_HIGH):
        return {
            "drawn": drawn, "blind_auc": blind.value, "blind_low": low, "blind_high": high,
            "blind_p": p,
        }  # fmt: skip
    raise NotEstimable(
        f"not interpretable: {_unlike(blind.value, p)} (without the model: AUC {blind.value:.3f}, "
        f"{low:.3f} to {high:.3f}, permutation p = {p:.3g})"
    )


def _unlike(blind: float, p: float) -> str:
    """Why an AUC without the model, with its p, leaves nothing to be read."""
    if p > BLIND_P:
        return "no recorded draw at random made members and non-members, and their texts may differ"
    if blind > 0.5:
        return "the texts alone tell members from non-members"
    return (
        "texts are less like their own side than like the other, as where non-members are members "
        "in other words, which cannot be taken for texts that the model was not trained on"
    )


def _own_texts(sample: Sample) -> None:
    overlap = float(np.max(sample.columns["overlap"], initial=0.0))
    if overlap > MOST_OVERLAP:
        raise NotEstimable(
            f"not interpretable: {overlap:.1%} of a side's texts stand on the other one too, so "
            "that non-members cannot be taken for texts that the model was not trained on"
        )


def _plain(sample: Sample) -> None:
    if sample.clustered:
        raise NotEstimable(
            f"{sample.n} rows of {sample.unit_count} clusters: a rate at few false positives "
            "counts each row once and alone"
        )
    if sample.weighted or sample.stratified:
        raise NotEstimable("a rate at few false positives counts each row once and alone")


def _sides(sample: Sample, question: Question, column: str) -> tuple[Any, Any]:
    """Which rows are members, and a column; both sides must have their minimum of rows."""
    member = sample.columns["member"]
    inside = int(member.sum())
    fewer = min(inside, sample.n - inside)
    if fewer < max(1, question.minimum_n):
        raise NotEstimable(
            f"{inside} members and {sample.n - inside} non-members, "
            f"at least {max(1, question.minimum_n)} of each are needed"
        )
    return member, sample.columns[column]


def _area(column: str) -> Callable[[Sample, Question], float]:
    def value(sample: Sample, question: Question) -> float:
        member, score = _sides(sample, question, column)
        return auroc(member, score, weights(sample, score))

    return value


def _auc(column: str) -> Callable[[Sample, Question], Estimate]:
    def interval(sample: Sample, question: Question) -> Estimate:
        member, score = _sides(sample, question, column)
        value, z = auroc_influence(member, score, sample.w)
        return linearised(value, z, sample, question, limiting=_fewer(sample, member))

    return interval


def _advantage(sample: Sample, question: Question) -> Estimate:
    _own_texts(sample)
    member, score = _sides(sample, question, "score")
    _readable(sample, question)
    one, z = auroc_influence(member, score, sample.w)
    two, apart = auroc_influence(member, sample.columns["blind"], sample.w)
    details = {"membership_auc": one, "blind_auc": two}
    return linearised(
        one - two, z - apart, sample, question, span=(-1.0, 1.0),
        limiting=_fewer(sample, member), details=details,
    )  # fmt: skip


def _advantage_value(sample: Sample, question: Question) -> float:
    return _area("score")(sample, question) - _area("blind")(sample, question)


def _fewer(sample: Sample, member: Bools) -> int:
    """Independent units of the smaller side."""
    return min(int(np.unique(sample.units[side]).size) for side in (member, ~member))


_READ = ("member", "score", "blind", "blind_p", "overlap", "drawn")


def _tpr(name: str, title: str, per: int) -> Measure:
    value, interval = _rate(per)
    return Measure(name, title, _READ, "lower", on_device(value, interval), value)


def _ranked(name: str, title: str, column: str, better: Better) -> Measure:
    value = _area(column)
    return Measure(
        name, title, ("member", column), better, on_device(value, _auc(column)), value, unit="area"
    )


MEASURES = (
    _tpr("tpr_at_1_percent_fpr", "Members found at 1 % false alarms", 100),
    _tpr("tpr_at_0_1_percent_fpr", "Members found at 0.1 % false alarms", 1000),
    _ranked("membership_auc", "AUC of the attack", "score", "lower"),
    _ranked("blind_auc", "AUC without the model", "blind", "neither"),
    Measure(
        "membership_advantage", "AUC of the attack less that without the model",
        _READ, "lower", on_device(_advantage_value, _advantage), _advantage_value, unit="area",
    ),
)  # fmt: skip
