"""Reports to look at: by hand of a classifier and a language model, hostile, large, empty, real."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import support_spoken
from reporting.conftest import BASICS, OUTCOMES, SWAPS, by_hand, estimate, finding

from fmaudit.catalog import roots
from fmaudit.evidence import Writer
from fmaudit.reporting.html import render
from fmaudit.reporting.record import load
from fmaudit.types import AuditRecord, Case, Coverage, Exhibit, Row

replace = msgspec.structs.replace

HOSTILE = (
    '</title></style></script><script>alert(1)</script><img src=x onerror="alert(2)">'
    "\"'&{{ 7*7 }}%(n)s\u202egnp.\u2066\u200b\u0000" + "W" * 10_000
)
"""Markup, script, a template, direction marks, unseen characters, a word without an end."""


def plain() -> AuditRecord:
    """Every verdict but `error`, and exhibits that are drawn from the findings."""
    record = by_hand()
    gap = "equal_opportunity_difference"
    more = (
        (OUTCOMES, "forest", {"measures": [gap], "over": "attributes"}),
        (OUTCOMES, "forest", {"measure": "true_positive_rate", "over": "groups", "gap": gap}),
        (OUTCOMES, "table", {"measures": ["selection_rate"], "over": "groups"}),
        (BASICS, "table", {"over": "all"}),
    )
    drawn = (Exhibit(probe, kind, f"The {kind}", options) for probe, kind, options in more)
    return replace(record, exhibits=(*record.exhibits, *drawn))


def hostile() -> AuditRecord:
    """Names and sentences that would act, wherever the record takes a text from outside."""
    record = plain()
    named = tuple(
        replace(
            f,
            slice={HOSTILE: HOSTILE} if f.slice and "attribute" not in f.slice else f.slice,
            reason=HOSTILE,
            positive=HOSTILE,
            estimate=f.estimate
            and replace(f.estimate, details={**f.estimate.details, "pair": [HOSTILE, HOSTILE]}),
        )
        for f in record.findings
    )
    strange = replace(named[0], probe=HOSTILE, family=HOSTILE, measure=HOSTILE)
    failing = (
        finding(OUTCOMES, HOSTILE, {"attribute": HOSTILE}, estimate(0.4, 0.1), reason=HOSTILE),
        replace(named[5], measure=HOSTILE, slice={"attribute": HOSTILE}),
    )
    return replace(
        record,
        audit={**record.audit, "name": HOSTILE, "command": HOSTILE},
        model={**record.model, "name": HOSTILE, "classes": [HOSTILE, "b"], "path": HOSTILE},
        data={**record.data, "source": HOSTILE, "attributes": [HOSTILE], HOSTILE: HOSTILE},
        environment={HOSTILE: HOSTILE, "packages": {HOSTILE: HOSTILE}},
        findings=(*named, strange, *failing),
        exhibits=tuple(replace(e, title=HOSTILE) for e in record.exhibits),
        coverage=(
            *record.coverage,
            Coverage(HOSTILE, HOSTILE, "not_tested", HOSTILE),
            Coverage("bias.broken", "bias", "error", HOSTILE),
        ),
        probes={name: card | _texts(card) for name, card in record.probes.items()},
    )


def _texts(card: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": HOSTILE,
        "claim": HOSTILE,
        "harm": HOSTILE,
        "limits": [HOSTILE],
        "citation": [{"text": HOSTILE, "url": f"javascript:{HOSTILE}"}],
        "params": {HOSTILE: HOSTILE},
    }


def groups() -> AuditRecord:
    """One attribute with 300 groups, under two measures."""
    record = by_hand()
    more = tuple(
        finding(OUTCOMES, measure, {"place": f"group {k}"}, estimate(k / 300, 0.05, n=90 + k))
        for measure in ("selection_rate", "true_positive_rate")
        for k in range(300)
    )
    return replace(record, findings=(*record.findings, *more))


def nothing() -> AuditRecord:
    """An audit that tested nothing."""
    return replace(by_hand(), findings=(), probes={}, exhibits=(), floor={}, costs={}, coverage=())


def broken() -> AuditRecord:
    """Every figure an error."""
    record = by_hand()
    return replace(
        record,
        findings=tuple(
            replace(f, verdict="error", estimate=None, reason="ValueError: a logit is not finite")
            for f in record.findings
        ),
    )


EXAMPLE = Path(__file__).parents[1] / "reports" / "example"


def example() -> AuditRecord:
    """A real run, with every kind of exhibit."""
    return load(EXAMPLE)


PAGES: Mapping[str, Callable[[], AuditRecord]] = {
    "plain": plain,
    "hostile": hostile,
    "groups": groups,
    "nothing": nothing,
    "broken": broken,
    "example": example,
    "spoken": support_spoken.tuned,
}


def languages() -> list[str]:
    """English, and the languages that there is a catalogue of."""
    found = {path.stem for root in roots() for path in (root / "reports/locales").glob("*.po")}
    return ["en", *sorted(found)]


def written(folder: Path, name: str, lang: str) -> Path:
    """The page's file."""
    run = EXAMPLE if name == "example" else folder / name
    if name == "spoken" and not run.is_dir():
        support_spoken.evidence(run)
    elif not run.is_dir():
        _evidence(run, HOSTILE if name == "hostile" else "a text of the data")
    path = folder / f"{name}.{lang}.html"
    path.write_text(render(PAGES[name](), run, lang=lang), encoding="utf-8")
    return path


def _evidence(run: Path, text: str) -> None:
    """Evidence of the swaps, so that their examples are drawn."""
    with Writer(run / "evidence" / f"{SWAPS}.parquet", {"gap": float}) as out:
        out.write([Row(Case(f"c{k}", f"{text} {k}"), {"gap": k / 10}) for k in range(4)])
