"""Whole runs, made by the audit's own writing from simulated rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fmaudit import catalog, plans
from fmaudit import findings as figures
from fmaudit.evidence import Writer
from fmaudit.reporting.record import write
from fmaudit.reporting.seal import seal
from fmaudit.reporting.verify import Check, decisions
from fmaudit.reporting.verify.findings import again, check_finding, check_verdicts
from fmaudit.reporting.verify.promises import promises, sizes, source_of, worlds
from fmaudit.reporting.verify.rows import File
from fmaudit.scoring import CLASSIFIED
from fmaudit.seeds import Seeds
from fmaudit.types import AuditRecord, Case, Coverage, Finding, Row

SWAPPED = {
    "attribute": str,
    "direction": str,
    "flip": bool,
    "gap": float,
    "control_flip": bool,
    "control_gap": float,
}
CLASSIFICATION = ("performance.classification", "bias.group_outcomes")
SWAPS = "bias.counterfactual_terms"

Rows = Sequence[Row]


@dataclass(frozen=True)
class Design:
    """How the cases were drawn."""

    n: int = 900
    classes: tuple[str, ...] = ("no", "yes")
    weighted: bool = False
    strata: int = 1
    per_cluster: int = 1
    seed: int = 1
    missing: float = 0.0
    positive: int | None = 1


def cases(design: Design) -> list[Case]:
    """Cases with sex and race, one race rare; strata are by sex where there are two."""
    rng = np.random.default_rng(design.seed)
    found = []
    for k in range(design.n):
        unit = k // design.per_cluster
        sex = ("F", "M")[unit % 2 if design.strata > 1 else int(rng.integers(2))]
        race = str(rng.choice(["A", "B", "C"], p=[0.7, 0.28, 0.02]))
        groups = {"sex": sex} if rng.random() < design.missing else {"sex": sex, "race": race}
        weight = (1.0 if sex == "F" else 2.5) * float(rng.uniform(0.8, 1.2))
        found.append(
            Case(
                id=f"case-{k}",
                input=f"text {k}",
                target=str(rng.choice(design.classes)),
                groups=groups,
                cluster=f"unit-{unit}" if design.per_cluster > 1 else "",
                weight=weight if design.weighted else 1.0,
                stratum=sex if design.strata > 1 else "",
            )
        )
    return found


def classified(design: Design) -> list[Row]:
    """Rows of a classifier that is a little better than chance, and kinder to one sex."""
    rng = np.random.default_rng(design.seed + 1)
    k = len(design.classes)
    rows = []
    for case in cases(design):
        label = design.classes.index(str(case.target))
        if rng.random() < 0.01:
            rows.append(Row(case, {}, reason="no answer", failed=True))
            continue
        logits = rng.normal(size=k) + 1.2 * np.eye(k)[label]
        logits[-1] += 0.5 if case.groups.get("sex") == "M" else 0.0
        probs = np.exp(np.round(logits, 2))
        probs /= probs.sum()
        values = {"label": label, "predicted": int(probs.argmax()), "probs": probs.tolist()}
        values |= {"tokens": 9, "cut": int(rng.random() < 0.02)}
        rows.append(Row(case, values))
    return rows


def swapped(design: Design) -> list[Row]:
    """Three swaps an item at most: sex to and fro, and race."""
    rng = np.random.default_rng(design.seed + 2)
    rows = []
    for case in cases(design):
        if rng.random() < 0.1:
            rows.append(Row(case, {}, reason="no identity term"))
            continue
        for attribute, direction in (("sex", "male→female"), ("race", "white→black")):
            gap, other = rng.normal(0.02, 0.1, 2)
            values = {
                "attribute": attribute,
                "direction": direction,
                "flip": bool(rng.random() < 0.12),
                "gap": float(np.clip(gap, -1, 1)),
                "control_flip": bool(rng.random() < 0.03),
                "control_gap": float(np.clip(other, -1, 1)),
            }
            rows.append(Row(case, values, variant=f"swap:{direction}"))
    return rows


def universe(design: Design) -> plans.Universe:
    found = cases(design)
    groups = {a: sorted({c.groups[a] for c in found if a in c.groups}) for a in ("sex", "race")}
    cells = {(c.groups["sex"], c.groups["race"]) for c in found if len(c.groups) == 2}
    return plans.Universe(
        groups={a: tuple(v) for a, v in groups.items()},
        cells={("sex", "race"): tuple(sorted(cells))},
        classes=design.classes,
        positive=design.positive,
    )


def run_of(folder: Path, design: Design, *, swaps: bool = True) -> AuditRecord:
    """Write a run's evidence, record and seal."""
    rows = {name: classified(design) for name in CLASSIFICATION}
    if swaps:
        rows[SWAPS] = swapped(design)
    world = universe(design)
    cards = {name: catalog.probe(name) for name in rows}
    planned = {name: plans.plan(card, world) for name, card in cards.items()}
    m: dict[str, int] = {}
    for name, found in planned.items():
        family = cards[name].family
        m[family] = m.get(family, 0) + plans.gated(found)
    found_all: list[Finding] = []
    coverage = []
    for name, some in rows.items():
        path = folder / "evidence" / f"{name}.parquet"
        with Writer(path, SWAPPED if name == SWAPS else CLASSIFIED) as writer:
            writer.write(some)
        family = cards[name].family
        found_all += figures.estimate(
            cards[name],
            planned[name],
            path,
            classes=design.classes,
            m=m[family],
            seeds=Seeds(design.seed),
        )
        coverage.append(
            Coverage(name, family, "ran", "", design.n, len(some), sum(row.failed for row in some))
        )
    judged = figures.judge(found_all, m)
    (folder / "spec.yaml").write_text("probes: null\n", encoding="utf-8")
    cut = sum(bool(row.values.get("cut")) for row in rows[CLASSIFICATION[0]])
    positive = None if design.positive is None else design.classes[design.positive]
    record = AuditRecord(
        audit={"families": m, "exit_code": decisions.exit_code(judged, coverage, ())},
        model={"name": "simulated", "classes": list(design.classes), "positive": positive},
        data={"rows": design.n, "attributes": ["sex", "race"], "cut_texts": cut},
        environment={},
        floor={},
        findings=tuple(judged),
        exhibits=(),
        coverage=tuple(coverage),
        costs={},
        probes={
            name: {"title": card.title, **card.model_dump(mode="json")}
            for name, card in cards.items()
        },
    )
    return save(folder, record)


