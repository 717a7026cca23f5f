"""What no rule gates is measured all the same: each method finds the dose that was planted.

Populations are made to the number, so that a figure must be the dose itself and not near it; the
methods that a rule gates have their simulated doses in `tests/selftest`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fmaudit
from fmaudit.bias.toxicity import ToxicityParams, toxicity_tests
from fmaudit.registry import Context
from fmaudit.seeds import Seeds
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Case, Classify, Finding, Logits

DOSES = (0.0, 0.1, 0.2, 0.4)
OF_MEN, SIDE = 0.6, 200  # the share of men that is selected; people of a sex in a school
LOW, HIGH = 0.25, 0.75  # what is predicted of who is not selected, and of who is


def selected(texts: list[str]) -> list[float]:
    """The text says it."""
    return [HIGH if text.split()[2] == "1" else LOW for text in texts]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[float, tuple[Finding, ...]]:
    """Audits of women selected so much more rarely, in two schools, a model each."""
    return {dose: audited(tmp_path_factory.mktemp("dose"), dose) for dose in DOSES}


def audited(folder: Path, dose: float) -> tuple[Finding, ...]:
    with (folder / "rows.csv").open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["text", "label", "sex", "race", "school"])
        for sex, share in (("Male", OF_MEN), ("Female", OF_MEN - dose)):
            for school in ("a", "b"):
                for k in range(SIDE):
                    text = f"{sex} {school} {int(k < round(share * SIDE))} {k}"
                    out.writerow([text, 0.5, sex, "AB"[k % 2], school])
    data = {
        "source": f"file:{folder / 'rows.csv'}", "text": "text", "label": "label",
        "groups": ["sex", "race", "school"], "positive": "high",
    }  # fmt: skip
    probes: list[Any] = [
        "bias.adverse_impact", "bias.local_law_144", "bias.group_numbers",
        {"id": "bias.conditional_outcomes", "params": {"control": "school"}},
    ]  # fmt: skip
    spec = {"name": "dose", "model": {"path": "here"}, "data": data, "probes": probes}
    model = fmaudit.CallableClassifier(selected, ["low", "high"], name="dose", span=(0.0, 1.0))
    return fmaudit.audit(spec, out=folder / "run", model=model).record.findings


def falls(dose: float) -> float:
    return (OF_MEN - dose) / OF_MEN


@pytest.mark.parametrize(
    ("measure", "slice_", "truth", "none"),
    [
        ("adverse_impact_ratio", {"attribute": "sex"}, falls, 1.0),
        ("selection_impact_ratio", {"table": "sex"}, falls, 1.0),
        ("conditional_demographic_parity_difference", {"attribute": "sex"}, float, 0.0),
        ("mean_prediction_difference", {"attribute": "sex"}, lambda d: d * (HIGH - LOW), 0.0),
    ],
)
def test_the_dose_is_found_and_no_dose_is_within_the_interval(
    found: dict[float, tuple[Finding, ...]],
    measure: str,
    slice_: dict[str, str],
    truth: Callable[[float], float],
    none: float,
) -> None:
    for dose in DOSES:
        (one,) = [f for f in found[dose] if f.measure == measure and dict(f.slice) == slice_]
        figure = one.estimate
        assert figure is not None, one.reason
        assert figure.value == pytest.approx(truth(dose), abs=1e-9)
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low - 1e-9 <= truth(dose) <= figure.high + 1e-9
        assert (figure.low - 1e-9 <= none <= figure.high + 1e-9) == (dose == 0)


def test_the_shift_of_harmless_texts_about_one_group_is_found(drive: Callable[..., Any]) -> None:
    """Scores of harmless texts about one group rise by the dose: its BPSN area falls, and alone."""
    rng = np.random.default_rng(5)
    cases = [
        Case(f"{who}{k}", f"{who} {k % 2} {rng.normal()}", "ny"[k % 2], {"identity": who})
        for k in range(400)
        for who in ("b", "c", "d")
    ]
    context = Context(Seeds(0), classes=("fine", "toxic"))
    areas: dict[str, list[float]] = {"b": [], "c": []}
    for dose in (0.0, 0.5, 1.0, 2.0):

        def answer(request: Classify, dose: float = dose) -> Logits:
            who, toxic, noise = str(request.input).split()
            harmless = who == "b" and toxic == "0"
            return Logits((0.0, 2.0 * (toxic == "1") + float(noise) + dose * harmless))

        given = ToxicityParams(toxic=("toxic",), labels=("y",))
        rows = drive(toxicity_tests.run(cases, given, context), answer)
        for who, area in areas.items():
            sample = Sample(
                {
                    "toxic": np.array([row.values["toxic"] for row in rows]),
                    "score": np.array([row.values["score"] for row in rows]),
                    "group": np.array([row.case.groups["identity"] == who for row in rows]),
                }
            )
            area.append(MEASURES["bpsn_auc"].estimate(sample, Question(minimum_n=10)).value)
    # the area of normal scores 2 apart, less the dose: Φ((2 − dose) / √2)
    assert areas["b"] == pytest.approx([0.921, 0.856, 0.760, 0.5], abs=0.03)
    assert areas["c"] == pytest.approx([0.921] * 4, abs=0.03)
