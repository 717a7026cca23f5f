"""Verdicts, the n that would decide, and the exit code, written anew."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fmaudit.types import Coverage, Estimate, Finding, Rule, Verdict

ALPHA = 0.025


def verdicts(found: Sequence[tuple[Estimate, Rule | None]], m: int) -> list[Verdict]:
    """Verdicts of one family's estimates: Holm steps down `p_fail`; `p_pass` stands alone."""
    gated = [(e.p_fail, k) for k, (e, rule) in enumerate(found) if rule and e.p_fail is not None]
    failed: set[int] = set()
    for step, (p, k) in enumerate(sorted(gated)):
        if (m - step) * p > ALPHA:
            break
        failed.add(k)
    return [_verdict(e, rule, k in failed) for k, (e, rule) in enumerate(found)]


def needed_n(estimate: Estimate, rule: Rule) -> int | None:
    """Units for a verdict at 80 % power, if the true value is the estimate."""
    distance = abs(estimate.value - rule.value)
    if estimate.low is None or estimate.high is None:
        return None
    if distance == 0 or distance < abs(rule.value) * 0.1:
        return None
    units = estimate.details.get("limiting_clusters", estimate.clusters)
    half = (estimate.high - estimate.low) / 2
    return math.ceil(units * (half / distance) ** 2 * 2.04)


def exit_code(
    findings: Sequence[Finding], coverage: Sequence[Coverage], named: Sequence[str]
) -> int:
    """4 broke · 1 a rule fails · 3 inconclusive, untested or a named probe untested · 0."""
    verdicts = [f.verdict for f in findings]
    if "error" in verdicts or any(c.status == "error" for c in coverage):
        return 4
    if "fail" in verdicts:
        return 1
    tested = {f.probe for f in findings if f.verdict != "not_tested"}
    asked = {c.probe for c in coverage if c.status == "not_tested"} | {f.probe for f in findings}
    untested = (asked & set(named)) - tested
    return 3 if "inconclusive" in verdicts or not tested or untested else 0


def _verdict(estimate: Estimate, rule: Rule | None, failed: bool) -> Verdict:
    if rule is None:
        return "measured"
    if failed:
        return "fail"
    return "pass" if estimate.p_pass is not None and estimate.p_pass <= ALPHA else "inconclusive"
