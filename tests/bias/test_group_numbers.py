"""A model that predicts a number: from the spec to the figures, against fairlearn by group."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame
from sklearn.metrics import mean_absolute_error, mean_squared_error

import fmaudit
from fmaudit.bias.group_numbers import NO_GROUP, NO_NUMBER, group_numbers
from fmaudit.errors import DataError, ModelError, SpecError
from fmaudit.registry import Context, NoParams
from fmaudit.reporting.verify import verify
from fmaudit.seeds import Seeds
from fmaudit.types import Case, Failure, Logits

LOW, HIGH = 300.0, 850.0


def predicts(texts: list[str]) -> list[float]:
    """Near the number in the text, lower for women; one prediction is beyond the range."""
    found = []
    for text in texts:
        sex, _, number, k = text.split()
        noise = random.Random(f"noise {k}").gauss(0, 40)
        found.append(float(number) + noise - 25 * (sex == "Female") + 900 * (k == "0"))
    return found


def people(path: Path, rows: int = 1200) -> list[dict[str, str]]:
    rng = random.Random(3)
    made = []
    for k in range(rows):
        sex, race = rng.choice(["Female", "Male"]), rng.choice(["A", "B", "C"])
        number = round(min(HIGH, max(LOW, rng.gauss(600, 110))), 1)
        made.append(
            {"text": f"{sex} {race} {number} {k}", "score": str(number), "sex": sex, "race": race}
        )
    with path.open("w", newline="", encoding="utf-8") as stream:
        out = csv.DictWriter(stream, list(made[0]))
        out.writeheader()
        out.writerows(made)
    return made


def spec(folder: Path, **model: Any) -> dict[str, Any]:
    return {
        "name": "numbers",
        "model": {"path": "in memory", **model},
        "data": {
            "source": f"file:{folder / 'people.csv'}",
            "text": "text",
            "label": "score",
            "groups": ["sex", "race"],
        },
        "probes": ["bias.group_numbers", "bias.group_scores", "bias.local_law_144"],
    }


def in_memory(span: tuple[float, float] | None = (LOW, HIGH)) -> fmaudit.CallableClassifier:
    return fmaudit.CallableClassifier(predicts, ["low", "high"], name="score", span=span)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, list[dict[str, str]]]:
    folder = tmp_path_factory.mktemp("numbers")
    rows = people(folder / "people.csv")
    return fmaudit.audit(spec(folder), out=folder / "run", model=in_memory()), rows


def test_figures_are_fairlearns_by_group(done: Any) -> None:
    audit, rows = done
    true = np.array([float(r["score"]) for r in rows])
    said = np.clip(predicts([r["text"] for r in rows]), LOW, HIGH)
    width = HIGH - LOW
    expected = MetricFrame(
        metrics={
            "mean_absolute_error": lambda y, p: mean_absolute_error(y, p) / width,
            "mean_squared_error": lambda y, p: mean_squared_error(y, p) / width**2,
            "mean_error": lambda y, p: float(np.mean(p - y)) / width,
            "mean_prediction": lambda y, p: float(np.mean(p) - LOW) / width,
        },
        y_true=true,
        y_pred=said,
        sensitive_features=[r["sex"] for r in rows],
    )
    found = {
        (f.measure, *f.slice.values()): f.estimate
        for f in audit.record.findings
        if f.probe == "bias.group_numbers"
    }
    for name in expected.by_group.columns:
        assert found[(name,)].value == pytest.approx(expected.overall[name], abs=1e-9)
        for sex, value in expected.by_group[name].items():
            assert found[name, sex].value == pytest.approx(value, abs=1e-9)
        gap = found[f"{name}_difference", "sex"]
        assert gap.value == pytest.approx(expected.difference()[name], abs=1e-9)
        assert gap.low < gap.value < gap.high


def test_women_are_found_to_be_predicted_too_low(done: Any) -> None:
    audit, _ = done
    (gap,) = [
        f.estimate
        for f in audit.record.findings
        if f.measure == "mean_error_difference" and f.slice == {"attribute": "sex"}
    ]
    assert gap.details["pair"] == ["Female", "Male"]
    assert gap.low < 25 / (HIGH - LOW) < gap.high
    assert gap.low > 0


def test_the_second_writing_agrees(done: Any) -> None:
    audit, _ = done
    found = verify(audit.run)
    assert found.ok, found.mismatches[:5]
    assert found.counts["value"] > 50


def test_the_record_says_range_and_halves_and_no_list_of_numbers(done: Any) -> None:
    audit, rows = done
    assert audit.record.model["range"] == [LOW, HIGH]
    above = sum(float(r["score"]) > (LOW + HIGH) / 2 for r in rows)
    assert audit.record.data["labels"] == {"high": above, "low": len(rows) - above}


def test_scoring_rates_are_of_the_number(done: Any) -> None:
    audit, rows = done
    said = np.clip(predicts([r["text"] for r in rows]), LOW, HIGH)
    women = np.array([r["sex"] == "Female" for r in rows])
    rate = float((said[women] > np.median(said)).mean())
    (ratio,) = [
        f.estimate
        for f in audit.record.findings
        if f.measure == "scoring_impact_ratio" and f.slice.get("table") == "sex"
    ]
    (told,) = [c for c in ratio.details["categories"] if c["category"] == "Female"]
    assert told["rate"] == pytest.approx(rate, abs=1e-9)


def test_a_classifier_is_not_tested_for_it(tmp_path: Path) -> None:
    people(tmp_path / "people.csv", 60)
    asked = spec(tmp_path) | {"probes": ["bias.group_numbers", "performance"]}
    asked["data"] = asked["data"] | {"label": None}
    model = fmaudit.CallableClassifier(lambda texts: [0.5] * len(texts), ["low", "high"])
    made = fmaudit.audit(asked, out=tmp_path / "run", model=model)
    (left,) = [c for c in made.record.coverage if c.probe == "bias.group_numbers"]
    assert left.status == "not_tested"
    assert "model.range" in left.reason


@pytest.mark.parametrize("strange", ["n/a", "900", "inf"])
def test_a_label_that_is_no_number_of_the_range_is_told(tmp_path: Path, strange: str) -> None:
    file = tmp_path / "people.csv"
    people(file, 60)
    lines = file.read_text().splitlines()
    text, _, sex, race = lines[1].split(",")
    file.write_text("\n".join([lines[0], f"{text},{strange},{sex},{race}", *lines[2:]]) + "\n")
    with pytest.raises(DataError, match=rf"no number from 300 to 850.*'{strange}' \(1\)"):
        fmaudit.audit(spec(tmp_path), out=tmp_path / "run", model=in_memory())


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"range": [5, 5], "labels": ["low", "high"]}, "lowest and then the highest"),
        ({"range": [0, 5]}, "two `labels`"),
        ({"range": [0, 5], "labels": ["a", "b", "c"]}, "two `labels`"),
    ],
)
def test_a_range_that_is_none_is_told(tmp_path: Path, model: dict[str, Any], said: str) -> None:
    people(tmp_path / "people.csv", 60)
    with pytest.raises(SpecError, match=said):
        fmaudit.audit(spec(tmp_path, **model), out=tmp_path / "run")


def test_a_function_must_return_a_number_a_text(tmp_path: Path) -> None:
    people(tmp_path / "people.csv", 60)
    model = fmaudit.CallableClassifier(
        lambda texts: [[0.5, 0.5]] * len(texts), ["low", "high"], span=(LOW, HIGH)
    )
    with pytest.raises(ModelError, match="a number for each was expected"):
        fmaudit.audit(spec(tmp_path), out=tmp_path / "run", model=model)
    with pytest.raises(ModelError, match="lowest and a highest"):
        in_memory((HIGH, LOW))


def test_rows_without_number_group_or_answer_say_why(drive: Callable[..., Any]) -> None:
    cases = [
        Case("1", "a", groups={"sex": "F"}, number=0.25),
        Case("2", "b", groups={"sex": "F"}),
        Case("3", "c", number=0.5),
        Case("4", "d", groups={"sex": "F"}, number=0.5),
    ]
    answers = dict.fromkeys("abc", Logits((0.0, 0.0))) | {"d": Failure("broken")}
    context = Context(Seeds(0), classes=("low", "high"))
    rows = drive(group_numbers.run(cases, NoParams(), context), lambda r: answers[r.input])
    assert rows[0].values == {"number": 0.25, "predicted_number": 0.5}
    assert [r.reason for r in rows] == ["", NO_NUMBER, NO_GROUP, "broken"]
    assert [r.failed for r in rows] == [False, False, False, True]
