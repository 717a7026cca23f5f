"""The first screen: what was audited, what matters most, what was not tested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fmaudit.reporting import words
from fmaudit.reporting.anchors import Anchors
from fmaudit.reporting.language import Language, noted
from fmaudit.reporting.words import Names
from fmaudit.types import AuditRecord, Estimate, Finding, Verdict

MOST = 5
"""Findings on the first screen."""

OF_ONE = 2
"""Findings of one probe among them, while others of the same verdict wait."""

GATING: tuple[Verdict, ...] = ("error", "fail", "inconclusive", "not_tested", "pass")

LIMITS = {
    "<=": noted("the rule allows at most %(limit)s"),
    ">=": noted("the rule asks for at least %(limit)s"),
}

NEEDED = noted("; at least about %(n)s cases would be needed to decide")
NEEDED_OF_GROUP = noted(
    "; at least about %(n)s cases in the smaller group would be needed to decide"
)

HEADLINES = (
    ("accuracy",),
    ("f1", "f1_macro"),
    ("bits_per_byte", "perplexity"),
    ("exact_match", "rouge_l", "chrf"),
)
"""Figures of performance on the first screen, over all cases: of each row the first that was had.

Accuracy is a classifier's, or that of a language model's choices among options.
"""

MOST_HEADLINES = 3


@dataclass(frozen=True)
class Key:
    """One finding in a sentence: `what` it is of, its `figure`, then its rule and what it needs."""

    id: str
    verdict: Verdict
    what: str
    figure: str
    then: str
    probe: str


def keys(
    ranked: Sequence[Finding], names: Names, say: Language, anchors: Anchors
) -> tuple[Key, ...]:
    """At most `MOST` of the findings under a rule, the worst first, spread over probes.

    `ranked`: those under a rule and those that broke, worst first. What was not tested has a
    list of its own.
    """
    chosen: list[Finding] = []
    for verdict in (v for v in GATING if v != "not_tested"):
        same = [finding for finding in ranked if finding.verdict == verdict]
        for most in (OF_ONE, MOST):
            for finding in same:
                of_probe = sum(other.probe == finding.probe for other in chosen)
                new = not any(other is finding for other in chosen)
                if new and len(chosen) < MOST and of_probe < most:
                    chosen.append(finding)
    chosen.sort(key=lambda f: next(k for k, other in enumerate(ranked) if other is f))
    return tuple(_key(finding, names, say, anchors) for finding in chosen)


def _units(estimate: Estimate, say: Language) -> str:
    """How many rows a figure is of, and how many independent units, or of its smallest part."""
    n = words.count(estimate.n)
    least = estimate.details.get("limiting_clusters", estimate.n)
    if least < estimate.n:
        return say("n = %(n)s, %(least)s in the smallest part", n=n, least=words.count(least))
    if estimate.clusters < estimate.n:
        clusters = words.count(estimate.clusters)
        return say("n = %(n)s in %(clusters)s clusters", n=n, clusters=clusters)
    return say("n = %(n)s", n=n)


def _key(finding: Finding, names: Names, say: Language, anchors: Anchors) -> Key:
    estimate = finding.estimate
    figure, then = "", ""
    if estimate is not None:
        value, interval, _ = words.figure(estimate, say)
        figure = say(
            "%(value)s (%(interval)s; %(n)s)",
            value=value,
            interval=interval,
            n=_units(estimate, say),
        )
    if finding.rule is not None:
        limit = f"{finding.rule.value:g}".replace("-", "−")
        then = say(LIMITS[finding.rule.op], limit=limit)
    if finding.verdict == "inconclusive" and estimate is not None and _beyond(finding):
        then += say("; beyond it alone, not once all that was compared is counted")
    if finding.needed_n is not None:
        small = estimate is not None and "limiting_clusters" in estimate.details
        text = NEEDED_OF_GROUP if small else NEEDED
        then += say(text, n=words.count(finding.needed_n))
    if finding.verdict == "error":
        then = say.recorded(words.cut(finding.reason, 160))
    return Key(
        id=anchors(finding),
        verdict=finding.verdict,
        what=names.what(finding) + _pair(finding, say),
        figure=figure,
        then=then,
        probe=finding.probe,
    )


def _beyond(finding: Finding) -> bool:
    """Whether the 95 % interval lies wholly on the side that the rule forbids."""
    rule, estimate = finding.rule, finding.estimate
    assert rule is not None
    assert estimate is not None
    if estimate.low is None or estimate.high is None:
        return False
    return estimate.low > rule.value if rule.op == "<=" else estimate.high < rule.value


def _pair(finding: Finding, say: Language) -> str:
    """Which two groups a gap lies between."""
    pair = finding.estimate.details.get("pair") if finding.estimate else None
    if not isinstance(pair, Sequence) or len(pair) != 2:
        return ""
    return say(" (%(one)s against %(other)s)", one=pair[0], other=pair[1])


@dataclass(frozen=True)
class Headline:
    """A figure of performance on the first screen; `change`: what it is over its base's."""

    id: str
    name: str
    value: str
    interval: str
    change: str
    changed: str


