"""The whole flow on one page.

spec → model + cases → requests → responses → rows → evidence
→ estimates → findings → record → report
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fmaudit import catalog, environment, findings, plans, sources, spec
from fmaudit.data import CaseSource, labels, open_cases
from fmaudit.engine import floor
from fmaudit.engine.costs import Costs
from fmaudit.engine.progress import Progress, Silent
from fmaudit.engine.runner import LocalRunner
from fmaudit.engine.scheduler import Engine
from fmaudit.errors import RunFolderError
from fmaudit.matching import Matched, match
from fmaudit.memo import Memo
from fmaudit.models import open_handle
from fmaudit.models.base import Facts, Handle, Model
from fmaudit.models.torchmodel import Loaded
from fmaudit.proberun import ProbeRun
from fmaudit.recording import Finished, Started, record_of
from fmaudit.registry import Context
from fmaudit.reporting import html, record, seal
from fmaudit.runs import RunFolder, open_run
from fmaudit.seeds import Seeds
from fmaudit.types import AuditRecord, Case, Coverage, Finding, digest

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Audit:
    """A finished audit: its record, and the folder that holds it."""

    run: Path
    record: AuditRecord

    @property
    def exit_code(self) -> int:
        """4 broke · 1 a rule fails · 3 inconclusive or untested · 0 all rules pass."""
        return int(self.record.audit["exit_code"])

    @property
    def findings(self) -> pd.DataFrame:
        """One row a finding."""
        return record.findings_frame(self.record)

    def evidence(self, probe: str) -> pd.DataFrame:
        """One row a case and variant of a probe's evidence."""
        return record.evidence_frame(self.run, probe)


def audit(
    asked: spec.AuditSpec | Mapping[str, Any] | str | Path,
    *,
    out: str | Path | None = None,
    model: Model | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Run an audit, or go on with it where it stopped.

    Args:
        asked: a spec, a mapping of its keys, or the path of a YAML file.
        out: the run folder; by default `runs/<spec name>` in the working directory.
        model: a model that is in memory already, in place of the one that the spec names.
        cache: where answers are kept; by default the user's cache folder.
        progress: is told how it goes; by default nothing is.

    Raises:
        UserError: the spec, the data or the model cannot be used as asked. Nothing is
            written over.
        RunError: the run broke; what was done is kept, and the same call goes on.
    """
    chosen = _spec(asked)
    name = str(asked) if isinstance(asked, (str, Path)) else "spec"
    if model is not None:
        chosen = _with_model(chosen, model)
    folder = Path(out) if out is not None else Path("runs") / chosen.name
    plain = spec.resolved(chosen)
    with ExitStack() as stack:
        extra = [Path(folder) for folder in chosen.cards]
        cards = catalog.select(chosen.probes, extra, f"{name}: probes")
        source = open_cases(chosen.data, where=f"{name}: data", extra=extra, cache=cache)
        handle = Loaded(model) if model is not None else open_handle(chosen.model, cache)
        run = stack.enter_context(open_run(folder, plain))
        began = Started(datetime.now(UTC), digest(plain), chosen)
        told = progress or Silent()
        stack.callback(told.close)
        session = _Session(run, chosen, source, handle, extra, cache, told, stack)
        run.log("started", spec=began.spec_digest)
        done = session.go(cards)
        made = _write(run, seal.seal(run.path, record_of(began, done)))
        run.log("finished", exit_code=made.audit["exit_code"], costs=done.costs)
    return Audit(folder, made)


def _write(run: RunFolder, made: AuditRecord) -> AuditRecord:
    """Write record and report; one that stands there and says the same keeps its times."""
    if (run.path / record.NAME).is_file():
        before = record.load(run.path)
        if before.seal.get("content") == made.seal["content"] and not seal.check(run.path, before):
            if not (run.path / "report.html").is_file():
                html.write_report(run.path)
            return before
    record.write(run.path, made)
    html.write_report(run.path)
    return made


def load(run: str | Path) -> Audit:
    """An earlier run. Raises `RunFolderError` where the folder holds none."""
    return Audit(Path(run), record.load(Path(run)))


@dataclass
class _Session:
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


def _spec(asked: spec.AuditSpec | Mapping[str, Any] | str | Path) -> spec.AuditSpec:
    if isinstance(asked, spec.AuditSpec):
        return asked
    if isinstance(asked, Mapping):
        return spec.from_mapping(asked)
    return spec.load(asked)


def _with_model(chosen: spec.AuditSpec, model: Model) -> spec.AuditSpec:
    """The spec of a model in memory: its name and digest stand where a path would."""
    facts = model.facts
    named = f"{facts.name}@{facts.digest[:16]}"
    return chosen.model_copy(
        update={"model": spec.ModelSpec(path=named, adapter=f"memory:{facts.adapter}")}
    )


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
