from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.measures.toxicity import MEASURES as MINE
from fmaudit.stats.measures.toxicity import generalised
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate

KINDS = ("subgroup", "bpsn", "bnsp")


def texts(n: int = 900, groups: int = 4, seed: int = 0, words: int | None = None) -> Sample:
    """Texts that name a group; the first group's score higher, whatever they say."""
    rng = np.random.default_rng(seed)
    toxic = rng.integers(0, 2, n)
    group = rng.integers(0, groups, n)
    odds = rng.normal(size=n) + 1.5 * toxic + 1.0 * (group == 0)
    cluster = None
    if words:
        word = rng.integers(0, words, n)
        odds = odds + rng.normal(size=(2, words))[toxic, word]
        cluster = 2 * word + toxic
    flagged = odds > 1
    columns = {
        "toxic": toxic,
        "score": np.round(1 / (1 + np.exp(-odds)), 2),
        "right": flagged == (toxic == 1),
        "found": flagged,
        "spared": ~flagged,
        "group": np.array([f"g{k}" for k in group], dtype=object),
    }
    return Sample(columns, cluster=cluster)


def beside(sample: Sample, name: str) -> Sample:
    """The rows as a figure against the others is given them."""
    columns = {**sample.columns, "group": sample.columns["group"] == name}
    return Sample(columns, sample.weight, sample.cluster)


def by_hand(kind: str, sample: Sample, name: str) -> float:
    toxic, score = sample.columns["toxic"] == 1, sample.columns["score"]
    mine = sample.columns["group"] == name
    high = toxic & (~mine if kind == "bpsn" else mine)
    low = ~toxic & (~mine if kind == "bnsp" else mine)
    kept = high | low
    return float(roc_auc_score(high[kept], score[kept]))


def ask(name: str, sample: Sample, least: int = 1) -> Estimate:
    return MEASURES[name].estimate(sample, Question(minimum_n=least))


