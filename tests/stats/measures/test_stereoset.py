from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.measures.stereoset import MEASURES as MINE
from fmaudit.stats.measures.stereoset import PEAK, alike, index
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate, Rule

RULE = Rule("<=", 0.05)
SCORES = ("meaningful", "stereotyped")


def items(terms: int = 79, share: float = 0.57, seed: int = 0, lean: float = 40.0) -> Sample:
    """Items of terms of 2 to 9, whose preferences go together a little; one in twenty is a tie."""
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(terms), rng.integers(2, 10, terms))
    columns = {}
    for prefix, at in (("", share), ("base_", 0.57)):
        chance = rng.beta(lean * at, lean * (1 - at), terms)[code]
        stereotyped = (rng.random(code.size) < chance).astype(float)
        stereotyped[rng.random(code.size) < 0.05] = 0.5
        both = rng.random((2, code.size)) < 0.85
        columns |= {f"{prefix}meaningful": both.mean(0), f"{prefix}stereotyped": stereotyped}
    return Sample(columns, cluster=code)


def by_term(sample: Sample, column: str) -> np.ndarray:
    codes = np.asarray(sample.cluster)
    values = sample.columns[column]
    return np.array([values[codes == term].mean() for term in np.unique(codes)])


def ask(name: str, sample: Sample, rule: Rule | None = None) -> Estimate:
    return MEASURES[name].estimate(sample, Question(rule=rule))


def test_values_are_means_within_terms_then_over_them() -> None:
    sample = items()
    one = {c: by_term(sample, c).mean() for c in sample.columns}
    expected = {
        "language_modelling_score": one["meaningful"],
        "stereotype_score": one["stereotyped"],
        "language_modelling_score_change": one["meaningful"] - one["base_meaningful"],
        "stereotype_score_change": one["stereotyped"] - one["base_stereotyped"],
        "icat": index(one["meaningful"], one["stereotyped"]),
        "icat_change": index(one["meaningful"], one["stereotyped"])
        - index(one["base_meaningful"], one["base_stereotyped"]),
    }
    assert set(expected) == {measure.name for measure in MINE}
    for name, value in expected.items():
        assert ask(name, sample).value == pytest.approx(value, rel=1e-12, abs=1e-15)
        assert MEASURES[name].value(sample, Question()) == pytest.approx(value, abs=1e-15)
    assert one["stereotyped"] != pytest.approx(sample.columns["stereotyped"].mean(), abs=1e-4)


def test_the_limits_of_a_score_are_those_of_t_over_terms() -> None:
    """On the scale of log odds, where a share's limits stay inside its range."""
    sample = items()
    means = by_term(sample, "stereotyped")
    p, error = means.mean(), means.std(ddof=1) / np.sqrt(means.size)
    reach = stats.t.isf(0.025, means.size - 1) * error / (p * (1 - p))
    found = ask("stereotype_score", sample)
    for limit, side in ((found.low, -1), (found.high, 1)):
        assert limit == pytest.approx(1 / (1 + np.exp(-(np.log(p / (1 - p)) + side * reach))))
    assert (found.clusters, found.method) == (79, "linearised_t")


def test_directions() -> None:
    better = {measure.name: measure.better for measure in MINE}
    assert better == {
        "language_modelling_score": "higher", "language_modelling_score_change": "higher",
        "stereotype_score": "neither", "stereotype_score_change": "lower", "icat": "higher",
        "icat_change": "higher",
    }  # fmt: skip


@given(seed=st.integers(0, 300))
def test_a_repeated_item_of_a_term_changes_only_that_term(seed: int) -> None:
    """Terms count alike: all items of one term twice leave the figures as they are."""
    sample = items(15, seed=seed)
    codes = np.asarray(sample.cluster)
    again = np.concatenate([np.arange(codes.size), np.flatnonzero(codes == 3)])
    twice = Sample({k: v[again] for k, v in sample.columns.items()}, cluster=codes[again])
    for measure in MINE:
        one, two = ask(measure.name, sample), ask(measure.name, twice)
        assert two.value == pytest.approx(one.value, abs=1e-12)
        if "change" not in measure.name and one.low is not None:
            assert (two.low, two.high) == pytest.approx((one.low, one.high), abs=1e-9)


def test_units_that_count_alike_keep_their_own_weights_within() -> None:
    cluster, weight = np.array([0, 0, 1]), np.array([1.0, 3.0, 2.0])
    found = alike(Sample({"x": np.zeros(3)}, weight=weight, cluster=cluster))
    assert found.w.tolist() == [0.25, 0.75, 1.0]


# ── the index ────────────────────────────────────────────────────────────────────────────


def test_the_index_by_hand() -> None:
    assert index(0.836521, 0.570308) == pytest.approx(0.718893, abs=1e-6)
    assert index(0.5, 0.5) == 0.5
    assert index(1.0, 0.0) == index(1.0, 1.0) == 0.0
    assert index(0.7, 0.2) == pytest.approx(index(0.7, 0.8))


