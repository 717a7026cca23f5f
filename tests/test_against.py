"""Figures of one group beside the rows of the others, from the evidence, by both writings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fmaudit import catalog, findings, plans
from fmaudit.bias.toxicity import COLUMNS, ToxicityParams, score
from fmaudit.evidence import Writer
from fmaudit.reporting.verify.estimates import Ask
from fmaudit.reporting.verify.figures import FIGURES
from fmaudit.reporting.verify.promises import Promise
from fmaudit.reporting.verify.rows import File
from fmaudit.seeds import Seeds
from fmaudit.types import Case, Failure, Finding, Logits, Response, Row

CARD = catalog.probe("bias.madlibs")
PARAMS = ToxicityParams(toxic=("toxic",), labels=("toxic",))
CLASSES = ("fine", "toxic")
IDENTITIES = ("deaf", "gay", "old")


def texts(n: int = 600) -> list[Row]:
    """Texts of which some name nobody; harmless ones that name one identity score high."""
    rng = np.random.default_rng(3)
    rows = []
    for k in range(n):
        who = (*IDENTITIES, None)[int(rng.integers(0, 4))]
        toxic = bool(rng.integers(0, 2))
        odds = rng.normal() + 2.0 * toxic + 1.5 * (who == "gay" and not toxic)
        case = Case(
            f"t{k}",
            f"text {k}",
            target="toxic" if toxic else "nontoxic",
            groups={"identity": who} if who else {},
            cluster=f"word {k % 20} {toxic}",
        )
        answer: Response = Failure("lost") if k == 17 else Logits((1.0, float(odds)))
        rows.append(score(case, answer, CLASSES, PARAMS))
    return rows


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    path = tmp_path / "bias.madlibs.parquet"
    writer = Writer(path, COLUMNS)
    writer.write(texts())
    writer.close()
    return path


@pytest.fixture
def found(evidence: Path) -> list[Finding]:
    universe = plans.Universe({"identity": IDENTITIES}, {}, CLASSES, 1)
    planned = plans.plan(CARD, universe)
    return findings.estimate(CARD, planned, evidence, classes=CLASSES, m=1, seeds=Seeds(0))


def figure(found: list[Finding], measure: str, **slice_: str) -> Any:
    (mine,) = [f for f in found if f.measure == measure and f.slice == slice_]
    assert mine.estimate is not None, mine.reason
    return mine.estimate


def test_each_identity_is_set_against_the_texts_of_the_others(found: list[Finding]) -> None:
    rows = [row for row in texts() if row.case.groups and not row.failed]
    for name in IDENTITIES:
        high = [r for r in rows if r.values["toxic"] and r.case.groups["identity"] != name]
        low = [r for r in rows if not r.values["toxic"] and r.case.groups["identity"] == name]
        wins = [
            (a.values["score"] > b.values["score"]) + (a.values["score"] == b.values["score"]) / 2
            for a in high
            for b in low
        ]
        mine = figure(found, "bpsn_auc", identity=name)
        assert mine.value == pytest.approx(np.mean(wins), abs=1e-12)
        assert mine.n == len(high) + len(low)
    values = {name: figure(found, "bpsn_auc", identity=name).value for name in IDENTITIES}
    assert min(values, key=values.__getitem__) == "gay"


def test_texts_that_name_nobody_count_in_the_figure_over_all_alone(found: list[Finding]) -> None:
    assert figure(found, "toxicity_auroc").n == 599
    whole = figure(found, "bpsn_auc_generalised_mean", attribute="identity")
    assert set(whole.details["by_group"]) == set(IDENTITIES)
    for name, value in whole.details["by_group"].items():
        assert figure(found, "bpsn_auc", identity=name).value == pytest.approx(value, abs=1e-12)


def test_the_second_writing_takes_the_same_rows(evidence: Path, found: list[Finding]) -> None:
    file = File(evidence)
    checked = 0
    for finding in found:
        against = "identity" if finding.measure in ("subgroup_auc", "bpsn_auc", "bnsp_auc") else ""
        promise = Promise(
            "bias.madlibs", finding.measure, finding.slice, None, None, 10,
            over="attribute" in finding.slice, against=against,
        )  # fmt: skip
        mine = FIGURES[finding.measure]
        rows = file.slice(mine.columns, promise.slice, **promise.at)
        again = mine.compute(rows, Ask(None, 1, -1, 2, 10))
        assert finding.estimate is not None
        assert again.value == pytest.approx(finding.estimate.value, abs=1e-12)
        assert again.low == pytest.approx(finding.estimate.low, abs=1e-9)
        assert (again.n, again.clusters) == (finding.estimate.n, finding.estimate.clusters)
        failed = file.failures(promise.slice, **promise.at)
        assert failed[0] == finding.estimate.details.get("failed", 0)
        checked += 1
    assert checked == 1 + 9 + 3 + 8
