"""Verdicts, the n that would decide, and the exit code, written anew."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fmaudit.types import Coverage, Estimate, Finding, Rule, Verdict

ALPHA = 0.025
UNSTEADY = 0.05


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
    untested = {c.probe for c in coverage if c.status == "not_tested"} & set(named)
    for probe in {f.probe for f in findings} & set(named):
        mine = [f for f in findings if f.probe == probe]
        ruled = [f for f in mine if f.rule is not None] or mine
        if {f.verdict for f in ruled} == {"not_tested"}:
            untested.add(probe)
    ruled = [f for f in findings if f.rule is not None] or list(findings)
    silent = {f.verdict for f in ruled} <= {"not_tested"}
    unkept = any(f.rule and f.rule.origin == "policy" and f.estimate is None for f in findings)
    return 3 if "inconclusive" in verdicts or silent or untested or unkept else 0


def steadied(verdict: Verdict, then: Verdict, floor: Mapping[str, Any]) -> Verdict:
    """The verdict, where chance and rounding leave it: `then` is that of float32.

    None stands on a model whose class for one input changes in over 5 % of repeats.
    """
    unsteady = most_flips(floor) > UNSTEADY
    shaken = unsteady or then != verdict
    return "inconclusive" if shaken and verdict in ("pass", "fail") else verdict


def most_flips(floor: Mapping[str, Any]) -> float:
    """The largest share of classes, or of likeliest continuations, that repeats change."""
    found = [floor.get("target", {}).get(k, {}) for k in ("classify", "token_logprobs")]
    return max((share for f in found for share in f.get("flips", {}).values()), default=0.0)


def _verdict(estimate: Estimate, rule: Rule | None, failed: bool) -> Verdict:
    if rule is None:
        return "measured"
    if failed:
        return "fail"
    return "pass" if estimate.p_pass is not None and estimate.p_pass <= ALPHA else "inconclusive"
