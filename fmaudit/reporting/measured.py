"""How often a rule errs, in words: the sentence beside each finding that a rule decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fmaudit.reporting import words
from fmaudit.types import Finding, MeasuredError

STALE = "Measured on other code or with other parameters, and so stale."


def said(finding: Finding, card: Mapping[str, Any]) -> str:
    """How often this finding's rule errs, or why that is not known; "" where no rule decides.

    `card` is what the record says of the probe.
    """
    if finding.rule is None or finding.estimate is None:
        return ""
    if finding.measured_error is not None:
        return sentence(finding.measured_error)
    return f"Audited auditor: {_missing(finding, card.get('measured'))}."


def sentence(error: MeasuredError) -> str:
    """Power, false alarms and wrong passes, each by its worse 95 % bound."""
    text = (
        f"Audited auditor: at n = {words.count(error.n)} and {error.m} gated figures in the family "
        f"a true {error.dose:g} is failed in {words.at_least(error.power)} of simulated audits; "
        f"a clean model in "
        f"{words.at_most(error.false_alarms)}; one at the threshold in "
        f"{words.at_most(error.boundary)}."
    )
    if error.wrong_passes is not None:
        text += f" One exactly at the threshold passes in {words.at_most(error.wrong_passes)}."
    return f"{text} {STALE}" if error.stale else text


def _missing(finding: Finding, measured: Mapping[str, Any] | None) -> str:
    rule = finding.rule
    assert rule is not None
    mine = [f for f in (measured or {}).get("figures", ()) if f["measure"] == finding.measure]
    if not mine:
        return "how often this rule errs has not been measured"
    same = [f for f in mine if (f["op"], f["value"]) == (rule.op, rule.value)]
    if not same:
        then = ", ".join(sorted({f"{f['op']} {f['value']:g}" for f in mine}))
        return f"how often this rule errs has not been measured, only that of {then}"
    least = min(f["n"] for f in same)
    return f"not measured at this size, only from n = {words.count(least)}"
