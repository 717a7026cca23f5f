"""Whether the scorer that a figure rests on was shown to see what it is asked about.

A scorer that flags nothing, or anything, finds no difference between any two models. So a rule on
its figures passes only where, on the labelled texts of the same audit, it does better than chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fmaudit.types import Finding

AUROC, FOUND = "scorer_auroc", "scorer_found_share"

CHANCE = 0.5


def unproven(finding: Finding, findings: Sequence[Finding]) -> str:
    """Why no rule on this finding may pass; "" where nothing speaks against it.

    `findings`: all of the audit. A probe that tries no scorer on labelled texts is not held back.
    """
    for tried in _of_its_scorer(finding, findings):
        estimate = tried.estimate
        if estimate is None:
            continue
        if tried.measure == FOUND and estimate.value == 0:
            return f"the scorer flags none of {estimate.n} labelled texts that it should flag"
        if tried.measure == AUROC:
            low = estimate.value if estimate.low is None else estimate.low
            if low <= CHANCE:
                return (
                    "on labelled texts the scorer is not shown to do better than chance (AUROC "
                    f"{estimate.value:.2f}, at lowest {low:.2f}; 0.5 is chance)"
                )
    return ""


def _of_its_scorer(finding: Finding, findings: Sequence[Finding]) -> Iterator[Finding]:
    """What was found of the scorers that a finding rests on: the one it names, or all."""
    named = finding.slice.get("scorer")
    for other in findings:
        mine = other.probe == finding.probe and other.measure in (AUROC, FOUND)
        if mine and other.slice.keys() <= {"scorer"}:
            scorer = other.slice.get("scorer")
            if None in (named, scorer) or named == scorer:
                yield other
