"""One run in progress: match, measure the floor, run what is not finished, estimate, judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from fmaudit import catalog, findings, floors, plans, sources, spec, subjects
from fmaudit.data import CaseSource, Membership, labels
from fmaudit.data.labelled import counted, labelled
from fmaudit.engine import floor
from fmaudit.engine.costs import Costs
from fmaudit.engine.progress import Progress
from fmaudit.engine.residents import Residents
from fmaudit.engine.runner import LocalRunner
from fmaudit.engine.sampling import Cases, draw
from fmaudit.engine.scheduler import Engine, Task
from fmaudit.errors import RunFolderError
from fmaudit.matching import Had, Matched, match
from fmaudit.memo import Memo
from fmaudit.models.base import Facts, Handle
from fmaudit.ownsets import OwnSets
from fmaudit.proberun import ProbeRun, Written
from fmaudit.recording import Finished
from fmaudit.registry import SCORER, Context
from fmaudit.reporting import record
from fmaudit.runs import RunFolder
from fmaudit.scorers import Opened, Scoring, scoring_of
from fmaudit.seeds import Seeds
from fmaudit.types import Coverage, Finding, digest


@dataclass
class Session:
    """One run in progress: what every stage of it needs.

    `own`: the data sets that probes bring. `base`: the model before fine-tuning. `scorers`: what
    scores written texts, by name.
    """

    run: RunFolder
    spec: spec.AuditSpec
    source: CaseSource
    own: OwnSets
    members: Membership | None
    handle: Handle
    base: Handle | None
    scorers: Mapping[str, Opened]
    extra: Sequence[Path]
    cache: Path | None
    progress: Progress
    stack: ExitStack
    costs: Costs = field(default_factory=Costs)

    def go(self, cards: Sequence[catalog.ProbeCard]) -> Finished:
        """Match, measure the floor, run what is not finished, estimate, judge."""
        residents = Residents()
        most = self.spec.model.batch if self.spec.model.callable is not None else 256
        runner = self._runner(residents, self.handle, most_rows=most)
        base = None if self.base is None else self._runner(residents, self.base, "-base")
        memo = subjects.memo_of(runner)
        (facts, capabilities), beside = subjects.known_pair(runner, base)
        runner.check_unchanged()
        self._check_subject(facts)
        cases, universe = self._cases(facts)
        offered = {"target": capabilities, **({"base": beside[1]} if beside else {})}
        scoring = scoring_of(cards, capabilities, self.scorers, partial(self._runner, residents))
        applicable, left = match(
            cards,
            Had.of(self.source.survey, universe, numbers=facts.span is not None),
            self.extra,
            capabilities=offered,
            own=self.own.had,
            members=None if self.members is None else _sides(self.members),
        )
        sizes = _holm_sizes(applicable)
        runners = {"target": runner, **({"base": base} if base else {})}
        runners |= {f"{SCORER}{name}": part.runner for name, part in scoring.items()}
        engine = Engine(runners, self.costs, self.progress, chunk=self.spec.chunk)
        where = [facts.key_parts(), self._data_digest, self.spec.seed, self.spec.batch_tokens]
        where += [beside[0].key_parts()] if beside else []
        context = Context(
            seeds=Seeds(self.spec.seed),
            classes=facts.classes,
            positive=universe.positive,
            capabilities=capabilities,
            beside={"base": beside[1]} if beside else {},
            chat=facts.chat,
            random_members=self.members is not None and self.members.random,
            scorers={name: part.scorer for name, part in scoring.items()},
        )
        noise = self._floor(applicable, engine, cases, memo, facts, where, context)
        if "classify" in noise:
            context = msgspec.structs.replace(context, floor=noise["classify"].delta)
        parts = [
            ProbeRun(
                m,
                self.run,
                context,
                sizes[m.card.family],
                self._key(m, where, universe, scoring),
                self.spec,
            )  # fmt: skip
            for m in applicable
        ]
        self._hand_out(parts, cases, facts)
        found, coverage = self._measure(parts, engine, cases, memo, facts)
        return Finished(
            facts=facts,
            base=beside[0] if beside else None,
            scorers={name: part.described for name, part in scoring.items()},
            data=self._described(applicable, facts),
            positive=None if universe.positive is None else facts.classes[universe.positive],
            attributes=tuple(universe.groups),
            floor=noise,
            matched=applicable,
            findings=findings.judge(found, sizes, floor.unsteady(noise), facts.dtype),
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

    def _described(self, matched: Sequence[Matched], facts: Facts) -> dict[str, Any]:
        """What a record says of the data, of members and others, and of the probes' own sets."""
        found = self.source.describe() | {"digest": self._data_digest}
        if facts.span is not None:  # as many labels as numbers
            found["labels"] = counted(self.source.survey.labels, facts.classes, facts.span)
        used = sorted({m.card.data.card for m in matched if m.card.data.card})
        sets = {
            name: self.own[name].describe() | {"attributes": list(self.own[name].attributes)}
            for name in used
        }
        more = {"membership": self.members.describe()} if self.members else {}
        return found | more | ({"sets": sets} if sets else {})

    def _key(
        self,
        matched: Matched,
        where: Sequence[Any],
        universe: plans.Universe,
        scoring: Mapping[str, Scoring],
    ) -> list[Any]:
        """What of models and data is in the key of a probe's findings."""
        name = matched.card.data.card
        by = [scoring[scorer].key for scorer in matched.card.scorers]
        return [*where, universe.positive, *([self.own[name].digest] if name else []), *by]

    def _floor(
        self,
        matched: Sequence[Matched],
        engine: Engine,
        cases: Cases,
        memo: Memo,
        facts: Facts,
        where: Sequence[Any],
        context: Context,
    ) -> dict[str, floor.Floor]:
        """Capability → its noise floor; of those alone that a probe asks for, and of classes."""
        seeds, dtype = Seeds(self.spec.seed), facts.dtype
        found = {}
        if "classify" in context.capabilities:
            found["classify"] = memo.floor(
                where, lambda: floor.measure(engine, cases, seeds, dtype=dtype)
            )
        if any("attribute" in m.method.needs.get("target", ()) for m in matched):
            found["attribute"] = memo.floor(
                ["attribute", *where], lambda: floor.measure_maps(engine, cases, seeds)
            )
        sources = {m.card.id: self._source(m, cases, facts) or cases for m in matched}
        sampler = floors.Sampler(engine, matched, sources, context)
        asked = [[m.card_digest, m.method.digest()] for m in matched]
        for kind in floors.used(matched):
            found[kind] = memo.floor([kind, asked, *where], partial(sampler.floor, kind, dtype))
        return found

    def _source(self, matched: Matched, cases: Cases, facts: Facts) -> Cases | None:
        """The cases of a probe, where they are not the audited ones."""
        if "member" in matched.method.data and self.members is not None:
            return labelled(
                self.members, self.members.labels, facts.classes, "membership.label", facts.span
            )
        name = matched.card.data.card
        return None if name is None else self.own[name]

    def _hand_out(self, parts: Sequence[ProbeRun], cases: Cases, facts: Facts) -> None:
        """Give each probe its cases: all, a sample, or members and others.

        Of a model in half precision, also those that are compared with float32: the head of the
        same ranking, or all where the method is of all its cases together.
        """
        half = facts.dtype in floor.HALF
        largest = max([floor.ITEMS * half, *(p.card.sample or 0 for p in parts)])
        ranked: dict[int, list[str]] = {}
        for part in parts:
            part.source = self._source(part.matched, cases, facts)
            sample, whole = part.card.sample, part.matched.method.whole
            part.half = half
            if sample is None and (whole or not half):
                continue
            source = self.members if part.source is not None and part.on_members else part.source
            if id(source) not in ranked:
                drawn = draw(source or cases, Seeds(self.spec.seed), largest, self.spec.chunk)
                ranked[id(source)] = [case.id for case in drawn]
            mine = ranked[id(source)]
            if sample is not None:
                part.only = frozenset(mine[:sample])
            if half:
                fewer = min(floor.ITEMS, sample or floor.ITEMS)
                part.compared = part.only if whole else frozenset(mine[:fewer])

    def _check_subject(self, facts: Facts) -> None:
        """A record that stands here is not written over by another model's, or other data's."""
        if not (self.run.path / record.NAME).is_file():
            return
        before = record.load(self.run.path)
        base = "" if self.base is None else self.base.key
        for what, then, now in (
            ("model", before.model.get("digest"), facts.digest),
            ("base", (before.model.get("before") or {}).get("digest", ""), base),
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
        cases: Cases,
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
        if task.only is not None:
            return len(task.only)
        if task.source is None:
            return self.source.survey.rows
        if isinstance(task.source, CaseSource):
            return task.source.survey.rows
        return 0 if self.members is None else self.members.rows

    def _runner(
        self, residents: Residents, handle: Handle, role: str = "", most_rows: int = 256
    ) -> LocalRunner:
        named = handle.key
        store = (self.cache or sources.cache_dir()) / "answers" / f"{named[:32]}.sqlite"
        runner = LocalRunner(
            handle,
            store if named else self.run.path / f"answers{role}.sqlite",
            self.costs,
            self.progress,
            tokens=self.spec.batch_tokens,
            most_rows=most_rows,
            residents=residents,
        )
        self.stack.callback(runner.close)
        return runner

    def _cases(self, facts: Facts) -> tuple[Cases, plans.Universe]:
        survey = self.source.survey
        cases = labelled(self.source, survey.labels, facts.classes, "data.label", facts.span)
        positive = labels.positive(self.source.positive, facts.classes)
        return cases, plans.universe(survey, facts.classes, positive)


def _sides(members: Membership) -> Had:
    """What members and others have, as one source of cases."""
    sides = [members.members.survey, members.nonmembers.survey]
    groups = {
        name: tuple(sorted({value for side in sides for value in side.groups[name]}))
        for name in members.members.attributes
    }
    return Had(plans.Universe(groups, {}, (), None))


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
