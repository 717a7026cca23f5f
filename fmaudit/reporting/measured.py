"""How often a rule errs, in words: the sentence beside each finding that a rule decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fmaudit.reporting import words
from fmaudit.reporting.language import PLAIN, Language, noted
from fmaudit.types import Finding, MeasuredError

STALE = noted("Measured on other code or with other parameters, and so stale.")


def said(finding: Finding, card: Mapping[str, Any], say: Language = PLAIN) -> str:
    """How often this finding's rule errs, or why that is not known; "" where no rule decides.

    `card` is what the record says of the probe.
    """
    if finding.rule is None or finding.estimate is None:
        return ""
    if finding.measured_error is not None:
        return sentence(finding.measured_error, say)
    return say("Audited auditor: %(why)s.", why=_missing(finding, card.get("measured"), say))


def sentence(error: MeasuredError, say: Language = PLAIN) -> str:
    """Power, false alarms and wrong passes, each by its worse 95 % bound."""
    text = say(
        "Audited auditor: at n = %(n)s and %(m)s gated figures in the family a true %(dose)s is "
        "failed in %(power)s of simulated audits; a clean model in %(alarms)s; one at the "
        "threshold in %(boundary)s.",
        n=words.count(error.n),
        m=error.m,
        dose=f"{error.dose:g}",
        power=words.at_least(error.power, say),
        alarms=words.at_most(error.false_alarms, say),
        boundary=words.at_most(error.boundary, say),
    )
    passes = ""
    if error.wrong_passes is not None:
        most = words.at_most(error.wrong_passes, say)
        passes = say("One exactly at the threshold passes in %(most)s.", most=most)
    return say.joined(filter(None, (text, passes, say(STALE) if error.stale else "")))


def _missing(finding: Finding, measured: Mapping[str, Any] | None, say: Language) -> str:
    rule = finding.rule
    assert rule is not None
    mine = [f for f in (measured or {}).get("figures", ()) if f["measure"] == finding.measure]
    if not mine:
        return say("how often this rule errs has not been measured")
    same = [f for f in mine if (f["op"], f["value"]) == (rule.op, rule.value)]
    if not same:
        then = say.listed(sorted({f"{f['op']} {f['value']:g}" for f in mine}))
        return say(
            "how often this rule errs has not been measured, only that of %(rules)s", rules=then
        )
    least = min(f["n"] for f in same)
    return say("not measured at this size, only from n = %(n)s", n=words.count(least))
