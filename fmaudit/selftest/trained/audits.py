"""Tier 2 of the selftest: small models really trained, with and without a defect, audited whole.

For every plant and seed: train the twins, write their data, call `fmaudit.audit` as a user would,
and count the verdicts of the gated findings. A figure is one measure over one slice.
"""

from __future__ import annotations

import csv
import statistics
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch

from fmaudit import __version__, catalog, flow, measured, registry
from fmaudit.errors import RunError
from fmaudit.models.base import Model
from fmaudit.models.inmemory import language_model
from fmaudit.models.torchmodel import TorchClassifier
from fmaudit.seeds import Seeds
from fmaudit.selftest.rates import rate
from fmaudit.selftest.trained.plants import PLANTS
from fmaudit.selftest.trained.subjects import Plant, Rows, Subject, Twin
from fmaudit.types import VERDICTS, Finding

SEEDS = 10
JUDGED = ("pass", "fail", "inconclusive")

Report = Callable[[str], None]


@dataclass(frozen=True)
class Audited:
    """One audit of one trained model. `beside`: figures that the plant took from its evidence."""

    twin: Twin
    effects: Mapping[str, float]
    findings: Sequence[Finding]
    holm: int
    beside: Mapping[str, float]


def run(
    plants: Iterable[Plant] = PLANTS,
    *,
    seeds: int = SEEDS,
    twins: Sequence[Twin] = ("clean", "boundary", "dosed"),
    report: Report = lambda line: None,
) -> list[dict[str, Any]]:
    """Train and audit `seeds` models a plant and twin, and count: one entry a gated figure.

    An entry is {plant, about, probe, measure, slice, sign, m, dose, n, power, false_alarms,
    boundary, twins, beside, fmaudit, method_digest}. The rates are shares of audits whose verdict
    is `sign` (see `Plant`) among those that were judged, of the dosed, clean and boundary models;
    null where none was judged and where a plant has no such twin. `dose` is the dosed models'
    true effect; it and the `effect` of each twin are {value, low, high}: mean, least and most
    over the models. Of each twin all verdicts are counted. `beside` holds what the plant took
    from the evidence of the dosed models.

    Raises:
        RunError: an audit has none of the figures that were to be found.
    """
    found: list[dict[str, Any]] = []
    for plant in plants:
        code = registry.load_method(catalog.probe(plant.probe).method).digest()
        done = []
        for seed in range(seeds):
            for twin in (t for t in plant.twins if t in twins):
                done.append(audited(plant, twin, seed))
                report(f"{plant.probe}: {twin} model, seed {seed}: {_said(done[-1])}")
        found += (
            {**e, "fmaudit": __version__, "method_digest": code} for e in entries(plant, done)
        )
    return found


def audited(plant: Plant, twin: Twin, seed: int) -> Audited:
    """Train one model and audit it with the plant's probe, in a folder that is then removed."""
    with _one_thread(), tempfile.TemporaryDirectory() as folder:
        subject = plant.make(twin, Seeds(seed).child("trained", plant.name))
        done = _audit(plant.probe, subject, seed, Path(folder))
        beside = plant.beside(done.evidence(plant.probe)) if plant.beside else {}
    ruled = [f for f in done.record.findings if f.rule is not None]
    gated = [f for f in ruled if f.measure in plant.measures]
    if not gated:
        why = [c.reason for c in done.record.coverage if c.probe == plant.probe]
        raise RunError(f"{plant.probe}: no gated figure of {plant.measures}: {'; '.join(why)}")
    return Audited(twin, subject.effects, gated, len(ruled), beside)


def entries(plant: Plant, done: Sequence[Audited]) -> Iterator[dict[str, Any]]:
    """The counts of one plant's audits: one entry a gated measure and slice (see `run`)."""
    for name, slice_ in dict.fromkeys(_key(f) for d in done for f in d.findings):
        twins = {t: _twin(name, slice_, [d for d in done if d.twin == t]) for t in plant.twins}
        rates = {t: _rate(found["verdicts"], plant.sign) for t, found in twins.items()}
        yield {
            "plant": plant.name,
            "about": plant.about,
            "probe": plant.probe,
            "measure": name,
            "slice": dict(slice_),
            "sign": plant.sign,
            "m": max(d.holm for d in done),
            "dose": twins["dosed"]["effect"],
            "n": twins["dosed"]["n"],
            "power": rates.get("dosed"),
            "false_alarms": rates.get("clean"),
            "boundary": rates.get("boundary"),
            "twins": twins,
            "beside": _spans(d.beside for d in done if d.twin == "dosed"),
        }


