from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fmaudit.errors import NotEstimable, UnknownName
from fmaudit.stats.measures import MEASURES, get
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate, Rule, decode, encode

Rows = Callable[..., Sample]
WITHOUT_A_RULE = {"between_group_entropy", "selection_impact_ratio", "scoring_impact_ratio"}
"""Figures that no rule can gate, with no interval or a drawn one; each has tests of its own."""
OF_ONE_TEST = {"association_effect", "association_effect_change", "association_gap"}
"""Figures of the words of one test, which are not weighted; each has tests of its own."""
PEAKED = {"icat", "icat_change"}
"""Figures without an interval near their peak, where these rows lie; each has tests of its own."""
OF_ONE_GROUP = {"subgroup_auc", "bpsn_auc", "bnsp_auc"}
"""Figures of a group beside the others, which `group` tells apart; each has tests of its own."""
OF_FRAMES = {"descriptor_spread", "descriptor_spread_change", "likelihood_bias"}
"""Figures of sentences with every descriptor, which are not weighted; each has tests of its own."""
OF_SHARES = {"mean_answer_score", "mean_answer_score_change"}
"""Figures of a score from 0 to 1, which that of these rows is not; each has tests of its own."""
OWN_TESTS = WITHOUT_A_RULE | OF_ONE_TEST | PEAKED | OF_ONE_GROUP | OF_FRAMES | OF_SHARES
ON_FEW_ROWS = [
    name for name in MEASURES if not name.startswith("tpr_at_") and name not in OWN_TESTS
]
DESIGNS = {
    "plain": {},
    "clustered": {"clusters": 120},
    "weighted": {"weighted": True},
    "stratified": {"weighted": True, "strata": 3},
    "all": {"clusters": 120, "weighted": True, "strata": 3},
}


def ask(name: str, **more: object) -> Question:
    op = ">=" if "ratio" in name.split("_") else "<="
    return Question(
        rule=Rule(op, 0.1),
        m=4,
        positive=1,
        rng=np.random.default_rng(0),
        **more,  # type: ignore[arg-type]
    )


def test_unknown_measures_name_the_nearest() -> None:
    assert get("f1").name == "f1"
    with pytest.raises(UnknownName, match="flip_rate") as caught:
        get("fliprate", "probes/x.yaml")
    assert "probes/x.yaml" in str(caught.value)


def test_names_are_their_keys() -> None:
    assert all(name == measure.name for name, measure in MEASURES.items())


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("name", ON_FEW_ROWS)
def test_every_estimate_is_whole(name: str, design: str, rows: Rows) -> None:
    sample = rows(400, seed=3, **DESIGNS[design])
    found = MEASURES[name].estimate(sample, ask(name))
    assert found.low is not None
    assert found.high is not None
    assert found.low_adj is not None
    assert found.high_adj is not None
    assert found.p_fail is not None
    assert found.p_pass is not None
    assert found.low <= found.value <= found.high
    assert found.low_adj <= found.low or "ratio" in name or "difference" in name
    assert 0 <= found.p_fail <= 1
    assert 0 <= found.p_pass <= 1
    assert found.n <= sample.n
    assert found.clusters <= found.n
    assert decode(encode(found), Estimate) == found


@pytest.mark.parametrize("name", ON_FEW_ROWS)
def test_value_is_the_estimates_value(name: str, rows: Rows) -> None:
    sample = rows(300, classes=3, seed=4, clusters=90, weighted=True)
    measure = MEASURES[name]
    assert measure.value(sample, ask(name)) == pytest.approx(
        measure.estimate(sample, ask(name)).value, rel=1e-12
    )


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", ON_FEW_ROWS)
def test_tensors_give_the_figures_of_arrays(name: str, classes: int, rows: Rows) -> None:
    sample = rows(300, classes=classes, seed=5, weighted=True)
    columns = {
        key: column if column.dtype == object else torch.tensor(column)
        for key, column in sample.columns.items()
    }
    tensors = Sample(columns, sample.weight)
    a, b = (MEASURES[name].estimate(s, ask(name)) for s in (sample, tensors))
    assert a.value == pytest.approx(b.value, rel=1e-12, abs=1e-15)
    assert (a.low, a.high) == pytest.approx((b.low, b.high), rel=1e-12)


@pytest.mark.parametrize("name", ON_FEW_ROWS)
def test_no_rows_is_not_estimable(name: str, rows: Rows) -> None:
    empty = rows(60).take(np.zeros(60, dtype=bool))
    with pytest.raises(NotEstimable):
        MEASURES[name].estimate(empty, ask(name))


@pytest.mark.parametrize("name", [m.name for m in MEASURES.values() if m.needs_positive])
def test_one_against_the_rest_needs_a_positive_class(name: str, rows: Rows) -> None:
    with pytest.raises(NotEstimable, match="positive"):
        MEASURES[name].estimate(rows(200), Question())


@pytest.mark.parametrize("name", ON_FEW_ROWS)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000), design=st.sampled_from(sorted(DESIGNS)))
def test_the_order_of_rows_does_not_matter(name: str, seed: int, design: str, rows: Rows) -> None:
    sample = rows(200, seed=seed, **DESIGNS[design])
    order = np.random.default_rng(seed).permutation(sample.n)

    def turn(array: np.ndarray | None) -> np.ndarray | None:
        return None if array is None else array[order]

    turned = Sample(
        {key: column[order] for key, column in sample.columns.items()},
        turn(sample.weight), turn(sample.cluster), turn(sample.stratum),
    )  # fmt: skip
    question = Question(rule=ask(name).rule, positive=1)
    a, b = (MEASURES[name].estimate(s, question) for s in (sample, turned))
    for figure in ("value", "low", "high", "low_adj", "high_adj", "p_fail", "p_pass"):
        one, two = getattr(a, figure), getattr(b, figure)
        assert math.isclose(one, two, rel_tol=1e-7, abs_tol=1e-9), figure


@pytest.mark.parametrize("name", ON_FEW_ROWS)
def test_more_findings_widen_the_adjusted_bounds(name: str, rows: Rows) -> None:
    sample = rows(300, seed=6)
    few, many = (
        MEASURES[name].estimate(sample, Question(rule=ask(name).rule, positive=1, m=m))
        for m in (1, 20)
    )
    assert (few.low, few.high, few.p_fail) == (many.low, many.high, many.p_fail)
    assert many.low_adj <= few.low_adj  # type: ignore[operator]
    assert many.high_adj >= few.high_adj  # type: ignore[operator]
