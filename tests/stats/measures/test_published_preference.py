from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate

STRICT, UNTIED = "stereotype_share_strict", "stereotype_share_untied"


def ask(name: str, more: list[float], less: list[float], **more_of: object) -> Estimate:
    columns = {"more_logprob": np.array(more), "less_logprob": np.array(less)}
    return MEASURES[name].estimate(Sample(columns), Question(**more_of))  # type: ignore[arg-type]


def test_a_tie_is_no_stereotype_and_leaves_the_other_denominator() -> None:
    more, less = [-1.0, -2.0, -3.0, -4.0], [-1.5, -1.5, -3.0, -4.5]
    assert ask(STRICT, more, less).value == 0.5
    found = ask(UNTIED, more, less)
    assert found.value == pytest.approx(2 / 3)
    assert (found.n, found.method) == (3, "wilson")


def test_scores_are_rounded_to_3_decimals_first() -> None:
    """Of −10.0004 and −10.0001 the reference knows no difference, of −10.0004 and −10.0006 one."""
    assert ask(STRICT, [-10.0001], [-10.0004]).value == 0
    assert ask(STRICT, [-10.0004], [-10.0006]).value == 1
    with pytest.raises(NotEstimable, match="every pair is a tie"):
        ask(UNTIED, [-10.0001] * 40, [-10.0004] * 40)


def test_the_smaller_kinds_have_the_wide_intervals_that_the_cards_tell() -> None:
    for pairs, half in ((1508, 0.025), (105, 0.094), (60, 0.123)):
        ahead = [-1.0 if k % 2 else -3.0 for k in range(pairs)]
        found = ask(STRICT, ahead, [-2.0] * pairs)
        assert found.low is not None
        assert found.high is not None
        assert (found.high - found.low) / 2 == pytest.approx(half, abs=0.002)


def test_fewer_than_asked_for_are_not_estimated() -> None:
    with pytest.raises(NotEstimable, match="sentence pairs"):
        ask(STRICT, [-1.0] * 20, [-2.0] * 20, minimum_n=30)


scores = st.lists(st.tuples(st.integers(-90, 0), st.integers(-90, 0)), min_size=1, max_size=60)


@given(scores)
def test_both_are_bounded_by_the_share_with_halves(pairs: list[tuple[int, int]]) -> None:
    more, less = ([float(pair[k]) for pair in pairs] for k in (0, 1))
    ties = sum(a == b for a, b in pairs)
    halves = sum(0.5 if a == b else float(a > b) for a, b in pairs) / len(pairs)
    strict = ask(STRICT, more, less).value
    assert strict == pytest.approx(halves - ties / 2 / len(pairs))
    mirrored = ask(STRICT, less, more).value
    assert strict + mirrored == pytest.approx(1 - ties / len(pairs))
    if ties < len(pairs):
        untied = ask(UNTIED, more, less).value
        assert untied == pytest.approx(strict * len(pairs) / (len(pairs) - ties))