def _rate(verdicts: Mapping[str, int], sign: str) -> dict[str, Any] | None:
    """The share of a verdict among the audits that a rule could judge; None where none was."""
    judged = sum(verdicts[verdict] for verdict in JUDGED)
    return msgspec.to_builtins(rate(verdicts[sign], judged)) if judged else None


def _twin(
    name: str, slice_: tuple[tuple[str, str], ...], done: Sequence[Audited]
) -> dict[str, Any]:
    """What became of one figure over the models of a twin."""
    mine = [f for d in done for f in d.findings if _key(f) == (name, slice_)]
    said = Counter(f.verdict for f in mine)
    sizes = [measured.units(f.estimate) for f in mine if f.estimate]
    return {
        "seeds": len(done),
        "effect": _spans(d.effects for d in done).get(name),
        "verdicts": {verdict: said[verdict] for verdict in VERDICTS if verdict != "measured"},
        "reasons": sorted({f.reason for f in mine if f.verdict in ("not_tested", "error")})[:3],
        "n": int(statistics.median(sizes)) if sizes else 0,
    }


def _spans(found: Iterable[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Name → {value, low, high}: mean, least and most."""
    values: dict[str, list[float]] = {}
    for one in found:
        for name, value in one.items():
            values.setdefault(name, []).append(value)
    return {
        name: {"value": statistics.fmean(v), "low": min(v), "high": max(v)}
        for name, v in values.items()
    }


def _audit(probe: str, subject: Subject, seed: int, folder: Path) -> flow.Audit:
    spec = {key: dict(said) for key, said in subject.spec.items()}
    for name, rows in subject.tables.items():
        file = f"file:{_write(folder / f'{name}.csv', rows)}"
        key, place = ("data", "source") if name == "data" else ("membership", name)
        spec[key][place] = file
    cards = [str(_sets(folder / "cards", subject.sets))] if subject.sets else []
    asked = {"model": "trained", "probes": [probe], "seed": seed, "cards": cards, **spec}
    model, base = _models(subject)
    return flow.audit(asked, out=folder / "run", model=model, base=base, cache=folder / "cache")


def _models(subject: Subject) -> tuple[Model, Model | None]:
    """The audited model, and the one before its tuning where there is one."""
    if subject.classes:
        return TorchClassifier(
            subject.module, subject.tokens, subject.classes, name="trained"
        ), None
    model = language_model(subject.module, subject.tokens, name="trained")
    if subject.base is None:
        return model, None
    return model, language_model(subject.base, subject.tokens, name="before")


def _sets(folder: Path, sets: Mapping[str, Rows]) -> Path:
    """A folder of cards: those of the shipped data sets, with these rows for their files."""
    for name, rows in sets.items():
        place = folder / "datasets" / name
        place.mkdir(parents=True)
        _write(place / "rows.csv", rows)
        card = catalog.dataset(name).model_dump(mode="json", exclude_unset=True)
        card |= {"files": [{"source": "file:rows.csv"}], "format": "csv"}
        (place / "card.yaml").write_bytes(msgspec.json.encode(card))  # JSON is YAML
    return folder


def _write(path: Path, rows: Rows) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        out = csv.DictWriter(stream, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    return path


@contextmanager
def _one_thread() -> Iterator[None]:
    """Models so small are slower on more, and their weights would hang on how many there are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _key(finding: Finding) -> tuple[str, tuple[tuple[str, str], ...]]:
    return finding.measure, tuple(sorted(finding.slice.items()))


def _said(done: Audited) -> str:
    said = Counter(f.verdict for f in done.findings)
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(said.items())) or "nothing"
