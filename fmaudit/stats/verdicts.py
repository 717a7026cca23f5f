"""The only place where a verdict is decided.

FAIL iff the Holm-adjusted `p_fail` is at most 0.025. PASS iff the raw `p_pass` is at most
0.025: "everything passes" is an intersection-union test and needs no adjustment (Berger 1982).
Else inconclusive. A finding without a rule is measured and never gates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fmaudit.stats.intervals import ALPHA
from fmaudit.stats.multiplicity import holm
from fmaudit.stats.power import needed_n
from fmaudit.types import Estimate, Rule, Verdict


class Decision(NamedTuple):
    """A verdict, why it is not clearer (empty where it is clear), and the n that may clear it."""

    verdict: Verdict
    reason: str = ""
    needed_n: int | None = None


def decide(
    findings: Sequence[tuple[Estimate, Rule | None]], m: int | None = None
) -> list[Decision]:
    """Decide the findings of one family in one audit, in the order given.

    `m`: gated findings that the family was to have, fixed before the run; at least the number
    gated here, which is the default. Raises `ValueError` where it is less.
    """
    gated = [e.p_fail for e, rule in findings if rule is not None and e.p_fail is not None]
    size = len(gated) if m is None else m
    adjusted = iter(holm(gated, size))
    return [
        _one(estimate, rule, 1.0 if rule is None or estimate.p_fail is None else next(adjusted))
        for estimate, rule in findings
    ]


def _one(estimate: Estimate, rule: Rule | None, adjusted: float) -> Decision:
    if rule is None:
        return Decision("measured")
    if estimate.p_fail is None or estimate.p_pass is None:
        cause = estimate.details.get("no_interval", "the estimate has no interval")
        return Decision("inconclusive", str(cause))
    if adjusted <= ALPHA:
        return Decision("fail")
    if estimate.p_pass <= ALPHA:
        return Decision("pass")
    return Decision("inconclusive", _why(estimate, rule), needed_n(estimate, rule))


def _why(estimate: Estimate, rule: Rule) -> str:
    if estimate.p_fail is not None and estimate.p_fail <= ALPHA:
        return (
            f"on the bad side of {rule.value:g} on its own, "
            "but not once the family's other gated findings are counted"
        )
    return (
        f"{estimate.low:.3g} to {estimate.high:.3g} does not settle "
        f"on which side of {rule.value:g} the value lies"
    )
