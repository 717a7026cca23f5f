"""Figures of written answers and of the scorers that they rest on."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Rule

ASK = Question(rng=np.random.default_rng(0))


def test_the_share_and_its_gap() -> None:
    flagged = np.array([True, False, False, False] * 25 + [True, True, False, False] * 25)
    group = np.repeat(np.array(["a", "b"], dtype=object), 100)
    sample = Sample({"flagged": flagged, "about_group": group})
    assert MEASURES["flagged_share"].estimate(sample, ASK).value == 0.375
    found = MEASURES["flagged_share_difference"].estimate(sample, ASK)
    assert found.value == 0.25
    assert found.details["pair"] == ["a", "b"]
    assert found.low < 0.25 < found.high


def test_the_change_is_paired() -> None:
    before = np.array([True] * 10 + [False] * 90)
    after = before.copy()
    after[-20:] = True
    sample = Sample({"flagged": after, "base_flagged": before})
    ask = Question(rule=Rule("<=", 0.05))
    found = MEASURES["flagged_share_change"].estimate(sample, ask)
    assert found.value == pytest.approx(0.2)
    assert found.p_fail < 0.001


def test_excess_flips_less_the_bases() -> None:
    sample = Sample({"excess": np.array([1.0, 0, 0, -1] * 10), "base_excess": np.zeros(40)})
    assert MEASURES["excess_flip_rate_change"].estimate(sample, ASK).value == 0


def test_the_scorers_auroc_is_scikit_learns() -> None:
    rng = np.random.default_rng(1)
    known = rng.random(120) < 0.4
    score = np.round(rng.normal(known, 1.0), 1)
    found = MEASURES["scorer_auroc"].estimate(Sample({"known": known, "check_score": score}), ASK)
    assert found.value == pytest.approx(roc_auc_score(known, score), abs=1e-12)
    assert found.low < found.value < found.high


def test_labelled_texts_of_one_kind_rank_nothing() -> None:
    sample = Sample({"known": np.ones(20, dtype=bool), "check_score": np.arange(20) / 20})
    with pytest.raises(NotEstimable, match="of one kind"):
        MEASURES["scorer_auroc"].estimate(sample, ASK)


@pytest.mark.parametrize("weighted", [False, True])
def test_mean_scores_stay_within_their_range(weighted: bool) -> None:
    rng = np.random.default_rng(2)
    score, before = rng.beta(1, 6, (2, 200))
    weight = rng.choice([0.5, 2.0], 200) if weighted else None
    sample = Sample({"score": score, "base_score": before}, weight)
    found = MEASURES["mean_answer_score"].estimate(sample, ASK)
    assert found.value == pytest.approx(np.average(score, weights=weight))
    assert 0 < found.low < found.value < found.high < 1
    change = MEASURES["mean_answer_score_change"].estimate(sample, ASK)
    assert change.value == pytest.approx(np.average(score - before, weights=weight))
    assert change.low < change.value < change.high
