from __future__ import annotations

from collections.abc import Callable

import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.measures.ranking import auprc_influence, auroc, auroc_influence
from fmaudit.stats.sample import Question, Sample
from fmaudit.stats.variance import design_variance

Rows = Callable[..., Sample]


@st.composite
def ranked(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels with both sides, scores with ties, weights."""
    n = draw(st.integers(4, 60))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    positive = rng.random(n) < 0.4
    positive[:2] = [True, False]
    return positive, rng.integers(8, size=n) / 8, rng.uniform(0.2, 3, n)


@given(ranked())
def test_values_agree_with_sklearn_with_ties_and_weights(
    drawn: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    positive, score, w = drawn
    expected = metrics.roc_auc_score(positive, score, sample_weight=w)
    assert auroc(positive, score, w) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert auroc_influence(positive, score, w)[0] == pytest.approx(expected, abs=1e-12)
    expected = metrics.average_precision_score(positive, score, sample_weight=w)
    assert auprc_influence(positive, score, w)[0] == pytest.approx(expected, abs=1e-12)


@given(ranked())
def test_influence_values_are_the_derivative(
    drawn: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    positive, score, w = drawn
    for influence in (auroc_influence, auprc_influence):
        value, z = influence(positive, score, w)
        for row in range(0, len(w), 5):
            bumped = w.copy()
            bumped[row] += 1e-6
            slope = (influence(positive, score, bumped)[0] - value) / 1e-6
            assert z[row] / w[row] == pytest.approx(slope, abs=1e-4)


def test_auroc_in_strict_array_code() -> None:
    rng = np.random.default_rng(0)
    positive, score = rng.random(50) < 0.5, rng.normal(size=50)
    xp = array_api_strict
    strict = auroc(xp.asarray(positive), xp.asarray(score), xp.ones(50, dtype=xp.float64))
    assert strict == pytest.approx(metrics.roc_auc_score(positive, score), rel=1e-12)


def test_variance_is_delongs() -> None:
    """S₁₀/m + S₀₁/n of DeLong et al. 1988, up to (m − 1)/m and n/(n − 1) of the totals."""
    rng = np.random.default_rng(1)
    positive = np.arange(400) < 200
    score = rng.normal(positive * 1.0, 1)
    _, z = auroc_influence(positive, score, np.ones(400))
    above = score[positive][:, None] > score[~positive][None, :]
    delong = above.mean(1).var(ddof=1) / 200 + above.mean(0).var(ddof=1) / 200
    assert design_variance(z, Sample({"z": z}))[0] == pytest.approx(delong, rel=0.006)


def test_multiclass_macro_agrees_with_sklearn(rows: Rows) -> None:
    sample = rows(300, classes=4, seed=2)
    label, probs = sample.columns["label"], sample.columns["probs"]
    assert MEASURES["auroc_macro"].value(sample, Question()) == pytest.approx(
        metrics.roc_auc_score(label, probs, multi_class="ovr"), rel=1e-12
    )
    assert MEASURES["auprc_macro"].value(sample, Question()) == pytest.approx(
        metrics.average_precision_score(np.eye(4)[label], probs), rel=1e-12
    )


@pytest.mark.parametrize("name", ["auroc", "auprc", "auroc_macro", "auprc_macro"])
def test_one_sided_labels_cannot_be_ranked(name: str, rows: Rows) -> None:
    sample = rows(100)
    with pytest.raises(NotEstimable, match="one side"):
        MEASURES[name].estimate(sample.take(sample.columns["label"] == 1), Question(positive=1))


def test_perfect_ranking_is_bounded_by_the_smaller_side() -> None:
    label = np.repeat([0, 1], [90, 30])
    probs = np.stack([1 - label * 0.9, label * 0.9], axis=1) + 0.0
    found = MEASURES["auroc"].estimate(
        Sample({"label": label, "probs": probs}), Question(positive=1)
    )
    assert (found.value, found.high, found.method) == (1, 1, "wilson_no_events")
    assert found.low == pytest.approx(0.88, abs=0.01)