def headlines(record: AuditRecord, names: Names, anchors: Anchors) -> tuple[Headline, ...]:
    """At most `MOST_HEADLINES` of `HEADLINES`.

    F1 is that of the positive class where there is one, else macro. Beside each stands what
    tuning changed of it, where that is known.
    """
    found = (_first(record, measures) for measures in HEADLINES)
    shown = [f for f in found if f is not None][:MOST_HEADLINES]
    return tuple(_headline(record, f, names, anchors) for f in shown)


def _headline(record: AuditRecord, finding: Finding, names: Names, anchors: Anchors) -> Headline:
    assert finding.estimate is not None
    value, interval, _ = words.figure(finding.estimate, names.say)
    change = _first(record, (f"{finding.measure}_change",))
    told = ("", "")
    if change is not None and change.estimate is not None:
        told = words.figure(change.estimate, names.say)[:2]
        told = (f"+{told[0]}" if change.estimate.value > 0 else told[0], told[1])
    return Headline(anchors(finding), _named(finding, names), value, interval, *told)


def _first(record: AuditRecord, measures: Sequence[str]) -> Finding | None:
    """The first of these measures of performance that was had over all cases."""
    positive = record.model.get("positive")
    for measure in measures:
        for f in record.findings:
            whole = f.family == "performance" and f.measure == measure and not f.slice
            fits = measure != "f1" or f.positive == positive
            if whole and fits and f.estimate is not None:
                return f
    return None


def _named(finding: Finding, names: Names) -> str:
    title = names.measured(finding.measure)
    return title if finding.positive is None else f"{title} ({finding.positive})"


def lead(findings: Sequence[Finding], say: Language, verdicts: Mapping[Verdict, str]) -> str:
    """The audit's verdicts in a sentence."""
    gated = [f for f in findings if f.rule is not None]
    others = len(findings) - len(gated)
    rest = say.plural(
        "%(n)s other figure has no rule",
        "%(n)s other figures have no rule",
        others,
        n=words.count(others),
    )
    if not gated:
        return say("No figure was held against a rule; %(rest)s.", rest=rest)
    found = [(v, sum(f.verdict == v for f in gated)) for v in GATING]
    tested = any(f.verdict in ("pass", "inconclusive") for f in gated)
    listed = say(", ").join(
        say("%(n)s %(verdict)s", n=n, verdict=say(verdicts[v])) if n else say("none fails")
        for v, n in found
        if n or (v == "fail" and tested)
    )
    return say.plural(
        "Of %(n)s figure held against a rule: %(listed)s; %(rest)s.",
        "Of %(n)s figures held against a rule: %(listed)s; %(rest)s.",
        len(gated),
        listed=listed,
        rest=rest,
    )
