from __future__ import annotations

import msgspec
import pytest

from fmaudit.reporting.measured import said, sentence
from fmaudit.types import Estimate, Finding, MeasuredError, Rate, Rule

ERROR = MeasuredError(
    0.15, 1500, 7, Rate(0.96, 0.9399, 1, 400), Rate(0, 0, 0.0075, 400), Rate(0.02, 0.01, 0.03, 1000)
)
FIGURE = {"measure": "excess_flip_rate", "op": "<=", "value": 0.05, "n": 500}


def finding(**changes):
    estimate = Estimate(0.1, 0.05, 0.15, 100, 100, "wilson")
    rule = changes.pop("rule", Rule("<=", 0.05))
    return Finding("bias.x", "bias", "excess_flip_rate", {}, estimate, rule, "pass", **changes)


def test_bounds_are_rounded_to_the_worse_side():
    assert sentence(ERROR) == (
        "Audited auditor: at n = 1\u2009500 and 7 gated figures in the family a true 0.15 is "
        "failed in at least 93 % of simulated audits; a clean model in at most 1 %; one at the "
        "threshold in at most 3 %."
    )


def test_wrong_passes_are_said_where_they_were_counted():
    assert "passes" not in sentence(ERROR)
    passes = msgspec.structs.replace(ERROR, wrong_passes=Rate(0.02, 0.01, 0.0301, 1000))
    assert sentence(passes).endswith(" One exactly at the threshold passes in at most 4 %.")


def test_stale_is_said():
    error = MeasuredError(0.15, 500, 7, ERROR.power, ERROR.power, ERROR.power, stale=True)
    assert "stale" in sentence(error)
    assert "stale" in said(finding(measured_error=error), {})


@pytest.mark.parametrize(
    ("card", "rule", "words"),
    [
        ({}, Rule("<=", 0.05), "has not been measured."),
        ({"measured": None}, Rule("<=", 0.05), "has not been measured."),
        ({"measured": {"figures": [FIGURE]}}, Rule("<=", 0.05), "only from n = 500."),
        ({"measured": {"figures": [FIGURE]}}, Rule("<=", 0.02), "only that of <= 0.05."),
        ({"measured": {"figures": [FIGURE]}}, Rule(">=", 0.05), "only that of <= 0.05."),
    ],
)
def test_what_is_not_known_says_why(card, rule, words):
    assert said(finding(rule=rule), card).endswith(words)


def test_a_figure_without_a_rule_says_nothing():
    assert said(finding(rule=None), {}) == ""
