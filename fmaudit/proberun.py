"""One probe in a run: its task for the engine, its evidence, its findings."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from fmaudit import evidence, findings, plans
from fmaudit.catalog import ProbeCard
from fmaudit.engine.scheduler import Task
from fmaudit.matching import Matched
from fmaudit.registry import Context
from fmaudit.runs import RunFolder
from fmaudit.seeds import Seeds
from fmaudit.spec import AuditSpec
from fmaudit.types import Coverage, Finding, digest


@dataclass
class ProbeRun:
    """A matched probe in a run.

    `m`: size of its family's Holm family. `where`: what of the model and the data is in its
    key. Open the evidence, let the engine run `task`, finish, then estimate.
    """

    matched: Matched
    run: RunFolder
    context: Context
    m: int
    where: list[Any]
    spec: AuditSpec
    task: Task = field(init=False)
    writer: evidence.Writer | None = None

    def __post_init__(self) -> None:
        seeds = self.context.seeds.child(self.card.id)
        self.task = Task(
            probe=self.card.id,
            family=self.card.family,
            method=self.matched.method,
            params=self.matched.params,
            context=msgspec.structs.replace(self.context, seeds=seeds),
            sink=lambda rows: self.writer.write(rows) if self.writer else None,
        )

    @property
    def card(self) -> ProbeCard:
        """The probe's card."""
        return self.matched.card

    @property
    def path(self) -> Path:
        """Where its evidence stands."""
        return self.run.evidence / f"{self.card.id}.parquet"

    @property
    def key(self) -> str:
        """Everything that the findings follow from."""
        matched = self.matched
        code = [matched.card_digest, matched.method.digest()]
        asked = [self.spec.evidence.texts, self.spec.chunk, self.m, self.context.floor]
        return digest([self.card.id, *code, *asked, *self.where])

    def open(self, stack: ExitStack) -> None:
        """Open the evidence; a run that breaks leaves none behind."""
        hide = self.spec.evidence.texts == "hash"
        self.writer = evidence.Writer(self.path, self.matched.method.columns, hash_texts=hide)
        stack.push(lambda kind, *_: self.writer.abandon() if kind and self.writer else None)

    def finish(self) -> None:
        """Put the evidence in its place, or take it away where the probe broke."""
        assert self.writer is not None
        if self.task.error is None:
            self.writer.close()
        else:
            self.writer.abandon()
            self.run.log("probe broke", probe=self.card.id, error=repr(self.task.error))

    def estimate(
        self, classes: Sequence[str], seeds: Seeds, place: findings.Place
    ) -> tuple[list[Finding], Coverage]:
        """The findings of the evidence as read back."""
        assert self.writer is not None
        card, error = self.card, self.task.error
        if error is not None:
            reason = f"{type(error).__name__}: {error}"
            blank = [plans.finding(card, p, classes) for p in self.matched.plans]
            broken = [
                msgspec.structs.replace(f, verdict="error", reason=reason, evidence="")
                for f in blank
            ]
            return broken, Coverage(card.id, card.family, "error", reason)
        found = findings.estimate(
            card,
            self.matched.plans,
            self.path,
            classes=classes,
            m=self.m,
            seeds=seeds,
            place=place,
        )
        wrote = self.writer
        return found, Coverage(
            card.id, card.family, "ran", "", self.task.cases, wrote.rows, wrote.failed
        )
