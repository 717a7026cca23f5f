"""Assembling the record: all that the report shows, in the shapes of `AuditRecord`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from fmaudit import __version__, catalog, environment, evidence, measured
from fmaudit.engine.floor import Floor
from fmaudit.matching import Matched
from fmaudit.models.base import Facts
from fmaudit.reporting import noise
from fmaudit.spec import AuditSpec
from fmaudit.types import AuditRecord, Coverage, Exhibit, Finding


@dataclass(frozen=True)
class Started:
    """What was known before the first request."""

    at: datetime
    spec_digest: str
    spec: AuditSpec


@dataclass(frozen=True)
class Finished:
    """What is known at the end. `holm`: family → size of its Holm family.

    `base`: the model before fine-tuning. `scorers`: what is said of each. `floor`: capability →
    noise floor.
    """

    facts: Facts
    base: Facts | None
    scorers: Mapping[str, Any]
    data: Mapping[str, Any]
    positive: str | None
    attributes: tuple[str, ...]
    floor: Mapping[str, Floor]
    matched: Sequence[Matched]
    findings: Sequence[Finding]
    coverage: Sequence[Coverage]
    holm: Mapping[str, int]
    costs: Mapping[str, Any]
    run: Path


def record_of(started: Started, done: Finished) -> AuditRecord:
    """The record, unsealed."""
    spec = started.spec
    named = {choice.id for choice in spec.probes or ()}
    errors = {m.card.id: measured.known(m.card, m.method) for m in done.matched}
    return AuditRecord(
        audit={
            "name": spec.name,
            "started": started.at.isoformat(timespec="seconds"),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seed": spec.seed,
            "fmaudit": __version__,
            "spec_digest": started.spec_digest,
            "families": dict(done.holm),
            "evidence_texts": spec.evidence.texts,
            "exit_code": exit_code(done.findings, done.coverage, named),
            "measured": _whole(errors.values(), done.facts.kind),
        },
        model=_model(spec, done),
        data={
            **done.data,
            "attributes": list(done.attributes),
            "positive": done.positive,
            "cut_texts": _cut_texts(done),
        },
        environment=environment.describe(),
        floor={"target": {name: _floor(name, found) for name, found in done.floor.items()}},
        findings=tuple(_with_error(f, errors.get(f.probe)) for f in done.findings),
        exhibits=tuple(
            Exhibit(m.card.id, e.kind, e.title, e.options)
            for m in done.matched
            for e in m.card.exhibits
        ),
        coverage=tuple(sorted(done.coverage, key=lambda c: c.probe)),
        costs=dict(done.costs),
        probes={m.card.id: _probe(m, errors[m.card.id]) for m in done.matched},
    )


def exit_code(findings: Sequence[Finding], coverage: Sequence[Coverage], named: set[str]) -> int:
    """The exit code of an audit, the gravest first.

    4 something broke · 1 a rule fails · 3 inconclusive, or no rule could be tested, in all or of
    a probe in `named` (those that the spec names by id), or a rule of the user's own could not ·
    0 all rules that could be tested pass, or there is none.
    """
    verdicts = {f.verdict for f in findings}
    if "error" in verdicts or any(c.status == "error" for c in coverage):
        return 4
    if "fail" in verdicts:
        return 1
    untested = any(c.status == "not_tested" and c.probe in named for c in coverage)
    by_probe = [[f for f in findings if f.probe == p] for p in {f.probe for f in findings} & named]
    silent = not _heard(findings) or not all(_heard(mine) for mine in by_probe)
    policy = any(
        f.rule is not None and f.rule.origin == "policy" and f.verdict == "not_tested"
        for f in findings
    )
    return 3 if "inconclusive" in verdicts or untested or silent or policy else 0


def _heard(findings: Sequence[Finding]) -> bool:
    """Whether any rule was tested; where there is none, whether anything was."""
    ruled = [f for f in findings if f.rule is not None] or findings
    return any(f.verdict != "not_tested" for f in ruled)


def _model(spec: AuditSpec, done: Finished) -> dict[str, Any]:
    facts = done.facts
    return {
        "path": spec.model.path or spec.model.callable,
        "base": spec.model.base,
        "before": None if done.base is None else _before(done.base, facts),
        **({"scorers": dict(done.scorers)} if done.scorers else {}),
        "kind": facts.kind,
        "chat": facts.chat,
        "name": facts.name,
        "adapter": facts.adapter,
        "digest": facts.digest,
        "device": facts.device,
        "dtype": facts.dtype,
        "attention": facts.attention,
        "window": facts.window,
        "parameters": facts.parameters,
        "classes": list(facts.classes),
        **({"range": list(facts.span)} if facts.span else {}),
        "positive": done.positive,
        "libraries": facts.libraries,
        "notes": list(facts.notes),
        "allow_pickle": spec.model.allow_pickle,
        "trust_remote_code": spec.model.trust_remote_code,
    }


def _before(base: Facts, tuned: Facts) -> dict[str, Any]:
    """The model before fine-tuning, and what of it is not as the tuned one's.

    `chat`: it is asked through its own chat template. Where the tuned model is not, neither is it.
    """
    said = ("name", "adapter", "digest", "device", "dtype", "attention", "parameters")
    return {
        **{key: getattr(base, key) for key in said},
        "notes": list(base.notes),
        "chat": base.chat and tuned.chat,
        "same_tokenizer": base.tokenizer == tuned.tokenizer,
    }


def _whole(errors: Iterable[measured.Known | None], kind: str) -> dict[str, Any] | None:
    """How often whole audits of such a model alarm falsely; stale where a part is."""
    wholes = measured.read_whole(catalog.roots()[-1] / "probes") or {}
    found = wholes.get(kind if kind in ("classifier", "masked") else "language")
    if found is None:
        return None
    plain: dict[str, Any] = msgspec.to_builtins(found)
    known = [error for error in errors if error is not None]
    return plain | {"changed": any(error.changed or _other_m(error, found) for error in known)}


def _other_m(error: measured.Known, whole: measured.Whole) -> bool:
    """Whether a probe's rules now stand in a family of another size than in those audits."""
    family = error.found.probe.partition(".")[0]
    return any(figure.m != whole.m.get(family) for figure in error.found.figures)


def _with_error(finding: Finding, error: measured.Known | None) -> Finding:
    return finding if error is None else error.beside(finding)


def _floor(capability: str, found: Floor) -> dict[str, Any]:
    """The figures of a noise floor, and what they say."""
    figures = msgspec.to_builtins(found)
    return {**figures, "words": noise.words(capability, figures)}


def _probe(matched: Matched, error: measured.Known | None) -> dict[str, Any]:
    card = matched.card.model_dump(mode="json")
    shown = ("title", "claim", "harm", "citation", "limits", "controls", "measures", "params")
    return {
        **{key: card[key] for key in shown},
        "cases": "membership"
        if "member" in matched.method.data
        else matched.card.data.card or "data",
        "sample": matched.card.sample,
        "method": matched.method.name,
        "method_digest": matched.method.digest(),
        "card_digest": matched.card_digest,
        "measured": None if error is None else error.shown(),
    }


def _cut_texts(done: Finished) -> int | None:
    """Texts beyond the model's window, from the evidence of a probe that counts them."""
    for matched in done.matched:
        path = done.run / "evidence" / f"{matched.card.id}.parquet"
        if "cut" in matched.method.columns and path.is_file():
            column = evidence.read(path, ["cut"])["cut"].to_numpy(zero_copy_only=False)
            return int((column > 0).sum())
    return None
