"""Published group figures of COMPAS and Adult, through the measures that came after the first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample

ASK = Question(positive=1, rng=np.random.default_rng(0))


def published(shared: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared / "data" / "oracles.json").read_text())[name]
    return found


@pytest.fixture(scope="module")
def compas(shared: Path) -> Sample:
    frame = pd.read_csv(shared / "data" / published(shared, "compas_two_years")["items"])
    risk = frame["decile_score"].to_numpy() / 10
    return Sample(
        {
            "label": frame["two_year_recid"].to_numpy(),
            "predicted": (frame["decile_score"] >= 5).astype(int).to_numpy(),
            "probs": np.stack([1 - risk, risk], axis=1),
            "group": frame["race"].to_numpy(dtype=object),
        }
    )


@pytest.fixture(scope="module")
def adult(shared: Path) -> pd.DataFrame:
    path = shared / "data" / published(shared, "adult_train")["items"]
    return pd.read_csv(path, header=None, skipinitialspace=True)


RACES = ("African-American", "Caucasian")


@pytest.mark.parametrize("race", RACES)
def test_compas_misses_and_false_alarms(race: str, compas: Sample, shared: Path) -> None:
    oracle = published(shared, "compas_two_years")
    rows = compas.take(compas.columns["group"] == race)
    for name, key in (("false_negative_rate", "fnr"), ("false_positive_rate", "fpr")):
        found = MEASURES[name].estimate(rows, ASK)
        assert 100 * found.value == pytest.approx(oracle[race][key], abs=oracle["tolerance"])
    specificity = MEASURES["true_negative_rate"].estimate(rows, ASK).value
    assert 100 * (1 - specificity) == pytest.approx(oracle[race]["fpr"], abs=oracle["tolerance"])


def test_compas_odds_of_the_two_races(compas: Sample, shared: Path) -> None:
    """Average odds follow from the published rates; both rates are higher for one race."""
    oracle = published(shared, "compas_two_years")
    two = compas.take(np.isin(compas.columns["group"].astype(str), RACES))
    (a, b) = (oracle[race] for race in RACES)
    expected = ((a["fpr"] - b["fpr"]) + (b["fnr"] - a["fnr"])) / 200
    for name in ("average_odds_difference", "average_absolute_odds_difference",
                 "equalized_odds_mean_difference"):  # fmt: skip
        found = MEASURES[name].estimate(two, ASK)
        assert found.value == pytest.approx(expected, abs=oracle["tolerance"] / 50), name
        assert found.details["pair"] == ["Caucasian", "African-American"]
        assert found.low > 0.15  # type: ignore[operator]


def test_compas_is_nearer_to_predictive_parity_than_to_equal_odds(compas: Sample) -> None:
    """What the two sides of the quarrel about COMPAS each held (Chouldechova 2017)."""
    two = compas.take(np.isin(compas.columns["group"].astype(str), RACES))
    parity = MEASURES["predictive_parity_difference"].estimate(two, ASK)
    odds = MEASURES["equalized_odds_mean_difference"].estimate(two, ASK)
    area = MEASURES["auroc_difference"].estimate(two, ASK)
    assert parity.value < 0.05
    assert area.value < 0.03
    assert odds.value > 0.2


def test_adult_ratio_through_the_screen_and_the_law(adult: pd.DataFrame, shared: Path) -> None:
    oracle = published(shared, "adult_train")
    rich = (adult[14] == ">50K").to_numpy()
    sex = adult[9].to_numpy(dtype=object)
    screen = MEASURES["adverse_impact_ratio"].estimate(
        Sample({"predicted": rich.astype(int), "group": sex}), ASK
    )
    law = MEASURES["selection_impact_ratio"].estimate(
        Sample({"category": sex, "selected": rich}), ASK
    )
    for found in (screen, law):
        assert found.value == pytest.approx(oracle["ratio"], abs=5e-4)
        rates = {line["category"]: line["rate"] for line in found.details["categories"]}
        for name in ("Female", "Male"):
            assert rates[name] == pytest.approx(oracle[name], abs=oracle["tolerance"])
    assert screen.details["flagged"] == "Female"


def test_adult_of_rare_races_is_shown_and_not_compared(adult: pd.DataFrame) -> None:
    race = adult[8].to_numpy(dtype=object)
    rich = (adult[14] == ">50K").to_numpy()
    found = MEASURES["selection_impact_ratio"].estimate(
        Sample({"category": race, "selected": rich}), ASK
    )
    assert set(found.details["excluded"]) == {"Amer-Indian-Eskimo", "Other"}
    lines = {line["category"]: line for line in found.details["categories"]}
    assert lines["Other"]["n"] == 271
    assert lines["Other"]["rate"] == pytest.approx(25 / 271)
    assert lines["Other"]["ratio"] is None
