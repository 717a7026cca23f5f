from __future__ import annotations

import msgspec
import pytest

from fmaudit import measured, recording
from fmaudit.models.base import Facts
from fmaudit.recording import exit_code
from fmaudit.types import Coverage, Finding, Rate

NAMED = {"bias.named"}


def finding(verdict: str, probe: str = "bias.other") -> Finding:
    return Finding(probe, "bias", "accuracy", {}, None, None, verdict)


def coverage(status: str, probe: str = "bias.other") -> Coverage:
    return Coverage(probe, "bias", status)


def code(*verdicts: str | Finding, covered: tuple[Coverage, ...] = (), named=NAMED) -> int:
    found = [v if isinstance(v, Finding) else finding(v) for v in verdicts]
    return exit_code(found, covered, set(named))


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["pass"], 0),
        (["measured"], 0),
        (["pass", "measured", "not_tested"], 0),
        (["fail"], 1),
        (["inconclusive"], 3),
        (["not_tested"], 3),
        ([], 3),
        (["error"], 4),
    ],
)
def test_each_exit_code(verdicts, expected):
    assert code(*verdicts) == expected


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["error", "fail", "inconclusive", "not_tested", "pass", "measured"], 4),
        (["fail", "inconclusive", "not_tested", "pass", "measured"], 1),
        (["inconclusive", "not_tested", "pass", "measured"], 3),
        (["not_tested", "pass", "measured"], 0),
    ],
)
def test_the_gravest_comes_first_in_any_order(verdicts, expected):
    assert code(*verdicts) == code(*verdicts[::-1]) == expected


def test_a_probe_that_broke_is_4_even_where_it_left_no_finding():
    assert code("pass", covered=(coverage("error"),)) == 4
    assert code("fail", covered=(coverage("error"),)) == 4


def test_a_probe_named_by_id_and_not_tested_is_3():
    assert code("pass", covered=(coverage("not_tested", "bias.named"),)) == 3
    assert code("fail", covered=(coverage("not_tested", "bias.named"),)) == 1


def test_a_probe_that_was_not_named_may_be_left_out():
    left = (coverage("not_tested"), coverage("not_asked", "bias.named"))
    assert code("pass", covered=left) == 0


def test_a_named_probe_that_ran_and_could_say_nothing_is_3():
    ran = (coverage("ran", "bias.named"),)
    assert code("pass", finding("not_tested", "bias.named"), covered=ran) == 3
    heard = [finding("not_tested", "bias.named"), finding("measured", "bias.named")]
    assert code("pass", *heard, covered=ran) == 0
    assert code("pass", finding("not_tested"), covered=ran) == 0


def test_a_family_that_is_named_is_no_probe_named_by_id():
    left = (coverage("not_tested"),)
    assert code("pass", finding("not_tested"), covered=left, named={"bias"}) == 0


def test_whole_audits_in_families_of_another_size_are_stale():
    """More rules in a family make each harder to fail: the rate of before does not speak of it."""
    rate = Rate(0.0, 0.0, 0.01, 400)
    figure = measured.Simulated("accuracy", ">=", 0.9, 0.8, 500, 10, rate, rate, rate)
    found = measured.Measured("robustness.noise", "0", "a", "b", "planted", (figure,))
    error = measured.Known(found, changed=False, stale=())
    then = measured.Whole({"robustness.noise": 500}, {"robustness": 6}, rate, {})
    assert recording._other_m(error, then)
    assert not recording._other_m(error, msgspec.structs.replace(then, m={"robustness": 10}))


@pytest.mark.parametrize(
    ("tuned", "base", "asked"),
    [(True, True, True), (True, False, False), (False, True, False), (False, False, False)],
)
def test_a_base_is_asked_through_its_template_where_the_tuned_model_is(tuned, base, asked):
    """Where the tuned model has none, both are given prompts as they are."""
    one, other = (
        Facts("causal", "m", (), "cpu", "float32", "sdpa", 96, 7, "ab", {}, chat=chat)
        for chat in (tuned, base)
    )
    assert recording._before(other, one)["chat"] is asked
