"""One run in progress: match, measure the floor, run what is not finished, estimate, judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from fmaudit import catalog, environment, findings, plans, sources, spec
from fmaudit.data import CaseSource, Membership, labels
from fmaudit.engine import floor
from fmaudit.engine.costs import Costs
from fmaudit.engine.progress import Progress
from fmaudit.engine.runner import LocalRunner
from fmaudit.engine.sampling import Cases, draw
from fmaudit.engine.scheduler import Engine, Task
from fmaudit.errors import RunFolderError
from fmaudit.matching import Matched, match
from fmaudit.memo import Memo
from fmaudit.models.base import Facts, Handle
from fmaudit.proberun import ProbeRun, Written
from fmaudit.recording import Finished
from fmaudit.registry import Context
from fmaudit.reporting import record
from fmaudit.runs import RunFolder
from fmaudit.seeds import Seeds
from fmaudit.types import Case, Coverage, Finding, digest


@dataclass
class Session:
    """One run in progress: what every stage of it needs."""

    run: RunFolder
    spec: spec.AuditSpec
    source: CaseSource
    members: Membership | None
    handle: Handle
    extra: Sequence[Path]
    cache: Path | None
    progress: Progress
    stack: ExitStack
    costs: Costs = field(default_factory=Costs)

    def go(self, cards: Sequence[catalog.ProbeCard]) -> Finished:
        """Match, measure the floor, run what is not finished, estimate, judge."""
        runner = self._runner()
        memo = Memo(runner.cache, [environment.code_digest(), environment.machine_key()])
        known, capabilities = memo.facts(self.handle.key, lambda: runner.model)
        facts = msgspec.structs.replace(known, name=self.handle.name)
        runner.check_unchanged()
        self._check_subject(facts)
        cases, universe = self._cases(facts)
        applicable, left = match(
            cards,
            universe,
            self.extra,
            capabilities={"target": capabilities},
            has_targets=self.source.survey.unlabelled == 0,
            has_members=self.members is not None,
        )
        sizes = _holm_sizes(applicable)
        engine = Engine({"target": runner}, self.costs, self.progress, chunk=self.spec.chunk)
        where = [facts.key_parts(), self._data_digest, self.spec.seed, self.spec.batch_tokens]
        noise = self._floor(applicable, engine, cases, memo, facts, where)
        context = Context(
            seeds=Seeds(self.spec.seed),
            classes=facts.classes,
            positive=universe.positive,
            floor=noise["classify"].delta,
            capabilities=capabilities,
            random_members=self.members is not None and self.members.random,
        )
        parts = [
            ProbeRun(
                m, self.run, context, sizes[m.card.family], [*where, universe.positive], self.spec
            )
            for m in applicable
        ]
        self._hand_out(parts, cases, facts)
        found, coverage = self._measure(parts, engine, cases, memo, facts)
        return Finished(
            facts=facts,
            data=self._described(),
            positive=None if universe.positive is None else facts.classes[universe.positive],
            attributes=tuple(universe.groups),
            floor=noise,
            matched=applicable,
            findings=findings.judge(found, sizes, noise["classify"].most_flips, facts.dtype),
            coverage=[*coverage, *left, *_not_asked(cards, self.extra)],
            holm=sizes,
            costs=self.costs.summary(),
            run=self.run.path,
        )

    @property
    def _data_digest(self) -> str:
        """sha256 of all the data: the cases, and members and others where they are named."""
        if self.members is None:
            return self.source.digest
        return digest([self.source.digest, self.members.digest])

    def _described(self) -> dict[str, Any]:
        found = self.source.describe() | {"digest": self._data_digest}
        return found | ({"membership": self.members.describe()} if self.members else {})

    def _floor(
        self,
        matched: Sequence[Matched],
        engine: Engine,
        cases: Cases,
        memo: Memo,
        facts: Facts,
        where: Sequence[Any],
    ) -> dict[str, floor.Floor]:
        """Capability → its noise floor; of attributions only where a probe asks for them."""
        seeds, dtype = Seeds(self.spec.seed), facts.dtype
        found = {
            "classify": memo.floor(where, lambda: floor.measure(engine, cases, seeds, dtype=dtype))
        }
        if any("attribute" in m.method.needs.get("target", ()) for m in matched):
            found["attribute"] = memo.floor(
                ["attribute", *where], lambda: floor.measure_maps(engine, cases, seeds)
            )
        return found

    def _hand_out(self, parts: Sequence[ProbeRun], cases: Cases, facts: Facts) -> None:
        """Give each probe its cases: all, a sample, or members and others.

        Of a model in half precision, also those that are compared with float32: the head of the
        same ranking, or all where the method is of all its cases together.
        """
        half = facts.dtype in floor.HALF
        largest = max([floor.ITEMS * half, *(p.card.sample or 0 for p in parts)])
        ranked: dict[bool, list[str]] = {}
        for part in parts:
            apart = "member" in part.matched.method.data
            if apart and self.members is not None:
                names = labels.match(self.members.labels, facts.classes, "membership.label")
                part.source = _Labelled(self.members, names)
            sample, whole = part.card.sample, part.matched.method.whole
            part.half = half
            if sample is None and (whole or not half):
                continue
            if apart not in ranked:
                seeds, source = Seeds(self.spec.seed), part.source or cases
                drawn = draw(source, seeds, largest, self.spec.chunk)
                ranked[apart] = [case.id for case in drawn]
            if sample is not None:
                part.only = frozenset(ranked[apart][:sample])
            if half:
                fewer = min(floor.ITEMS, sample or floor.ITEMS)
                part.compared = part.only if whole else frozenset(ranked[apart][:fewer])

    def _check_subject(self, facts: Facts) -> None:
        """A record that stands here is not written over by another model's, or other data's."""
        if not (self.run.path / record.NAME).is_file():
            return
        before = record.load(self.run.path)
        for what, then, now in (
            ("model", before.model.get("digest"), facts.digest),
            ("data", before.data.get("digest"), self._data_digest),
        ):
            if then != now:
                raise RunFolderError(
                    f"{self.run.path} holds a finished run, and the {what} has changed since. "
                    "Name another folder with --out, so that both records stand."
                )

    def _measure(
        self,
        parts: Sequence[ProbeRun],
        engine: Engine,
        cases: _Labelled,
        memo: Memo,
        facts: Facts,
    ) -> tuple[list[Finding], list[Coverage]]:
        """Findings and coverage of every part: remembered, or run and estimated."""
        known = {p.card.id: memo.probe(p.key, p.paths) for p in parts}
        todo = [p for p in parts if known[p.card.id] is None]
        self._run([p.served for p in todo], engine, cases, "")
        halves = [p.float32 for p in todo if p.float32 is not None and not p.served.error]
        self._run(halves, engine, cases, " once more, in float32")
        self.progress.stage("estimating")
        place = findings.device_place(facts.device)
        for part in todo:
            result = part.estimate(facts.classes, Seeds(self.spec.seed), place)
            if not any(written.error for written in part.parts):
                memo.keep(part.key, part.paths, result)
            known[part.card.id] = result
        results = [r for p in parts if (r := known[p.card.id]) is not None]
        return [f for found, _ in results for f in found], [c for _, c in results]

    def _run(self, todo: Sequence[Written], engine: Engine, cases: Cases, how: str) -> None:
        if not todo:
            return
        for family in sorted({w.task.family for w in todo}):
            mine = [w.task for w in todo if w.task.family == family]
            self.progress.begin(family, sum(self._size(task) for task in mine))
        self.progress.stage(f"{len(todo)} probes over {self.source.survey.rows} cases{how}")
        with ExitStack() as writers:
            for written in todo:
                written.open(writers)
            engine.run([written.task for written in todo], cases)
            for written in todo:
                written.finish()

    def _size(self, task: Task) -> int:
        """How many cases a task is handed."""
        there = self.members if task.source is not None else None
        rows = self.source.survey.rows if there is None else there.rows
        return rows if task.only is None else len(task.only)

    def _runner(self) -> LocalRunner:
        named = self.handle.key
        store = (self.cache or sources.cache_dir()) / "answers" / f"{named[:32]}.sqlite"
        callable_ = self.spec.model.callable is not None
        runner = LocalRunner(
            self.handle,
            store if named else self.run.path / "answers.sqlite",
            self.costs,
            self.progress,
            tokens=self.spec.batch_tokens,
            most_rows=self.spec.model.batch if callable_ else 256,
        )
        self.stack.callback(runner.close)
        return runner

    def _cases(self, facts: Facts) -> tuple[_Labelled, plans.Universe]:
        survey = self.source.survey
        names = labels.match(survey.labels, facts.classes, "data.label")
        positive = _positive(self.source.positive, facts.classes)
        universe = plans.universe(survey, facts.classes, positive)
        return _Labelled(self.source, names), universe


@dataclass(frozen=True)
class _Labelled:
    """Cases whose targets are the model's class names."""

    source: Cases
    names: Mapping[str, str]

    def chunks(self, size: int) -> Iterator[list[Case]]:
        for part in self.source.chunks(size):
            yield [
                case
                if case.target is None
                else msgspec.structs.replace(case, target=self.names[case.target])
                for case in part
            ]


def _positive(named: str | None, classes: tuple[str, ...]) -> int | None:
    """Index of the favourable class: the named one, or class 1 of a binary model."""
    if named is None:
        return 1 if len(classes) == 2 else None
    return classes.index(labels.match([named], classes, "data.positive")[named])


def _holm_sizes(matched: Sequence[Matched]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for m in matched:
        sizes[m.card.family] = sizes.get(m.card.family, 0) + plans.gated(m.plans)
    return sizes


def _not_asked(cards: Sequence[catalog.ProbeCard], extra: Sequence[Path]) -> list[Coverage]:
    asked = {card.id for card in cards}
    return [
        Coverage(name, card.family, "not_asked", "the spec does not ask for it")
        for name, card in catalog.probes(extra).items()
        if name not in asked
    ]
