"""The figures of group fairness, by both writings of the same rows."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.compare import compared
from fmaudit.reporting.verify.estimates import Ask
from fmaudit.reporting.verify.fairness import FIGURES
from fmaudit.reporting.verify.resampled import Limit
from fmaudit.reporting.verify.rows import Rows
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate, Finding, Rule

DRAWN = ("selection_impact_ratio", "scoring_impact_ratio")
CLOSED = [name for name in FIGURES if name not in DRAWN]


def columns(n: int, seed: int, groups: int = 3, classes: int = 2) -> dict[str, Any]:
    """A classifier's rows of some groups, in two levels of a control."""
    rng = np.random.default_rng(seed)
    label = rng.integers(classes, size=n)
    score = rng.normal(size=(n, classes)).round(1)
    score[np.arange(n), label] += 0.8
    probs = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    sexes = np.array(["Female & A", "Female & B", "Male & B", ""], dtype=object)
    return {
        "label": label,
        "predicted": probs.argmax(axis=1),
        "probs": probs,
        "group": np.array([f"g{k}" for k in range(groups)], dtype=object)[
            rng.integers(groups, size=n)
        ],
        "control": np.array(["high", "low"], dtype=object)[rng.integers(2, size=n)],
        "category": sexes[rng.choice(4, n, p=[0.3, 0.02, 0.6, 0.08])],
        "selected": rng.random(n) < 0.4,
        "score": rng.normal(size=n).round(1),
        "number": (number := rng.uniform(0, 1, n).round(2)),
        "predicted_number": (number + rng.normal(0, 0.1, n)).clip(0, 1),
    }


def both(
    c: dict[str, Any], per: int = 1, strata: int = 1, weighted: bool = False, seed: int = 0
) -> tuple[Sample, Rows]:
    """The same rows, as the audit's arrays and as those of the second writing."""
    n = len(c["label"])
    rng = np.random.default_rng(seed)
    unit = np.arange(n) // per
    stratum = unit % strata
    weight = rng.choice([0.5, 1.0, 3.0], n) if weighted else np.ones(n)
    whole = np.bincount(np.unique(np.stack([unit, stratum]), axis=1)[1]) if strata > 1 else None
    return Sample(c, weight, unit, stratum), Rows(c, weight, unit, stratum, whole)


def agree(name: str, sample: Sample, rows: Rows, rule: Rule | None, least: int, k: int) -> None:
    """Both give the same figure with the same details, or neither does."""
    compute, _, positive = FIGURES[name]
    found: Estimate | None = None
    rng = np.random.default_rng(0)
    question = Question(rule, 6, 1 if positive else None, k, least, rng)
    with suppress(NotEstimable):
        found = MEASURES[name].estimate(sample, question)
    stored = found.details if found else {}
    driver = (frozenset(stored.get("pair", ())), stored.get("rate", stored.get("level")))
    ask = Ask(rule, 6, 1 if positive else -1, k, least, driver)
    if found is None:
        with pytest.raises(NotEstimable):
            compute(rows, ask)
        return
    told = Finding("bias.x", "bias", name, {}, found, rule, "measured")
    checks = list(compared(told, compute(rows, ask)))
    wrong = [(c.figure, c.stored, c.recomputed, c.note) for c in checks if not c.ok]
    assert not wrong
    unseen = {c.figure for c in checks if c.how == "not from evidence"}
    assert unseen <= {"details.no_interval"}


@pytest.mark.parametrize("name", CLOSED)
@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(20, 400),
    seed=st.integers(0, 999),
    per=st.integers(1, 3),
    strata=st.sampled_from([1, 1, 3]),
    weighted=st.booleans(),
    groups=st.integers(1, 4),
    ruled=st.booleans(),
)
def test_both_writings_agree(
    name: str, n: int, seed: int, per: int, strata: int, weighted: bool, groups: int, ruled: bool
) -> None:
    sample, rows = both(columns(n, seed, groups), per, strata, weighted, seed)
    rule = Rule(">=" if name.endswith("_ratio") else "<=", 0.1) if ruled else None
    agree(name, sample, rows, rule, 15, 2)


@pytest.mark.parametrize("name", CLOSED)
def test_they_agree_on_three_classes_and_large_groups(name: str) -> None:
    sample, rows = both(columns(3000, 5, 3, 3), weighted=True)
    agree(name, sample, rows, None, 50, 3)


@pytest.mark.parametrize("name", CLOSED)
def test_they_agree_where_decisions_are_all_right_or_all_the_same(name: str) -> None:
    c = columns(300, 6)
    for predicted in (c["label"], np.ones(300, dtype=int), np.zeros(300, dtype=int)):
        sample, rows = both({**c, "predicted": predicted})
        agree(name, sample, rows, None, 10, 2)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("per", [1, 3])
@pytest.mark.parametrize("strata", [1, 2])
@pytest.mark.parametrize("name", DRAWN)
def test_what_was_drawn_agrees_within_its_error(
    name: str, strata: int, per: int, weighted: bool
) -> None:
    for seed in range(3):
        sample, rows = both(columns(1200, seed), per, strata, weighted, seed)
        agree(name, sample, rows, None, 10, 2)


@pytest.mark.parametrize("name", DRAWN)
def test_a_drawn_limit_that_was_moved_is_found(name: str) -> None:
    sample, rows = both(columns(1200, 1))
    found = MEASURES[name].estimate(sample, Question(rng=np.random.default_rng(0)))
    assert found.low is not None
    moved = Estimate(found.value, found.low - 0.4, found.high, found.n, found.clusters,
                     found.method, details=found.details)  # fmt: skip
    again = FIGURES[name][0](rows, Ask(None, 1, -1, 2, 1))
    told = Finding("bias.x", "bias", name, {}, moved, None, "measured")
    checks = list(compared(told, again))
    assert [c.figure for c in checks if not c.ok] == ["low"]
    assert {c.how for c in checks if c.figure in ("low", "high")} == {"resampled"}


def test_a_limit_holds_others_draws_of_the_same() -> None:
    rng = np.random.default_rng(0)
    found = Limit.of(rng.normal(size=2000), 0.025, 1000)
    others = [np.quantile(rng.normal(size=1000), 0.025) for _ in range(500)]
    assert np.mean([found.agrees(float(other)) for other in others]) == 1
    assert not found.agrees(-3.5)
    assert not found.agrees(-1.2)
    assert float(found.held(-2.5, below=True)) == -2.5


def test_the_columns_are_those_of_the_measures() -> None:
    for name, (_, names, positive) in FIGURES.items():
        assert {*names} == {*MEASURES[name].columns} - {"group"}
        assert positive == MEASURES[name].needs_positive


@pytest.mark.parametrize("per", [1, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_they_agree_on_a_group_without_false_negatives(per: int, weighted: bool) -> None:
    c = columns(400, 11)
    none = (c["group"] == "g1") & (c["label"] == 1)
    c["predicted"] = np.where(none, 1, c["predicted"])
    sample, rows = both(c, per, 1, weighted)
    found = MEASURES["treatment_equality_difference"].estimate(sample, Question(positive=1))
    assert found.details["by_group"]["g1"]["value"] == 0
    agree("treatment_equality_difference", sample, rows, None, 10, 2)
