"""Whole audits by the cards of group fairness: figures, second writing, report."""

from __future__ import annotations

import csv
import math
import random
from pathlib import Path
from typing import Any

import pytest

import fmaudit
from fmaudit.models.fakes import FakeClassifier
from fmaudit.reporting.html import rendered
from fmaudit.reporting.verify import verify
from fmaudit.types import Finding

PROBES = (
    "bias.group_errors",
    "bias.group_scores",
    "bias.adverse_impact",
    "bias.local_law_144",
    {"id": "bias.conditional_outcomes", "params": {"control": "education"}},
)


def people(path: Path, rows: int) -> Path:
    """Applicants; one cell is empty, one category rare, of some the sex is not known."""
    rng = random.Random(0)
    with path.open("w", newline="", encoding="utf-8") as stream:
        out = csv.writer(stream)
        out.writerow(["text", "label", "sex", "race", "education"])
        for k in range(rows):
            sex = rng.choice(["Female", "Male", "Male", "Unknown" if k % 9 == 0 else "Female"])
            race = rng.choices(["White", "Black", "Rare"], [70, 29, 1])[0]
            if (sex, race) == ("Unknown", "Rare"):
                race = "White"
            school = rng.choice(["college", "school"])
            label = "yes" if rng.random() < (0.6 if school == "college" else 0.3) else "no"
            out.writerow([f"{sex} {race} {school} {label} {k}", label, sex, race, school])
    return path


def decides(text: str) -> tuple[float, float]:
    """Right three times in four, and kinder to men."""
    sex, _, school, label, number = text.split()
    rng = random.Random(number)
    score = (1.0 if label == "yes" else -1.0) + rng.gauss(0, 1.5) + 0.5 * (sex == "Male")
    return 0.0, score + 0.3 * (school == "college")


def breaks(text: str) -> tuple[float, float]:
    return 0.0, math.nan


def audit(folder: Path, model: Any, rows: int = 2500, **data: Any) -> Path:
    spec = {
        "name": "groups",
        "model": {"path": "set below", "adapter": "fake"},
        "data": {
            "source": f"file:{people(folder / 'people.csv', rows)}",
            "text": "text",
            "label": "label",
            "groups": ["sex", "race", "education"],
            "positive": "yes",
            **data,
        },
        "probes": list(PROBES),
    }
    fmaudit.audit(spec, out=folder / "run", model=model)
    return folder / "run"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return audit(tmp_path_factory.mktemp("groups"), FakeClassifier(decides))


@pytest.fixture(scope="module")
def findings(run: Path) -> tuple[Finding, ...]:
    return fmaudit.load(run).record.findings


def of(findings: tuple[Finding, ...], measure: str, **chosen: str) -> Finding:
    (found,) = [f for f in findings if f.measure == measure and dict(f.slice) == chosen]
    return found


def test_the_second_writing_finds_nothing_wrong(run: Path) -> None:
    found = verify(run)
    wrong = [(c.finding, c.figure, c.stored, c.recomputed) for c in found.mismatches[:5]]
    assert found.ok, wrong
    assert found.counts["resampled"] > 50


def test_nothing_gates(findings: tuple[Finding, ...]) -> None:
    assert {f.verdict for f in findings} <= {"measured", "not_tested"}
    assert not any(f.rule for f in findings)


def test_every_figure_has_an_interval_or_says_why_not(findings: tuple[Finding, ...]) -> None:
    for found in findings:
        if found.estimate is None:
            assert found.reason
        elif found.estimate.low is None:
            assert found.estimate.details["no_interval"]
        else:
            assert found.estimate.low <= found.estimate.value + 1e-12
            assert found.estimate.value <= found.estimate.high + 1e-12


def test_an_empty_intersection_is_not_estimable(findings: tuple[Finding, ...]) -> None:
    empty = of(findings, "false_negative_rate", sex="Unknown", race="Rare")
    assert (empty.verdict, empty.estimate) == ("not_tested", None)
    assert empty.reason == "not estimable: no case is of both"


