"""Published group figures, through the same measures as an audit's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Rule

POSITIVE = Question(positive=1)


def published(shared: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared / "data" / "oracles.json").read_text())[name]
    return found


@pytest.fixture(scope="module")
def compas(shared: Path) -> Sample:
    frame = pd.read_csv(shared / "data" / published(shared, "compas_two_years")["items"])
    return Sample(
        {
            "label": frame["two_year_recid"].to_numpy(),
            "predicted": (frame["decile_score"] >= 5).astype(int).to_numpy(),
            "group": frame["race"].to_numpy(dtype=object),
        }
    )


@pytest.fixture(scope="module")
def adult(shared: Path) -> Sample:
    path = shared / "data" / published(shared, "adult_train")["items"]
    frame = pd.read_csv(path, header=None, skipinitialspace=True)
    rich = (frame[14] == ">50K").astype(int).to_numpy()
    return Sample({"label": rich, "predicted": rich, "group": frame[9].to_numpy(dtype=object)})


@pytest.mark.parametrize("race", ["African-American", "Caucasian"])
def test_compas_error_rates(race: str, compas: Sample, shared: Path) -> None:
    oracle = published(shared, "compas_two_years")
    rows = compas.take(compas.columns["group"] == race)
    fpr = MEASURES["false_positive_rate"].estimate(rows, POSITIVE).value
    tpr = MEASURES["true_positive_rate"].estimate(rows, POSITIVE).value
    assert 100 * fpr == pytest.approx(oracle[race]["fpr"], abs=oracle["tolerance"])
    assert 100 * (1 - tpr) == pytest.approx(oracle[race]["fnr"], abs=oracle["tolerance"])


def test_compas_gap_fails_and_small_groups_are_named(compas: Sample, shared: Path) -> None:
    oracle = published(shared, "compas_two_years")
    question = Question(rule=Rule("<=", 0.1), positive=1, minimum_n=200)
    found = MEASURES["false_positive_rate_difference"].estimate(compas, question)
    two = {"African-American", "Caucasian"}
    for race in two:
        cell = found.details["by_group"][race]
        assert 100 * cell["value"] == pytest.approx(oracle[race]["fpr"], abs=oracle["tolerance"])
    assert found.p_fail is not None
    assert found.p_fail < 1e-6
    assert {"Asian", "Native American"} <= set(found.details["excluded"])


def test_adult_base_rates(adult: Sample, shared: Path) -> None:
    oracle = published(shared, "adult_train")
    for sex in ("Female", "Male"):
        rows = adult.take(adult.columns["group"] == sex)
        rate = MEASURES["base_rate"].estimate(rows, POSITIVE).value
        assert rate == pytest.approx(oracle[sex], abs=oracle["tolerance"])
    ratio = MEASURES["demographic_parity_ratio"].estimate(adult, POSITIVE)
    assert ratio.value == pytest.approx(oracle["ratio"], abs=5e-4)
    assert ratio.details["pair"] == ["Female", "Male"]
    assert np.isclose(ratio.value, 0.1095 / 0.3057, atol=1e-3)
