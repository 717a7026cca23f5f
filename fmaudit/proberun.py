"""One probe in a run: its task for the engine, its evidence, its findings."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from fmaudit import evidence, findings, plans, precision
from fmaudit.catalog import ProbeCard
from fmaudit.engine.sampling import Cases
from fmaudit.engine.scheduler import Task
from fmaudit.matching import Matched
from fmaudit.registry import Context, Method
from fmaudit.rowsets import Place
from fmaudit.runs import RunFolder
from fmaudit.seeds import Seeds
from fmaudit.spec import AuditSpec
from fmaudit.types import Coverage, Finding, digest


@dataclass
class Written:
    """A task and the evidence that it writes. Open it, let the engine run `task`, finish."""

    task: Task
    path: Path
    run: RunFolder
    hide: bool
    writer: evidence.Writer | None = None

    def __post_init__(self) -> None:
        self.task.sink = lambda rows: self.writer.write(rows) if self.writer else None

    def open(self, stack: ExitStack) -> None:
        """Open the evidence; a run that breaks leaves none behind."""
        columns = self.task.method.columns
        self.writer = evidence.Writer(self.path, columns, hash_texts=self.hide)
        stack.push(lambda kind, *_: self.writer.abandon() if kind and self.writer else None)

    def finish(self) -> None:
        """Put the evidence in its place, or take it away where the probe broke."""
        assert self.writer is not None
        if self.task.error is None:
            self.writer.close()
        else:
            self.writer.abandon()
            self.path.unlink(missing_ok=True)
            where = self.path.relative_to(self.run.path).as_posix()
            error = repr(self.task.error)
            self.run.log("probe broke", probe=self.task.probe, evidence=where, error=error)

    @property
    def error(self) -> str:
        """What ended it early, in words; "" where nothing did."""
        error = self.task.error
        return "" if error is None else f"{type(error).__name__}: {error}"


@dataclass
class ProbeRun:
    """A matched probe in a run.

    `m`: size of its family's Holm family. `where`: what of the model and the data is in its
    key. `source`, `only`: its cases, as in `Task`. `half`: the model is served in half precision;
    `compared` are then the ids of the cases that are tried in float32 as well, all where None.
    """

    matched: Matched
    run: RunFolder
    context: Context
    m: int
    where: list[Any]
    spec: AuditSpec
    source: Cases | None = None
    only: frozenset[str] | None = None
    half: bool = False
    compared: frozenset[str] | None = None

    @cached_property
    def served(self) -> Written:
        """Its method over its cases, with the model as it is served."""
        path = self.run.evidence / f"{self.card.id}.parquet"
        return self._written(self.matched.method, path, self.only)

    @cached_property
    def float32(self) -> Written | None:
        """The same in float32, where a rule gates a figure and the model is served in less."""
        if not self.half or not plans.gated(self.matched.plans):
            return None
        path = self.run.evidence / precision.FOLDER / f"{self.card.id}.parquet"
        return self._written(precision.in_float32(self.matched.method), path, self.compared)

    def _written(self, method: Method, path: Path, only: frozenset[str] | None) -> Written:
        seeds = self.context.seeds.child(self.card.id)
        task = Task(
            probe=self.card.id,
            family=self.card.family,
            method=method,
            params=self.matched.params,
            context=msgspec.structs.replace(self.context, seeds=seeds),
            sink=lambda rows: None,
            source=self.source,
            only=only,
        )
        return Written(task, path, self.run, self.spec.evidence.texts == "hash")

    @property
    def card(self) -> ProbeCard:
        """The probe's card."""
        return self.matched.card

    @property
    def on_members(self) -> bool:
        """Whether its cases are members and non-members of the training data."""
        return "member" in self.matched.method.data

    @property
    def parts(self) -> list[Written]:
        """What it writes, the served evidence first."""
        return [self.served, *([self.float32] if self.float32 else [])]

    @property
    def paths(self) -> list[Path]:
        """Where its evidence stands."""
        return [part.path for part in self.parts]

    @property
    def key(self) -> str:
        """Everything that the findings follow from."""
        matched = self.matched
        code = [matched.card_digest, matched.method.digest()]
        asked = [self.spec.evidence.texts, self.spec.chunk, self.m, self.context.floor]
        return digest([self.card.id, *code, *asked, *self.where])

    def estimate(
        self, classes: Sequence[str], seeds: Seeds, place: Place
    ) -> tuple[list[Finding], Coverage]:
        """The findings of the evidence as read back."""
        card, task, wrote = self.card, self.served.task, self.served.writer
        if reason := self.served.error:
            blank = [plans.finding(card, p, classes) for p in self.matched.plans]
            broken = [
                msgspec.structs.replace(f, verdict="error", reason=reason, evidence="")
                for f in blank
            ]
            return broken, Coverage(card.id, card.family, "error", reason)
        assert wrote is not None
        found = findings.estimate(
            card,
            self.matched.plans,
            self.served.path,
            classes=classes,
            m=self.m,
            seeds=seeds,
            place=place,
        )
        if self.float32 is not None:
            found = precision.compared(
                found,
                self.matched.plans,
                self.served.path,
                self.float32.error or self.float32.path,
                classes=classes,
                m=self.m,
                place=place,
            )
        return found, Coverage(
            card.id, card.family, "ran", "", task.cases, wrote.rows, wrote.failed
        )
