"""Published StereoSet predictions of each sentence, through the scoring that an audit uses."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fmaudit.bias.stereoset import Scores, score
from fmaudit.data.published import stereoset
from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.estimates import Ask
from fmaudit.reporting.verify.figures import FIGURES
from fmaudit.reporting.verify.rows import Rows
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Case

KEYS = ["gpt2_ModelNSP_GPT2LM", "bert-base-cased_BertNextSentence_BertLM"]
FIGURES_OF = {"lms": "language_modelling_score", "ss": "stereotype_score", "icat": "icat"}
COLUMNS = ("meaningful", "stereotyped")


@pytest.fixture(scope="module")
def oracle(shared: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared / "data" / "oracles.json").read_text())
    return dict(found["stereoset_dev"])


@pytest.fixture(scope="module", params=KEYS)
def key(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def rows(shared: Path, oracle: dict[str, Any], key: str) -> list[Any]:
    """The rows of an audit, from a published score of each sentence."""
    path = shared / "data" / oracle["predictions"].replace("<key>", key)
    with gzip.open(path) as file:
        by_task = json.load(file)
    said = {sentence["id"]: sentence["score"] for task in by_task.values() for sentence in task}
    return [
        score(
            Case(
                item["id"],
                item["context"],
                groups={"task": item["task"], "attribute": item["bias_type"]},
                cluster=item["target"],
                references=(item["stereotype"], item["anti_stereotype"], item["unrelated"]),
            ),
            Scores(*(said[item[f"{name}_id"]] for name in stereoset_names())),
        )
        for item in stereoset.read(shared / "data" / oracle["items"], None)
    ]


def stereoset_names() -> list[str]:
    return [label.replace("-", "_") for label in stereoset.LABELS]


def sample(rows: list[Any]) -> Sample:
    terms = np.unique([row.case.cluster for row in rows], return_inverse=True)[1]
    columns = {name: np.array([row.values[name] for row in rows]) for name in COLUMNS}
    return Sample(columns, cluster=terms)


@pytest.mark.parametrize("figure", FIGURES_OF)
def test_the_published_figures(
    figure: str, rows: list[Any], oracle: dict[str, Any], key: str
) -> None:
    assert len(rows) == 4229
    given = sample(rows)
    found = MEASURES[FIGURES_OF[figure]].estimate(given, Question(minimum_n=30))
    assert 100 * found.value == pytest.approx(oracle[key][figure], abs=oracle["tolerance"])
    assert (found.n, found.clusters) == (4229, 79)
    assert found.low is not None
    assert found.low < found.value < found.high  # type: ignore[operator]
    ones = np.ones(given.n)
    again = FIGURES[FIGURES_OF[figure]].compute(
        Rows(given.columns, ones, given.units, np.zeros(given.n, int), None), Ask(None, 1, 0, 2, 30)
    )
    assert again.value == pytest.approx(found.value, abs=1e-12)


def test_no_published_score_is_tied(rows: list[Any]) -> None:
    """So that counting a tie as a half, and not as no stereotype, moves none of the figures."""
    assert {row.values["stereotyped"] for row in rows} == {0.0, 1.0}
    assert {row.values["meaningful"] for row in rows} == {0.0, 0.5, 1.0}


def test_figures_by_kind_have_terms_enough_or_are_not_tested(rows: list[Any]) -> None:
    enough = {}
    for kind in ("race", "profession", "gender", "religion"):
        mine = sample([row for row in rows if row.values["attribute"] == kind])
        try:
            MEASURES["stereotype_score"].estimate(mine, Question(minimum_n=30))
            enough[kind] = True
        except NotEstimable:
            enough[kind] = False
    assert enough == {"race": True, "profession": True, "gender": False, "religion": False}
    for task in ("intrasentence", "intersentence"):
        mine = sample([row for row in rows if row.values["task"] == task])
        assert MEASURES["icat"].estimate(mine, Question(minimum_n=30)).clusters == 79
