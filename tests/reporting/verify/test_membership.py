"""Both writings of the membership figures, on rows of every kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify.compare import compared
from fmaudit.reporting.verify.estimates import Ask
from fmaudit.reporting.verify.figures import FIGURES
from fmaudit.reporting.verify.rows import Rows
from fmaudit.stats.measures import get
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Finding, Rule

NAMES = (
    "tpr_at_1_percent_fpr",
    "tpr_at_0_1_percent_fpr",
    "membership_auc",
    "blind_auc",
    "membership_advantage",
)


def columns(
    members: int, others: int, seed: int, digits: int = 9, drawn: bool = True, shift: float = 0.3
) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    member = rng.permutation(np.arange(members + others) < members)
    n = members + others
    return {
        "member": member,
        "score": np.round(rng.normal(size=n) + shift * member, digits),
        "blind": rng.normal(size=n),
        "blind_p": np.full(n, 0.2),
        "overlap": np.full(n, 0.01),
        "drawn": np.full(n, drawn),
    }


def differences(name: str, rows: dict[str, Any], rule: Rule | None, m: int = 2) -> list[Any]:
    """What the two writings do not agree on; both must find that there is no figure."""
    n = len(rows["member"])
    question = Question(rule=rule, m=m, minimum_n=20)
    ask = Ask(rule, m, -1, 2, 20)
    again = Rows(rows, np.ones(n), np.arange(n), np.zeros(n, dtype=int), None)
    figure, measure = FIGURES[name], get(name)
    assert set(figure.columns) == set(measure.columns)
    try:
        stored = measure.estimate(Sample(rows), question)
    except NotEstimable:
        with pytest.raises(NotEstimable):
            figure.compute(again, ask)
        return []
    finding = Finding("privacy.x", "privacy", name, {}, stored, rule, "measured")
    return [check for check in compared(finding, figure.compute(again, ask)) if not check.ok]


@given(
    members=st.integers(1000, 1400),
    others=st.integers(900, 1400),
    seed=st.integers(0, 10_000),
    digits=st.sampled_from([0, 1, 9]),
    shift=st.sampled_from([0.0, 0.4, 3.0, -9.0]),
    threshold=st.sampled_from([0.0, 0.01, 0.027, 0.5, 1.0]),
    op=st.sampled_from(["<=", ">="]),
    drawn=st.booleans(),
    apart=st.sampled_from([-0.5, -0.06, 0.0, 0.06, 0.5]),
    p=st.sampled_from([0.002, 0.4]),
)
@settings(max_examples=40, deadline=None)
def test_both_writings_agree(
    members: int, others: int, seed: int, digits: int, shift: float, threshold: float, op: Any,
    drawn: bool, apart: float, p: float,
) -> None:  # fmt: skip
    rows = columns(members, others, seed, digits, drawn, shift)
    rows["blind"] = rows["blind"] + apart * rows["member"]
    rows["blind_p"] = np.full(len(rows["blind_p"]), p)
    for name in NAMES:
        assert differences(name, rows, Rule(op, threshold)) == []
        assert differences(name, rows, None) == []


def test_both_writings_agree_at_one_in_a_thousand() -> None:
    rows = columns(1500, 10_000, 1, shift=0.6)
    assert get(NAMES[1]).estimate(Sample(rows), Question()).details["false_positives_allowed"] == 10
    assert differences(NAMES[1], rows, Rule("<=", 0.003)) == []


@pytest.mark.parametrize("change", [{"overlap": 0.2}, {"blind_p": 0.001}, {"drawn": False}])
@pytest.mark.parametrize("way", [1.0, -1.0])
def test_both_writings_refuse_what_cannot_be_read(change: dict[str, Any], way: float) -> None:
    rows = columns(1000, 1000, 3)
    rows["blind"] = way * rows["member"]
    rows |= {name: np.full(2000, value) for name, value in change.items()}
    with pytest.raises(NotEstimable, match="not interpretable"):
        get(NAMES[0]).estimate(Sample(rows), Question())
    assert differences(NAMES[0], rows, None) == []
    assert differences("membership_advantage", rows, None) == []


def test_a_changed_figure_is_found() -> None:
    rows = columns(1000, 1000, 3)
    turned = {**rows, "score": rows["score"] + 0.2 * rows["member"]}
    stored = get(NAMES[0]).estimate(Sample(rows), Question())
    ask = Ask(None, 1, -1, 2, 20)
    other = Rows(turned, np.ones(2000), np.arange(2000), np.zeros(2000, dtype=int), None)
    fresh = FIGURES[NAMES[0]].compute(other, ask)
    finding = Finding("privacy.x", "privacy", NAMES[0], {}, stored, None, "measured")
    assert {c.figure for c in compared(finding, fresh) if not c.ok} >= {"value", "low", "high"}