def test_people_of_unknown_sex_are_counted(findings: tuple[Finding, ...]) -> None:
    by_sex = of(findings, "selection_impact_ratio", table="sex")
    assert by_sex.estimate is not None
    details = by_sex.estimate.details
    assert [line["category"] for line in details["categories"]] == ["Female", "Male"]
    assert details["unknown"] > 0
    assert details["unknown"] + sum(line["n"] for line in details["categories"]) == 2500


def test_a_rare_race_has_no_ratio(findings: tuple[Finding, ...]) -> None:
    by_race = of(findings, "scoring_impact_ratio", table="race")
    assert by_race.estimate is not None
    assert list(by_race.estimate.details["excluded"]) == ["Rare"]


def test_the_control_is_compared_with_nothing(findings: tuple[Finding, ...]) -> None:
    name = "conditional_demographic_parity_difference"
    itself = of(findings, name, attribute="education")
    assert itself.verdict == "not_tested"
    assert "no level of the control feature" in itself.reason
    by_sex = of(findings, name, attribute="sex")
    assert by_sex.estimate is not None
    assert set(by_sex.estimate.details["by_level"]) == {"college", "school"}


def test_the_report_shows_the_tables_of_the_law(run: Path) -> None:
    page = rendered(run)
    for said in (
        "Selection rates by sex and race or ethnicity",
        "Scored above the median",
        "Impact ratio",
        "Applicants of no known category, who are in no line: ",
        "Local Law 144 names no threshold.",
        "of the data, under 2%: not compared",
        "A historic screen, which decides nothing",
        "Upper bound",
        "Female · Black",
    ):
        assert said in page, said


def test_a_model_that_breaks_gives_errors_and_no_figure(tmp_path: Path) -> None:
    run = audit(tmp_path, FakeClassifier(breaks, key="broken"), rows=60)
    found = fmaudit.load(run).record.findings
    assert {f.verdict for f in found if f.estimate is None} <= {"error", "not_tested"}
    assert not any(f.estimate for f in found)
    law = [f for f in found if f.probe == "bias.local_law_144"]
    assert {f.verdict for f in law} == {"error"}
    assert "not finite" in law[0].reason


def test_without_sex_or_race_the_law_has_no_table(tmp_path: Path) -> None:
    run = audit(tmp_path, FakeClassifier(decides), rows=200, groups=["education"])
    law = [f for f in fmaudit.load(run).record.findings if f.probe == "bias.local_law_144"]
    assert {f.verdict for f in law} == {"not_tested"}
    assert {f.reason for f in law} == {
        "none of 200 rows is of a known category; `params` name the columns of `data.groups` "
        "that hold them"
    }


def partly(text: str) -> tuple[float, float]:
    """Nobody hears of the deserving women whose number ends in 3."""
    sex, _, _, label, number = text.split()
    if (sex, label) == ("Female", "yes") and number.endswith("3"):
        return 0.0, math.nan
    return decides(text)


def test_a_group_that_the_model_cannot_answer_for_breaks_the_gap(tmp_path: Path) -> None:
    asked: dict[str, Any] = {
        "name": "partly",
        "model": {"path": "set below", "adapter": "fake"},
        "data": {
            "source": f"file:{people(tmp_path / 'people.csv', 2500)}",
            "text": "text", "label": "label", "groups": ["sex", "race"], "positive": "yes",
        },
        "probes": ["bias.group_outcomes"],
    }  # fmt: skip
    done = fmaudit.audit(asked, out=tmp_path / "run", model=FakeClassifier(partly))
    gap = of(done.record.findings, "equal_opportunity_difference", attribute="sex")
    assert (gap.verdict, gap.estimate) == ("error", None)
    assert gap.reason.startswith("Female & yes: ")
    assert done.exit_code == 4
    found = verify(done.run)
    assert found.ok, found.mismatches[:3]