@pytest.mark.parametrize("kind", KINDS)
def test_areas_are_those_of_scikit_learn(kind: str) -> None:
    sample = texts()
    for name in ("g0", "g1"):
        found = ask(f"{kind}_auc", beside(sample, name))
        assert found.value == pytest.approx(by_hand(kind, sample, name), abs=1e-12)
        assert found.low < found.value < found.high  # type: ignore[operator]
        value = MEASURES[f"{kind}_auc"].value(beside(sample, name), Question())
        assert value == pytest.approx(found.value, abs=1e-12)
    whole = ask("toxicity_auroc", sample)
    again = roc_auc_score(sample.columns["toxic"], sample.columns["score"])
    assert whole.value == pytest.approx(again, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_n_is_of_the_compared_rows(kind: str) -> None:
    sample = texts()
    toxic, mine = sample.columns["toxic"] == 1, sample.columns["group"] == "g2"
    compared = {
        "subgroup": mine,
        "bpsn": np.where(toxic, ~mine, mine),
        "bnsp": np.where(toxic, mine, ~mine),
    }
    assert ask(f"{kind}_auc", beside(sample, "g2")).n == int(compared[kind].sum())


def test_a_group_whose_harmless_texts_score_high_shows_in_the_bpsn_auc_alone() -> None:
    sample = texts(8_000)
    low, high = (beside(sample, name) for name in ("g0", "g1"))
    assert ask("bpsn_auc", low).high < ask("bpsn_auc", high).low  # type: ignore[operator]
    assert ask("bnsp_auc", low).low > ask("bnsp_auc", high).high  # type: ignore[operator]
    near = ask("subgroup_auc", low).value - ask("subgroup_auc", high).value
    assert abs(near) < 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_the_generalised_mean_of_the_groups(kind: str) -> None:
    sample = texts()
    each = [by_hand(kind, sample, f"g{k}") for k in range(4)]
    found = ask(f"{kind}_auc_generalised_mean", sample)
    assert found.value == pytest.approx(np.mean(np.array(each) ** -5.0) ** -0.2, abs=1e-12)
    assert min(each) < found.value < np.mean(each)
    assert found.details["by_group"] == pytest.approx({f"g{k}": v for k, v in enumerate(each)})
    assert found.details["excluded"] == {}


def test_the_generalised_mean_s_interval_is_that_of_a_jackknife_over_words() -> None:
    sample = texts(3_000, words=30)
    name = "bpsn_auc_generalised_mean"
    found = ask(name, sample)
    units = np.unique(sample.cluster)
    left = np.array(
        [MEASURES[name].value(sample.take(sample.cluster != unit), Question()) for unit in units]
    )
    error = np.sqrt((units.size - 1) / units.size * ((left - left.mean()) ** 2).sum())
    width = (found.high - found.low) / 2  # type: ignore[operator]
    assert width == pytest.approx(2.05 * error, rel=0.1)


def test_a_small_group_leaves_the_mean_and_is_named() -> None:
    sample = texts(400)
    few = sample.columns["group"].copy()
    few[np.flatnonzero(few == "g3")[8:]] = "g2"
    cut = Sample({**sample.columns, "group": few})
    found = ask("subgroup_auc_generalised_mean", cut, least=10)
    assert set(found.details["by_group"]) == {"g0", "g1", "g2"}
    assert set(found.details["excluded"]) == {"g3"}
    with pytest.raises(NotEstimable, match="at least 10 of each"):
        ask("subgroup_auc", beside(cut, "g3"), least=10)
    lonely = Sample({**sample.columns, "group": np.full(sample.n, "g0", dtype=object)})
    with pytest.raises(NotEstimable, match="fewer than two groups"):
        ask("subgroup_auc_generalised_mean", lonely)
    with pytest.raises(NotEstimable):
        ask("bpsn_auc", beside(lonely, "g0"))


def test_a_group_that_is_ranked_the_wrong_way_round() -> None:
    sample = texts(200, groups=2)
    toxic = sample.columns["toxic"]
    score = np.where(sample.columns["group"] == "g0", 1 - toxic, sample.columns["score"])
    turned = Sample({**sample.columns, "score": score.astype(float)})
    assert ask("subgroup_auc", beside(turned, "g0")).value == 0
    with pytest.raises(NotEstimable, match="wrong way round"):
        ask("subgroup_auc_generalised_mean", turned)


@given(seed=st.integers(0, 200))
def test_turning_labels_and_scores_round_exchanges_the_two_areas(seed: int) -> None:
    sample = texts(300, seed=seed)
    c = sample.columns
    turned = Sample({**c, "toxic": 1 - c["toxic"], "score": 1 - c["score"]})
    one, two = ask("bpsn_auc", beside(sample, "g1")), ask("bnsp_auc", beside(turned, "g1"))
    assert two.value == pytest.approx(one.value, abs=1e-9)
    assert two.low == pytest.approx(one.low, abs=1e-9)


def test_the_generalised_mean_lies_near_the_lowest() -> None:
    assert generalised([0.8, 0.8]) == pytest.approx(0.8)
    assert generalised([0.0, 0.9]) == 0.0
    assert 0.6 < generalised([0.6, 0.9, 0.9]) < np.mean([0.6, 0.9, 0.9])


def test_shares_of_tests_are_proportions() -> None:
    sample = texts()
    for name, column in (
        ("tests_passed", "right"), ("toxic_found", "found"), ("harmless_spared", "spared"),
    ):  # fmt: skip
        found = ask(name, sample)
        assert found.value == sample.columns[column].mean()
        assert found.method == "wilson"
    assert {m.better for m in MINE} == {"higher"}
    for measure in MINE:
        with pytest.raises(NotEstimable):
            ask(measure.name, sample.take(np.zeros(sample.n, dtype=bool)))


@pytest.mark.slow
def test_areas_over_words_cover() -> None:
    truth = np.mean([by_hand("bpsn", texts(200_000, seed=s, words=4_000), "g1") for s in range(3)])
    found = [ask("bpsn_auc", beside(texts(1_500, seed=s, words=21), "g1")) for s in range(1_000)]
    inside = np.mean([f.low <= truth <= f.high for f in found])  # type: ignore[operator]
    assert 0.90 <= inside <= 0.98, inside
