"""Differences of scores between groups, against scikit-learn by group."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures import MEASURES, ece, group_scores
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Rule

Rows = Callable[..., Sample]
ASK = Question(positive=1)
NAMES = [gap.name for gap in group_scores.GAPS]


def by_group(sample: Sample, figure: Callable[[Sample], float]) -> dict[str, float]:
    group = sample.columns["group"]
    return {str(g): figure(sample.take(group == g)) for g in sorted(set(group))}


def errors(sample: Sample) -> float:
    y, d, w = sample.columns["label"] == 1, sample.columns["predicted"] == 1, sample.w
    return float(w[y & ~d].sum() / w[d & ~y].sum())


SKLEARN: dict[str, Callable[[Sample], float]] = {
    "mean_score_difference": lambda s: float(np.average(s.columns["probs"][:, 1], weights=s.w)),
    "auroc_difference": lambda s: metrics.roc_auc_score(
        s.columns["label"], s.columns["probs"][:, 1], sample_weight=s.w
    ),
    "brier_difference": lambda s: metrics.brier_score_loss(
        s.columns["label"], s.columns["probs"][:, 1], sample_weight=s.w
    ),
    "balanced_accuracy_difference": lambda s: metrics.balanced_accuracy_score(
        s.columns["label"], s.columns["predicted"], sample_weight=s.w
    ),
    "treatment_equality_difference": errors,
    "calibration_in_the_large_difference": lambda s: float(
        np.average((s.columns["label"] == 1) - s.columns["probs"][:, 1], weights=s.w)
    ),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", SKLEARN)
def test_values_pairs_and_tables_are_the_groups_own(name: str, weighted: bool, rows: Rows) -> None:
    sample = rows(900, groups=4, weighted=weighted, seed=1)
    expected = by_group(sample, SKLEARN[name])
    found = MEASURES[name].estimate(sample, ASK)
    low, high = (pick(expected, key=expected.__getitem__) for pick in (min, max))
    assert found.value == pytest.approx(expected[high] - expected[low], rel=1e-9)
    assert found.details["pair"] == [low, high]
    told = {g: cell["value"] for g, cell in found.details["by_group"].items()}
    assert told == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 300), factor=st.floats(0.2, 20))
def test_names_and_the_scale_of_weights_do_not_matter(
    name: str, seed: int, factor: float, rows: Rows
) -> None:
    sample = rows(500, groups=3, weighted=True, seed=seed)
    names = {"g0": "z", "g1": "y", "g2": "x"}
    group = np.array([names[g] for g in sample.columns["group"]], dtype=object)
    other = Sample({**sample.columns, "group": group}, sample.weight * factor)
    question = Question(rule=Rule("<=", 0.05), positive=1)
    one, two = (MEASURES[name].estimate(s, question) for s in (sample, other))
    assume(len({cell["value"] for cell in one.details["by_group"].values()}) == 3)  # no ties
    for figure in ("value", "low", "high", "low_adj", "high_adj", "p_fail", "p_pass"):
        assert getattr(two, figure) == pytest.approx(getattr(one, figure), rel=1e-7, abs=1e-9)
    assert two.details["pair"] == [names[g] for g in one.details["pair"]]


@pytest.mark.parametrize("name", NAMES)
def test_groups_with_the_same_rows_give_0(name: str, rows: Rows) -> None:
    once = rows(300, seed=2).columns
    columns = {k: np.concatenate([once[k]] * 3) for k in ("label", "predicted", "probs")}
    columns["group"] = np.repeat(np.array(["a", "b", "c"], dtype=object), 300)
    found = MEASURES[name].estimate(Sample(columns), ASK)
    assert found.value == pytest.approx(0, abs=1e-12)
    assert found.low == 0
    assert found.high > 0.005  # type: ignore[operator]


def test_calibration_is_compared_at_equal_n(rows: Rows) -> None:
    sample = rows(3000, groups=2, seed=3)
    small = (sample.columns["group"] == "g1") & (np.arange(3000) % 4 > 0)
    uneven = sample.take(~small)
    found = MEASURES["ece_difference"].estimate(uneven, ASK)
    cells = found.details["by_group"]
    assert cells["g0"]["denominator"] == cells["g1"]["denominator"] == cells["g1"]["n"]
    assert cells["g0"]["n"] > 3 * cells["g1"]["n"]
    whole = by_group(uneven, lambda s: ece.binned(s).debiased())
    assert cells["g1"]["value"] == pytest.approx(whole["g1"])


def test_the_small_group_does_not_look_worse_calibrated() -> None:
    """Both groups are calibrated; one has 8,000 rows and the other 400."""
    gaps, raw = [], []
    for seed in range(25):
        rng = np.random.default_rng(seed)
        p = rng.beta(2, 2, 8400)
        columns = {
            "label": (rng.random(8400) < p).astype(int),
            "probs": np.stack([1 - p, p], axis=1),
            "group": np.repeat(np.array(["many", "few"], dtype=object), [8000, 400]),
        }
        sample = Sample(columns)
        cells = MEASURES["ece_difference"].estimate(sample, ASK).details["by_group"]
        gaps.append(cells["few"]["value"] - cells["many"]["value"])
        plugin = by_group(sample, lambda s: ece.binned(s).plugin)
        raw.append(plugin["few"] - plugin["many"])
    assert abs(np.mean(gaps)) < 4 * np.std(gaps) / 5
    assert np.mean(raw) > 0.01


def test_three_classes_halve_the_brier_score_of_sklearn(rows: Rows) -> None:
    sample = rows(900, classes=3, groups=2, seed=4)
    expected = by_group(
        sample,
        lambda s: float(((s.columns["probs"] - np.eye(3)[s.columns["label"]]) ** 2).sum(1).mean()),
    )
    found = MEASURES["brier_difference"].estimate(sample, Question(positive=1, classes=3))
    assert found.value == pytest.approx(abs(expected["g0"] - expected["g1"]) / 2, rel=1e-9)


def test_a_group_without_the_figure_is_left_out_with_its_reason(rows: Rows) -> None:
    sample = rows(900, groups=3, seed=5)
    c = sample.columns
    right = np.where(c["group"] == "g2", c["label"], c["predicted"])
    found = MEASURES["treatment_equality_difference"].estimate(
        Sample({**c, "predicted": right}), ASK
    )
    assert "no false positives" in found.details["excluded"]["g2"]
    one_sided = np.where(c["group"] == "g2", 1, c["label"])
    found = MEASURES["auroc_difference"].estimate(Sample({**c, "label": one_sided}), ASK)
    assert "nothing to rank" in found.details["excluded"]["g2"]


def test_fewer_than_two_groups_is_not_estimable(rows: Rows) -> None:
    with pytest.raises(NotEstimable, match="fewer than two groups"):
        MEASURES["auroc_difference"].estimate(rows(100, groups=1), ASK)
    with pytest.raises(NotEstimable, match="fewer than the 80 asked for"):
        MEASURES["auroc_difference"].estimate(
            rows(200, groups=3, seed=8), Question(positive=1, minimum_n=80)
        )


def test_a_perfect_ranking_in_both_groups_has_an_interval() -> None:
    p = np.tile(np.linspace(0.1, 0.9, 40), 2)
    columns = {
        "label": (p > 0.5).astype(int),
        "probs": np.stack([1 - p, p], axis=1),
        "group": np.repeat(np.array(["a", "b"], dtype=object), 40),
    }
    found = MEASURES["auroc_difference"].estimate(Sample(columns), ASK)
    assert found.value == 0
    assert 0.05 < found.high < 0.3  # type: ignore[operator]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["auroc_difference", "mean_score_difference", "brier_difference"])
def test_the_limits_cover(name: str) -> None:
    held = []
    truth = _truth(name)
    for seed in range(4000):
        found = MEASURES[name].estimate(_scored(400, seed), ASK)
        held.append(found.low <= truth <= found.high)  # type: ignore[operator]
    assert 0.93 <= np.mean(held) <= 0.97


def _scored(n: int, seed: int) -> Sample:
    """Two groups; scores of the second are noisier and lower."""
    rng = np.random.default_rng(seed)
    group = np.repeat([0, 1], n // 2)
    label = rng.integers(2, size=n)
    x = 1.5 * (2 * label - 1) * np.where(group == 1, 0.3, 1.0) + rng.normal(size=n) - 0.5 * group
    p = 1 / (1 + np.exp(-x))
    columns = {
        "label": label,
        "probs": np.stack([1 - p, p], axis=1),
        "group": np.array(["a", "b"], dtype=object)[group],
    }
    return Sample(columns)


def _truth(name: str) -> float:
    return MEASURES[name].estimate(_scored(400_000, 10**6), ASK).value


def test_a_group_without_false_negatives_is_the_lowest_of_treatment_equality() -> None:
    label = np.tile([1] * 50 + [0] * 50, 3)
    predicted = label.copy()
    predicted[:20], predicted[50:70] = 0, 1  # a: 20 of each, 1.0
    predicted[150:190] = 1  # b: none missed, 40 granted, 0.0
    predicted[200:222], predicted[250:270] = 0, 1  # c: 22 and 20, 1.1
    group = np.repeat(np.array(["a", "b", "c"], dtype=object), 100)
    sample = Sample({"label": label, "predicted": predicted, "group": group})
    found = MEASURES["treatment_equality_difference"].estimate(sample, ASK)
    assert found.value == pytest.approx(1.1)
    assert found.details["pair"] == ["b", "c"]
    assert found.details["excluded"] == {}
    assert found.low is not None
    assert found.high is not None
    assert 0.3 < found.low < 1.1 < found.high < 3
