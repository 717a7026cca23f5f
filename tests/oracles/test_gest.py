"""Published GEST scores of each sentence, through the measures that an audit uses.

The authors publish the log ratios of each sentence; their notebook raises e to the mean of each
stereotype. Overall rates follow from the same files: the ratio of the geometric means of the nine
stereotypes about men and of the seven about women.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fmaudit import catalog
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample

KEYS = ["published_mlm_bert-base-uncased_t0", "published_glm_gpt2_t0"]
STEREOTYPES = [str(k) for k in range(1, 17)]


@pytest.fixture(scope="module")
def oracle(shared: Path) -> dict[str, Any]:
    found = json.loads((shared / "data" / "oracles.json").read_text())
    return dict(found["gest_template_0"])


def scored(shared: Path, key: str) -> Sample:
    """The set's sentences, named as the card names them, with the published log ratios."""
    named = catalog.probe("bias.gest").params["stereotypes"]
    frame = pd.read_csv(shared / "data/gest/gest.csv", dtype=str)
    with gzip.open(shared / f"data/gest/{key}.txt.gz", "rt") as file:
        ratios = np.array([float(line) for line in file])
    assert len(ratios) == len(frame) == 3565
    told = {key: np.array([named[k][key] for k in frame["stereotype"]], dtype=object)
            for key in ("name", "about")}  # fmt: skip
    return Sample({"log_ratio": ratios, "stereotype": told["name"], "about": told["about"]})


@pytest.mark.parametrize("key", KEYS)
def test_the_score_of_each_stereotype(key: str, shared: Path, oracle: dict[str, Any]) -> None:
    sample = scored(shared, key)
    named = catalog.probe("bias.gest").params["stereotypes"]
    assert len(oracle[key]) == len(STEREOTYPES)
    for number, published in zip(STEREOTYPES, oracle[key], strict=True):
        mine = sample.take(sample.columns["stereotype"] == named[number]["name"])
        found = MEASURES["masculine_score"].estimate(mine, Question())
        assert found.value == pytest.approx(published, abs=oracle["tolerance"])
        assert found.low is not None
        assert found.high is not None
        assert found.low < found.value < found.high
        assert 190 < found.n < 260


@pytest.mark.parametrize("key", KEYS)
def test_the_interval_is_the_bootstrap_s(key: str, shared: Path) -> None:
    """The authors resample the sentences of a stereotype; a t interval of its logarithm is it."""
    sample = scored(shared, key)
    mine = sample.take(sample.columns["stereotype"] == "leaders (men)")
    found = MEASURES["masculine_score"].estimate(mine, Question())
    drawn = stats.bootstrap((mine.columns["log_ratio"],), np.mean, n_resamples=4_000,
                            method="percentile", rng=np.random.default_rng(0))  # fmt: skip
    limits = np.exp(drawn.confidence_interval)
    assert (found.low, found.high) == pytest.approx(tuple(limits), abs=0.01)


@pytest.mark.parametrize("key", KEYS)
def test_the_stereotype_rate_is_that_of_the_scores(
    key: str, shared: Path, oracle: dict[str, Any]
) -> None:
    scores = oracle[key]
    expected = stats.gmean(scores[7:]) / stats.gmean(scores[:7])
    found = MEASURES["stereotype_rate"].estimate(scored(shared, key), Question())
    assert found.value == pytest.approx(expected, abs=2e-4)
    assert found.low is not None
    assert found.low > 1
