"""The whole flow on one page.

spec → model + cases → requests → responses → rows → evidence
→ estimates → findings → record → report
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmaudit import catalog, matching, spec
from fmaudit.data import open_cases, open_membership
from fmaudit.engine.progress import Progress, Silent
from fmaudit.models import open_base, open_handle
from fmaudit.models.base import Handle, Model
from fmaudit.models.torchmodel import Loaded
from fmaudit.ownsets import OwnSets
from fmaudit.recording import Started, record_of
from fmaudit.reporting import html, record, seal
from fmaudit.runs import RunFolder, open_run
from fmaudit.scorers import open_scorers
from fmaudit.session import Session
from fmaudit.types import AuditRecord, digest

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
    base: Model | None = None,
    cache: str | Path | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Run an audit, or go on with it where it stopped.

    Args:
        asked: a spec, a mapping of its keys, or the path of a YAML file.
        out: the run folder; by default `runs/<spec name>` in the working directory.
        model: a model that is in memory already, in place of the one that the spec names.
        base: what it was tuned from, in memory as well; for language models.
        cache: where answers are kept; by default the user's cache folder.
        progress: is told how it goes; by default nothing is.

    Raises:
        UserError: the spec, the data or the model cannot be used as asked. Nothing is
            written over.
        RunError: the run broke; what was done is kept, and the same call goes on.
    """
    chosen = _spec(asked)
    cache = None if cache is None else Path(cache)
    name = str(asked) if isinstance(asked, (str, Path)) else "spec"
    if model is not None:
        chosen = _with_model(chosen, model, base)
    folder = Path(out) if out is not None else Path("runs") / chosen.name
    plain = spec.resolved(chosen)
    with ExitStack() as stack:
        extra = [Path(folder) for folder in chosen.cards]
        cards = catalog.select(chosen.probes, extra, f"{name}: probes")
        for card in cards:
            matching.check(card, extra)  # a mistake in a spec's `params` is told before any work
        source = open_cases(chosen.data, where=f"{name}: data", extra=extra, cache=cache)
        sides, place = chosen.membership, f"{name}: membership"
        members = (
            open_membership(
                sides, chosen.data, audited=source, where=place, extra=extra, cache=cache
            )
            if sides
            else None
        )
        named = {choice.id for choice in chosen.probes or ()}
        wanted = frozenset(c.data.card for c in cards if c.data.card and c.id in named)
        own = OwnSets(wanted, extra, cache)
        handle = Loaded(model) if model is not None else open_handle(chosen.model, cache)
        before: Handle | None = Loaded(base) if base is not None else None
        if model is None and before is None:
            before = open_base(chosen.model, handle, cache)
        scored = open_scorers(cards, chosen.scorers, extra, cache, f"{name}: scorers")
        run = stack.enter_context(open_run(folder, plain))
        began = Started(datetime.now(UTC), digest(plain), chosen)
        told = progress or Silent()
        stack.callback(told.close)
        session = Session(
            run, chosen, source, own, members, handle, before, scored, extra, cache, told, stack
        )
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


def _spec(asked: spec.AuditSpec | Mapping[str, Any] | str | Path) -> spec.AuditSpec:
    if isinstance(asked, spec.AuditSpec):
        return asked
    if isinstance(asked, Mapping):
        return spec.from_mapping(asked)
    return spec.load(asked)


def _with_model(chosen: spec.AuditSpec, model: Model, base: Model | None) -> spec.AuditSpec:
    """The spec of models in memory: their names and digests stand where paths would."""
    return chosen.model_copy(
        update={
            "model": spec.ModelSpec(
                path=_named(model),
                base=None if base is None else _named(base),
                adapter=f"memory:{model.facts.adapter}",
            )
        }
    )


def _named(model: Model) -> str:
    return f"{model.facts.name}@{model.facts.digest[:16]}"
