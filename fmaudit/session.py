"""One run in progress: match, measure the floor, run what is not finished, estimate, judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from fmaudit import catalog, environment, findings, plans, sources, spec
from fmaudit.data import CaseSource, labels
from fmaudit.engine import floor
from fmaudit.engine.costs import Costs
from fmaudit.engine.progress import Progress
from fmaudit.engine.runner import LocalRunner
from fmaudit.engine.scheduler import Engine
from fmaudit.errors import RunFolderError
from fmaudit.matching import Matched, match
from fmaudit.memo import Memo
from fmaudit.models.base import Facts, Handle
from fmaudit.proberun import ProbeRun
from fmaudit.recording import Finished
from fmaudit.registry import Context
from fmaudit.reporting import record
from fmaudit.runs import RunFolder
from fmaudit.seeds import Seeds
from fmaudit.types import Case, Coverage, Finding


@dataclass
class Session:
    """One run in progress: what every stage of it needs."""

    run: RunFolder
    spec: spec.AuditSpec
    source: CaseSource
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
        )
        sizes = _holm_sizes(applicable)
        engine = Engine({"target": runner}, self.costs, self.progress, chunk=self.spec.chunk)
        seeds = Seeds(self.spec.seed)
        where = [facts.key_parts(), self.source.digest, self.spec.seed, self.spec.batch_tokens]
        noise = memo.floor(where, lambda: floor.measure(engine, cases, seeds))
        context = Context(
            seeds=seeds,
            classes=facts.classes,
            positive=universe.positive,
            floor=noise.delta,
            tokenizes="tokenize" in capabilities,
        )
        parts = [
            ProbeRun(
                m, self.run, context, sizes[m.card.family], [*where, universe.positive], self.spec
            )
            for m in applicable
        ]
        found, coverage = self._measure(parts, engine, cases, memo, facts)
        return Finished(
            facts=facts,
            data=self.source.describe(),
            positive=None if universe.positive is None else facts.classes[universe.positive],
            attributes=tuple(universe.groups),
            floor=noise,
            matched=applicable,
            findings=findings.judge(found, sizes, max(noise.flips.values(), default=0.0)),
            coverage=[*coverage, *left, *_not_asked(cards, self.extra)],
            holm=sizes,
            costs=self.costs.summary(),
            run=self.run.path,
        )

    def _check_subject(self, facts: Facts) -> None:
        """A record that stands here is not written over by another model's, or other data's."""
        if not (self.run.path / record.NAME).is_file():
            return
        before = record.load(self.run.path)
        for what, then, now in (
            ("model", before.model.get("digest"), facts.digest),
            ("data", before.data.get("digest"), self.source.digest),
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
        known = {p.card.id: memo.probe(p.key, p.path) for p in parts}
        todo = [p for p in parts if known[p.card.id] is None]
        self._run(todo, engine, cases)
        self.progress.stage("estimating")
        place = findings.device_place(facts.device)
        for part in todo:
            result = part.estimate(facts.classes, Seeds(self.spec.seed), place)
            if part.task.error is None:
                memo.keep(part.key, part.path, result)
            known[part.card.id] = result
        results = [r for p in parts if (r := known[p.card.id]) is not None]
        return [f for found, _ in results for f in found], [c for _, c in results]

    def _run(self, todo: Sequence[ProbeRun], engine: Engine, cases: _Labelled) -> None:
        if not todo:
            return
        rows = self.source.survey.rows
        for family in sorted({p.card.family for p in todo}):
            of_it = sum(p.card.family == family for p in todo)
            self.progress.begin(family, rows * of_it)
        self.progress.stage(f"{len(todo)} probes over {rows} cases")
        with ExitStack() as writers:
            for part in todo:
                part.open(writers)
            engine.run([p.task for p in todo], cases)
            for part in todo:
                part.finish()

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

    source: CaseSource
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
