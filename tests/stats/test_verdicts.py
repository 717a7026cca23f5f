from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.stats.multiplicity import holm
from fmaudit.stats.verdicts import decide
from fmaudit.types import Estimate, Rule

RULE = Rule("<=", 0.05)


def estimate(p_fail: float | None, p_pass: float | None) -> Estimate:
    return Estimate(
        0.03, 0.01, 0.06, 100, 100, "wilson", p_fail=p_fail, p_pass=p_pass
    )  # fmt: skip


def test_each_verdict() -> None:
    found = decide(
        [
            (estimate(0.9, 0.001), RULE),
            (estimate(0.001, 0.9), RULE),
            (estimate(0.5, 0.5), RULE),
            (estimate(None, None), None),
        ]
    )
    assert [d.verdict for d in found] == ["pass", "fail", "inconclusive", "measured"]
    assert found[2].needed_n == 319
    assert "0.05" in found[2].reason
    assert found[0].needed_n is None


def test_failing_alone_is_not_failing_in_a_family() -> None:
    lone = (estimate(0.02, 0.98), RULE)
    assert decide([lone])[0].verdict == "fail"
    within = decide([lone], m=5)[0]
    assert within.verdict == "inconclusive"
    assert "family" in within.reason


def test_passing_needs_no_adjustment() -> None:
    assert decide([(estimate(0.98, 0.02), RULE)], m=50)[0].verdict == "pass"


def test_a_gated_figure_without_interval_is_inconclusive() -> None:
    bare = Estimate(
        0.3, None, None, 10, 10, "none", details={"no_interval": "all rows give the same value"}
    )
    found = decide([(bare, RULE)])[0]
    assert found.verdict == "inconclusive"
    assert found.reason == "all rows give the same value"


def test_a_family_smaller_than_its_findings_is_refused() -> None:
    with pytest.raises(ValueError, match="family"):
        decide([(estimate(0.1, 0.9), RULE)] * 3, m=2)


p_values = st.floats(0, 1)


@given(st.lists(st.tuples(p_values, st.booleans()), max_size=10), st.integers(0, 5))
def test_exactly_one_verdict_and_holm_decides_failing(
    drawn: list[tuple[float, bool]], more: int
) -> None:
    findings = [(estimate(p, 1 - p), RULE if gated else None) for p, gated in drawn]
    gated = [p for p, has_rule in drawn if has_rule]
    found = decide(findings, len(gated) + more)
    adjusted = iter(holm(gated, len(gated) + more))
    for (p, has_rule), decision in zip(drawn, found, strict=True):
        if not has_rule:
            assert decision.verdict == "measured"
            continue
        fails = next(adjusted) <= 0.025
        passes = 1 - p <= 0.025 and not fails
        expected = "fail" if fails else "pass" if passes else "inconclusive"
        assert decision.verdict == expected
