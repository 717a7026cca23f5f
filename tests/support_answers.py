"""Audits of fake language models, and answers written by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from fmaudit import catalog, evidence
from fmaudit.engine.costs import Costs
from fmaudit.engine.progress import Silent
from fmaudit.engine.runner import LocalRunner
from fmaudit.engine.scheduler import Engine, Task
from fmaudit.findings import estimate
from fmaudit.matching import check
from fmaudit.models.fakes import FakeLanguage
from fmaudit.models.torchmodel import Loaded
from fmaudit.plans import Universe, plan
from fmaudit.registry import Context
from fmaudit.seeds import Seeds
from fmaudit.types import Case, Finding, Likelihoods, Row, Scored


@dataclass
class Listed:
    """Cases from a list."""

    cases: Sequence[Case]

    def chunks(self, size: int) -> Iterator[list[Case]]:
        for start in range(0, len(self.cases), size):
            yield list(self.cases[start : start + size])


@dataclass
class Audit:
    """The rows of a probe, and its findings by measure and slice."""

    rows: list[Row]
    findings: list[Finding]

    def of(self, measure: str, **slice_: str) -> Finding:
        (found,) = (f for f in self.findings if f.measure == measure and dict(f.slice) == slice_)
        return found

    def value(self, measure: str, **slice_: str) -> float:
        found = self.of(measure, **slice_)
        assert found.estimate is not None, found.reason
        return found.estimate.value


class Bench:
    """Runs a probe over fake models: its card's method, evidence written and read back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def audit(
        self,
        probe: str,
        cases: Sequence[Case],
        target: FakeLanguage,
        base: FakeLanguage | None = None,
        **params: Any,
    ) -> Audit:
        card = catalog.probe(probe)
        method = check(card)
        models = {"target": target} | ({"base": base} if base else {})
        costs = Costs()
        runners = {
            role: LocalRunner(
                Loaded(model), self.folder / f"{role}.sqlite", costs, Silent(), tokens=256
            )
            for role, model in models.items()
        }
        context = Context(
            Seeds(0),
            capabilities=target.capabilities,
            beside={"base": base.capabilities} if base else {},
            chat=target.facts.chat,
        )
        path = self.folder / f"{probe}.parquet"
        rows: list[Row] = []
        settings = msgspec.convert(catalog.resolve_params(card) | params, method.params)
        with evidence.Writer(path, method.columns) as writer:
            task = Task(probe, card.family, method, settings, context, rows.extend)
            Engine(runners, costs, Silent(), chunk=7).run([task], Listed(cases))
            assert task.error is None, task.error
            writer.write(rows)
        groups: dict[str, tuple[str, ...]] = {}
        for case in cases:
            for name, value in case.groups.items():
                groups[name] = tuple(sorted({*groups.get(name, ()), value}))
        found = estimate(
            card, plan(card, Universe(groups, {}, (), None)), path, classes=(), m=1, seeds=Seeds(0)
        )
        for runner in runners.values():
            runner.close()
        return Audit(rows, found)


def likelihoods(*figures: Sequence[float], ends: Sequence[int] = (), **told: int) -> Likelihoods:
    """An answer of continuations whose tokens have these log-probabilities."""
    return Likelihoods(
        tuple(
            Scored(
                ids=tuple(range(len(one))),
                logprobs=tuple(one),
                ranks=(0,) * len(one),
                means=(-1.0,) * len(one),
                deviations=(1.0,) * len(one),
                starts=tuple([0, *ends][: len(ends)]),
                ends=tuple(ends),
            )
            for one in figures
        ),
        **told,
    )
