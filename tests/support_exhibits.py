"""Findings for exhibits, and what they are drawn from."""

from __future__ import annotations

from fmaudit.reporting.language import PLAIN
from fmaudit.reporting.words import Names
from fmaudit.stats.measures import MEASURES
from fmaudit.types import Estimate, Finding, Rule

PROBE = "bias.group_outcomes"
NAMES = Names(
    titles={name: measure.title for name, measure in MEASURES.items()},
    compare=frozenset(n for n, measure in MEASURES.items() if "group" in measure.columns),
    categories=frozenset(),
    say=PLAIN,
)


def estimate(value, half=0.05, n=200, **more):
    fields = {
        "value": value,
        "low": value - half,
        "high": value + half,
        "low_adj": value - 2 * half,
        "high_adj": value + 2 * half,
        "n": n,
        "clusters": n,
        "method": "wilson",
    }
    return Estimate(**{**fields, **more})


def finding(measure, slice_, value=None, rule=None, probe=PROBE, reason="", **more):
    """A finding of that value; not tested where it has none."""
    verdict = more.pop("verdict", "measured" if value is not None else "not_tested")
    positive = more.pop("positive", None)
    return Finding(
        probe=probe,
        family=probe.split(".")[0],
        measure=measure,
        slice=slice_,
        estimate=None if value is None else estimate(value, **more),
        rule=None if rule is None else Rule(*rule),
        verdict=verdict,
        reason=reason,
        positive=positive,
    )
