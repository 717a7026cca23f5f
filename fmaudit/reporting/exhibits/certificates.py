"""What vouches for the maps of a method: its findings over the sample, and each map's own test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fmaudit.reporting.exhibits.source import Source
from fmaudit.reporting.language import Language, noted
from fmaudit.reporting.words import count, figure, number
from fmaudit.types import Finding, Verdict

CERTIFYING = ("excess_comprehensiveness", "excess_sufficiency")
"""Measures that compare maps with random orders of the words."""

QUALITY = ("comprehensiveness", "random_comprehensiveness", "sufficiency", "random_sufficiency")
ALSO = ("rank_p", "special_share", "converged", "steps", "disagreement")
COLUMNS = (*QUALITY, *ALSO)
"""What a row may say of its map."""

STATES: Mapping[Verdict, str] = {
    "error": noted("not certified: a figure broke"),
    "fail": noted("not certified: no better than random words"),
    "not_tested": noted("not certified: not tested"),
    "measured": noted("not certified: measured without a rule"),
    "inconclusive": noted("not certified: inconclusive"),
    "pass": noted("certified over the sample"),
}
"""What the worst verdict of the certifying figures means, the worst first."""

HELD = (
    ("■", noted("Here its words beat random words in neither test.")),
    ("◐", noted("Here its words beat random words in one test of two.")),
    ("●", noted("Here its words beat random words in both tests.")),
)
"""A shape and a sentence by how many of the two tests a map holds: removed, and kept alone."""


@dataclass(frozen=True)
class Certificate:
    """What the findings say of a method's maps; `figures` are written with their intervals."""

    method: str
    verdict: Verdict
    said: str
    figures: tuple[str, ...]


@dataclass(frozen=True)
class Tested:
    """How one map did: a shape and a sentence ("" where it was not tried), and its figures."""

    shape: str
    said: str
    notes: tuple[str, ...]


def certificate(source: Source, probe: str) -> Certificate | None:
    """The certificate of a probe's maps; None where its record has no such findings."""
    mine = {f.measure: f for f in source.record.findings if f.probe == probe and not f.slice}
    found = [mine[name] for name in CERTIFYING if name in mine]
    if not found:
        return None
    verdict = next(v for v in STATES if v in {f.verdict for f in found})
    return Certificate(
        method=method(source, probe),
        verdict=verdict,
        said=source.say(STATES[verdict]),
        figures=tuple(_written(source, f) for f in found if f.estimate is not None),
    )


def method(source: Source, probe: str) -> str:
    """What a probe is called."""
    return source.say.content(str(source.record.probes.get(probe, {}).get("title") or probe))


def tested(say: Language, row: Mapping[str, Any]) -> Tested:
    """What a row says of its own map."""
    shape = said = ""
    if all(row.get(name) is not None for name in QUALITY):
        removed, at_random, kept, kept_at_random = (float(row[name]) for name in QUALITY)
        shape, said = HELD[(removed > at_random) + (kept < kept_at_random)]
    return Tested(shape, say(said) if said else "", tuple(_notes(say, row)))


def _written(source: Source, finding: Finding) -> str:
    assert finding.estimate is not None
    value, interval, _ = figure(finding.estimate, source.say)
    return source.say(
        "%(measure)s %(value)s (%(interval)s)",
        measure=source.names.title(finding.measure),
        value=value,
        interval=interval,
    )


def _notes(say: Language, row: Mapping[str, Any]) -> Iterator[str]:
    removed, at_random, kept, kept_at_random = (row.get(name) for name in QUALITY)
    if removed is not None and at_random is not None:
        yield say(
            "Probability lost without its strongest words: %(found)s (random words: %(random)s).",
            found=number(removed),
            random=number(at_random),
        )
    if kept is not None and kept_at_random is not None:
        yield say(
            "Lost with them alone: %(found)s (random words: %(random)s).",
            found=number(kept),
            random=number(kept_at_random),
        )
    if row.get("rank_p") is not None:
        yield say("Rank among random orders: p = %(p)s.", p=number(row["rank_p"]))
    if row.get("special_share") is not None:
        yield say(
            "Special tokens hold %(share)s %% of the scores.",
            share=number(100 * row["special_share"]),
        )
    if row.get("disagreement") is not None:
        yield say(
            "The answer's log-probability, asked for a second time alone: %(apart)s nats a token "
            "apart.",
            apart=number(row["disagreement"]),
        )
    if row.get("converged") is not None:
        yield _convergence(say, row["converged"], row.get("steps"))


def _convergence(say: Language, converged: bool, steps: int | None) -> str:
    if not converged:
        return say("The scores have not converged.")
    return say("Converged in %(n)s steps.", n=count(steps)) if steps else say("Converged.")