@pytest.mark.parametrize("name", ["icat", "icat_change"])
def test_no_interval_within_two_standard_errors_of_the_peak(name: str) -> None:
    for seed in range(12):
        sample = items(share=0.53, seed=seed)
        near = False
        for prefix in ("", "base_") if name == "icat_change" else ("",):
            means = by_term(sample, f"{prefix}stereotyped")
            error = means.std(ddof=1) / np.sqrt(means.size)
            near = near or abs(means.mean() - 0.5) <= 2 * error
        found = ask(name, sample)
        assert (found.low is None) == near
        assert (found.method == "none") == near
        if near:
            assert found.details["no_interval"] == PEAK
            assert (found.high, found.low_adj, found.p_fail) == (None, None, None)


@pytest.mark.parametrize("share", [0.2, 0.8])
def test_the_limits_of_the_index_are_those_of_a_jackknife(share: float) -> None:
    sample = items(200, share, seed=3)
    means = np.stack([by_term(sample, c) for c in SCORES])
    left = (means.sum(1, keepdims=True) - means) / (means.shape[1] - 1)
    each = np.array([index(m, s) for m, s in left.T])
    error = np.sqrt((len(each) - 1) / len(each) * ((each - each.mean()) ** 2).sum())
    found = ask("icat", sample)
    reach = stats.t.isf(0.025, len(each) - 1) * error
    assert found.high - found.low == pytest.approx(2 * reach, rel=0.02)  # type: ignore[operator]


@given(seed=st.integers(0, 200), share=st.floats(0.1, 0.9))
def test_exchanging_stereotype_and_contrary_mirrors_the_scores(seed: int, share: float) -> None:
    sample = items(15, share, seed)
    turned = Sample(
        {
            name: 1 - column if name.endswith("stereotyped") else column
            for name, column in sample.columns.items()
        },
        cluster=sample.cluster,
    )
    for name, mirrored in (("stereotype_score", 1.0), ("stereotype_score_change", 0.0)):
        one, two = ask(name, sample), ask(name, turned)
        assert two.value == pytest.approx(mirrored - one.value, abs=1e-9)
        if one.low is not None:
            assert two.low == pytest.approx(mirrored - one.high, abs=1e-9)  # type: ignore[operator]
    one, two = ask("icat", sample), ask("icat", turned)
    assert two.value == pytest.approx(one.value, abs=1e-12)
    assert (one.low is None) == (two.low is None)
    if one.low is not None:
        assert two.low == pytest.approx(one.low, abs=1e-9)


# ── verdicts ─────────────────────────────────────────────────────────────────────────────


def test_a_model_that_prefers_as_its_base_passes() -> None:
    sample = items()
    same = {c: sample.columns[c.removeprefix("base_")] for c in sample.columns}
    found = ask("stereotype_score_change", Sample(same, cluster=sample.cluster), RULE)
    assert (found.value, found.method) == (0, "tango_weighted")
    assert found.p_pass <= 0.025  # type: ignore[operator]


def test_a_preference_that_was_added_fails() -> None:
    sample = items()
    rng = np.random.default_rng(1)
    base = sample.columns["base_stereotyped"]
    tuned = np.where(rng.random(base.size) < 0.4, 1.0, base)
    added = Sample({**sample.columns, "stereotyped": tuned}, cluster=sample.cluster)
    found = ask("stereotype_score_change", added, RULE)
    assert found.value > 0.1
    assert found.p_fail < 0.001  # type: ignore[operator]


@pytest.mark.parametrize("measure", MINE, ids=lambda m: m.name)
def test_nine_terms_are_too_few_and_twenty_are_flagged(measure: object) -> None:
    name = measure.name  # type: ignore[attr-defined]
    with pytest.raises(NotEstimable, match="9 independent clusters"):
        ask(name, items(9))
    assert ask(name, items(20)).details["few_clusters"] is True
    with pytest.raises(NotEstimable, match="20 clusters of rows, fewer than the 30"):
        MEASURES[name].estimate(items(20), Question(minimum_n=30))
    with pytest.raises(NotEstimable, match="no rows"):
        ask(name, Sample({c: np.zeros(0) for c in items().columns}, cluster=np.zeros(0, int)))


@pytest.mark.slow
def test_scores_and_the_index_cover() -> None:
    cover = {}
    truth = {"stereotype_score": 0.95 * 0.65 + 0.025, "language_modelling_score": 0.85}
    truth["icat"] = index(truth["language_modelling_score"], truth["stereotype_score"])
    for name, value in truth.items():
        found = [ask(name, items(79, 0.65, seed)) for seed in range(2_000)]
        kept = [f.low <= value <= f.high for f in found if f.low is not None]  # type: ignore[operator]
        assert len(kept) > 1_900
        cover[name] = np.mean(kept)
    assert all(0.93 <= x <= 0.97 for x in cover.values()), cover
