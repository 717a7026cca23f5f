"""The engine: drives the generators of all the probes in step.

At each round it gathers what they ask, merges equal requests across probes, has the rest
answered, and sends the responses back. A chunk of cases goes through all chunked methods before
the next one is read, so that the prediction that they all need is asked for once and 200,000
rows never stand in memory together.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fmaudit.engine.costs import Costs
from fmaudit.engine.progress import Progress
from fmaudit.engine.runner import Runner
from fmaudit.engine.sampling import Cases
from fmaudit.errors import DiskFull, ModelError, Stalled
from fmaudit.registry import Context, Method
from fmaudit.types import Asks, Case, Request, Response, Row

PATIENCE = 100  # rounds in which a method asks nothing new before it counts as stalled


@dataclass
class Task:
    """One probe in a run: its method, parameters and context, and where its rows go.

    `source`: its own cases, where they are not the audit's. `only`: the ids of the cases that it
    is handed, all where None. `error` holds what ended it early; the other tasks go on.
    """

    probe: str
    family: str
    method: Method
    params: Any
    context: Context
    sink: Callable[[list[Row]], None]
    source: Cases | None = None
    only: frozenset[str] | None = None
    cases: int = 0
    error: Exception | None = None

    @property
    def apart(self) -> bool:
        """Whether it goes through its cases on its own, not chunk by chunk with the others.

        A sample does, so that its few cases fill batches together.
        """
        return self.method.whole or self.source is not None or self.only is not None

    def takes(self, cases: Sequence[Case]) -> list[Case]:
        """Those of the cases that it is handed."""
        return [case for case in cases if self.only is None or case.id in self.only]


@dataclass
class Lane:
    """One generator of a task, with what it last asked."""

    task: Task
    generator: Asks[list[Row]]
    cases: int
    asked: Sequence[Request] = ()
    idle: int = 0


@dataclass
class Engine:
    """Drives tasks over cases.

    Args:
        runners: role ("target", "base") → what answers for it.
        chunk: cases a chunk.
    """

    runners: Mapping[str, Runner]
    costs: Costs
    progress: Progress
    chunk: int = 4096
    _lanes: list[Lane] = field(default_factory=list, init=False)

    def run(self, tasks: Sequence[Task], cases: Cases) -> None:
        """Run every task to its end or to its error.

        Raises:
            DiskFull: what was done is kept.
            ModelError: the model cannot be loaded or answers out of shape.
        """
        for task in (t for t in tasks if t.apart):
            parts = [task.takes(part) for part in (task.source or cases).chunks(self.chunk)]
            if task.method.whole or task.only is not None:
                parts = [list(itertools.chain.from_iterable(parts))]
            for part in parts:
                self._start(task, part)
        together = [t for t in tasks if not t.apart]
        if together:
            for part in cases.chunks(self.chunk):
                for task in together:
                    self._start(task, part)
                self._drive(lambda lane: not lane.task.apart)
        self._drive(lambda lane: True)

    def answer(self, requests: Sequence[Request]) -> list[Response]:
        """Answer requests in order: equal ones once, each by the model that it is for."""
        self.costs.asked += len(requests)
        distinct = dict.fromkeys(requests)
        self.costs.merged += len(requests) - len(distinct)
        answers: dict[Request, Response] = {}
        for role in sorted({r.on for r in distinct}):
            mine = [r for r in distinct if r.on == role]
            if role not in self.runners:
                raise ModelError(f"a probe asks the model in the role {role!r}; there is none.")
            answers.update(zip(mine, self.runners[role].answer(mine), strict=True))
        return [answers[r] for r in requests]

    def _start(self, task: Task, cases: Sequence[Case]) -> None:
        if task.error is None:
            generator = task.method.run(cases, task.params, task.context)
            lane = Lane(task, generator, len(cases))
            self._lanes.append(lane)
            self._step(lane, None)

    def _drive(self, needed: Callable[[Lane], bool]) -> None:
        """Rounds, until no lane that is `needed` is left."""
        while any(needed(lane) for lane in self._lanes):
            asking = list(self._lanes)
            answers = iter(self.answer([r for lane in asking for r in lane.asked]))
            for lane in asking:
                self._step(lane, list(itertools.islice(answers, len(lane.asked))))

    def _step(self, lane: Lane, answers: list[Response] | None) -> None:
        """Send a lane its answers and take what it asks next, or what it found."""
        try:
            asked = next(lane.generator) if answers is None else lane.generator.send(answers)
        except StopIteration as stop:
            self._lanes.remove(lane)
            self._finish(lane, stop.value)
        except Exception as error:  # this probe's alone
            self._fail(lane, error)
        else:
            repeats = answers is not None and (not asked or list(asked) == list(lane.asked))
            lane.idle = lane.idle + 1 if repeats else 0
            lane.asked = asked
            if lane.idle >= PATIENCE:
                lane.generator.close()
                self._fail(lane, Stalled(f"asked nothing new in {PATIENCE} rounds"))

    def _finish(self, lane: Lane, rows: list[Row]) -> None:
        task = lane.task
        try:
            task.sink(rows)
        except DiskFull:
            raise
        except Exception as error:
            self._fail(lane, error)
            return
        task.cases += lane.cases
        self.progress.advance(task.family, lane.cases)

    def _fail(self, lane: Lane, error: Exception) -> None:
        if isinstance(error, DiskFull):
            raise error
        lane.task.error = error
        for other in [x for x in self._lanes if x.task is lane.task]:
            self._lanes.remove(other)
            other.generator.close()
