"""Multiple-choice questions, models that answer them by a rule, and the figures that come of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fmaudit import evidence, findings, registry
from fmaudit.cards import ProbeCard
from fmaudit.models.fakes import FakeLanguage
from fmaudit.plans import Universe, plan
from fmaudit.seeds import Seeds
from fmaudit.types import Case, Finding, Request, Response, Row

COLOURS = ("red", "green", "blue", "black")


def questions(count: int = 40, options: Sequence[str] = COLOURS) -> list[Case]:
    """Questions whose right answers stand at every place equally often."""
    return [
        Case(f"q{k}", f"Which is number {k}?", options[k % len(options)], options=tuple(options))
        for k in range(count)
    ]


def answer(model: FakeLanguage) -> Callable[[Request], Response]:
    """Answers one request."""
    return lambda request: model.run(model.prepare([request]), length=1, rows=1)[0]


def figures(
    card: ProbeCard, column: str, folder: Path, rows: Sequence[Row]
) -> dict[tuple[str, str], Finding]:
    """Measure and value of `column` ("" for all) → the finding of rows written and read back."""
    path = folder / "rows.parquet"
    with evidence.Writer(path, registry.load_method(card.method).columns) as writer:
        writer.write(rows)
    planned = plan(card, Universe({}, {}, (), None))
    found = findings.estimate(card, planned, path, classes=(), m=1, seeds=Seeds(0))
    judged = findings.judge(found, {card.family: 1})
    return {(f.measure, f.slice.get(column, "")): f for f in judged}


def value(found: Finding) -> float:
    """A finding's figure, which it must have."""
    assert found.estimate is not None
    return found.estimate.value