def save(folder: Path, record: AuditRecord) -> AuditRecord:
    """Seal and write, as an audit does, or as a forger who seals anew."""
    sealed = seal(folder, record)
    write(folder, sealed)
    return sealed


Change = Callable[[Finding], Finding]


def forged(record: AuditRecord, at: int, change: Change) -> AuditRecord:
    """The record with one finding changed."""
    findings = list(record.findings)
    findings[at] = change(findings[at])
    return msgspec.structs.replace(record, findings=tuple(findings))


@pytest.fixture(scope="session")
def plain_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, AuditRecord]:
    """A run of independent cases that count alike. Tests must not write into its folder."""
    folder = tmp_path_factory.mktemp("plain")
    return folder, run_of(folder, Design())


@pytest.fixture(scope="session")
def make_run() -> Callable[..., AuditRecord]:
    """Makes a run in a folder, of a design named by its fields."""
    return lambda folder, **design: run_of(folder, Design(**design))


@pytest.fixture(scope="session", name="save")
def _save() -> Callable[[Path, AuditRecord], AuditRecord]:
    return save


@pytest.fixture(scope="session")
def light_check(plain_run: tuple[Path, AuditRecord]) -> Callable[..., list[Check]]:
    """What is found wrong with a record whose one finding was changed, its seal aside.

    The figure is computed anew with all verdicts of the record, not all the other figures.
    """
    folder, plain = plain_run
    files = {path.stem: File(path) for path in (folder / "evidence").glob("*.parquet")}
    there = worlds(plain, files)
    promised = promises(plain, there)
    m = sizes(promised)
    by_key = {promise.key: promise for promise in promised}

    def check(record: AuditRecord, at: int, change: Change) -> list[Check]:
        changed = forged(record, at, change)
        before, after = record.findings[at], changed.findings[at]
        chosen = tuple(sorted(before.slice.items()))
        promise = by_key[before.probe, before.measure, chosen, before.positive]
        card = record.probes[promise.probe]
        fresh = again(promise, files[promise.probe], after, there[source_of(card)], m)
        found = [*check_finding(after, promise, fresh, card), *check_verdicts(changed, m)]
        return [c for c in found if not c.ok]

    return check


@pytest.fixture(scope="session")
def cut() -> Callable[..., None]:
    """Cuts rows from a Parquet file: keeps the first `keep`, or all but the last −`keep`."""

    def cut_rows(path: Path, keep: int) -> None:
        table = pq.read_table(path)
        pq.write_table(table.slice(0, keep if keep > 0 else table.num_rows + keep), path)

    return cut_rows


@pytest.fixture(scope="session")
def rewrite() -> Callable[..., None]:
    """Puts one value in every row of a column of a Parquet file."""

    def put(path: Path, column: str, value: object) -> None:
        table = pq.read_table(path)
        at = table.schema.get_field_index(column)
        field = table.schema.field(at)
        values = pa.array([value] * table.num_rows, type=field.type)
        pq.write_table(table.set_column(at, field, values), path)

    return put
