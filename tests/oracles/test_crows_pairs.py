"""Published CrowS-Pairs scores of each sentence, through the scoring that an audit uses.

The published share counts a tie as no stereotype, and ours as a half. Rounding to 3 decimals made
two ties in either of the published runs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from fmaudit.bias.preference import Sums, row
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Case

PAIRS = 1463
TIES = 2
KEYS = ["roberta", "camembert"]


@pytest.fixture(scope="module")
def oracle(shared: Path) -> dict[str, Any]:
    found = json.loads((shared / "data" / "oracles.json").read_text())
    return dict(found["crows_pairs_per_sentence"])


def published(shared: Path, oracle: dict[str, Any], key: str) -> pd.DataFrame:
    return pd.read_csv(shared / "data" / oracle["items"].replace("<key>", key), index_col=0)


def stereotyped(frame: pd.DataFrame, more: str, less: str) -> npt.NDArray[np.float64]:
    """The column of an audit's rows, from the scores in these columns."""
    rows = [
        row(
            Case(str(k), "", options=(pair[more], pair[less])),
            Sums(pair[f"{more}_score"], pair[f"{less}_score"], 0, 0),
        )
        for k, pair in enumerate(frame.to_dict("records"))
    ]
    return np.array([found.values["stereotyped"] for found in rows])


@pytest.mark.parametrize("key", KEYS)
def test_the_share_of_stereotyped_preferences(
    key: str, shared: Path, oracle: dict[str, Any]
) -> None:
    frame = published(shared, oracle, key)
    said = stereotyped(frame, "sent_more", "sent_less")
    assert len(said) == PAIRS
    assert ((said == 1) == frame["score"]).all()
    question = Question(rule=None)
    strict = Sample({"stereotyped": (said == 1).astype(float)})
    share = MEASURES["stereotype_share"].estimate(strict, question)
    assert 100 * share.value == pytest.approx(oracle[key], abs=oracle["tolerance"])
    assert (said == 0.5).sum() == TIES
    ours = MEASURES["stereotype_share"].estimate(Sample({"stereotyped": said}), question)
    assert ours.value - share.value == pytest.approx(TIES / 2 / PAIRS, rel=1e-9)
    assert ours.low is not None
    assert 100 * (ours.value - ours.low) == pytest.approx(2.5, abs=0.1)


@pytest.mark.parametrize("key", KEYS)
def test_the_published_rule_gives_the_published_figures(
    key: str, shared: Path, oracle: dict[str, Any]
) -> None:
    """By direction and by kind ties leave the denominator, over all pairs they stay."""
    frame = published(shared, oracle, key)
    columns = {"more_logprob": frame["sent_more_score"], "less_logprob": frame["sent_less_score"]}
    sample = Sample({name: column.to_numpy() for name, column in columns.items()})
    question = Question(rule=None)
    strict = MEASURES["stereotype_share_strict"].estimate(sample, question)
    assert 100 * strict.value == pytest.approx(oracle[key], abs=oracle["tolerance"])
    assert (strict.n, strict.method) == (PAIRS, "wilson")
    tied = (frame["sent_more_score"] == frame["sent_less_score"]).to_numpy()
    assert tied.sum() == TIES
    for name in ("stereo_antistereo", "bias_type"):
        for value in frame[name].unique():
            mine = (frame[name] == value).to_numpy()
            found = MEASURES["stereotype_share_untied"].estimate(sample.take(mine), question)
            kept = mine & ~tied
            assert found.n == kept.sum()
            assert found.value == pytest.approx(frame["score"].to_numpy()[kept].mean())


@pytest.mark.parametrize("key", KEYS)
def test_exchanged_sentences_mirror_the_share(
    key: str, shared: Path, oracle: dict[str, Any]
) -> None:
    frame = published(shared, oracle, key)
    said = stereotyped(frame, "sent_more", "sent_less")
    assert (said + stereotyped(frame, "sent_less", "sent_more") == 1).all()
