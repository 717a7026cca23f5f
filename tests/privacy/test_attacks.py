from __future__ import annotations

import math
import zlib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support_texts import scored

from fmaudit.privacy import attacks

nats = st.floats(-40, 0)
pairs = st.lists(st.tuples(nats, nats, st.integers(0, 3)), min_size=1, max_size=30)


def both(drawn):
    one, two, ranks = zip(*drawn, strict=True)
    return scored(one, ranks), scored(two, ranks)


@given(pairs)
def test_the_ratio_is_per_token_and_turns_round_with_the_models(drawn):
    one, two = both(drawn)
    found = attacks.ratio(one, two)
    assert found == pytest.approx(sum(a - b for a, b, _ in drawn) / len(drawn), abs=1e-9)
    assert attacks.ratio(two, one) == pytest.approx(-found, abs=1e-9)
    assert attacks.ratio(one, one) == 0.0


def test_the_ratio_of_two_ways_to_cut_a_text_is_over_the_targets_tokens():
    assert attacks.ratio(scored([-1.0, -2.0]), scored([-3.0, -3.0, -3.0])) == 3.0


@given(pairs)
def test_the_imbalance_is_a_share_that_turns_round_with_the_gains(drawn):
    one, two = both(drawn)
    found = attacks.imbalance(one, two)
    assert 0.0 <= found <= 1.0
    assert attacks.imbalance(two, one) == pytest.approx(1 - found, abs=1e-9)


@given(pairs)
def test_the_imbalance_ranks_as_the_papers_ratio_does(drawn):
    """P / N = s / (1 − s) of a share s, where the paper has a value."""
    one, two = both(drawn)
    gains = [a - b for a, b, rank in drawn if rank > 0]
    up, down = sum(g for g in gains if g > 0), -sum(g for g in gains if g < 0)
    assume(len(gains) >= attacks.FEWEST_ERRORS)
    assume(down > 1e-6)
    share = attacks.imbalance(one, two)
    assert share / (1 - share) == pytest.approx(up / down, rel=1e-6)


def test_what_is_known_by_heart_stands_at_the_top():
    """Where the released code of the attack returns 0."""
    heart = scored([-0.01] * 8, [0] * 8)
    plain = scored([-3.0] * 8, [0] * 8)
    assert attacks.imbalance(heart, plain) == 1.0
    likelier = scored([-2.0] * 8, [1] * 8)
    assert attacks.imbalance(likelier, plain) == 1.0
    assert attacks.imbalance(plain, plain) == 0.5
    one_error = scored([-0.01] * 7 + [-9.0], [0] * 7 + [4])
    assert attacks.imbalance(one_error, plain) > 0.7


@given(st.lists(nats, min_size=1, max_size=60), st.floats(0.05, 1))
def test_the_lowest_share_is_the_mean_of_the_smallest(values, share):
    k = max(1, math.floor(share * len(values) + 1e-9))
    found = attacks.lowest(values, share)
    assert found == pytest.approx(sum(sorted(values)[:k]) / k, abs=1e-9)
    assert min(values) <= found + 1e-12
    assert found <= sum(values) / len(values) + 1e-9


def test_a_fifth_of_ten_is_two():
    assert attacks.lowest([-float(k) for k in range(10)], 0.2) == -8.5
    assert attacks.lowest([-1.0, -2.0], 0.2) == -2.0


def test_standardised_is_held_against_what_the_model_expects():
    one = scored([-1.0, -5.0, -2.0], means=[-2.0, -2.0, -2.0], deviations=[0.5, 1.5, 0.0])
    assert attacks.standardised(one) == (2.0, -2.0)
    assert attacks.standardised(scored([-1.0], deviations=[0.0])) == ()


def test_loss_and_what_zlib_makes_of_the_text():
    one = scored([-1.0, -3.0])
    assert attacks.loss(one) == -2.0
    assert attacks.compressed(one, "aaaa ünïcode") == -2.0 / len(
        zlib.compress("aaaa ünïcode".encode())
    )
    assert attacks.compressed(one, "\ud800 alone") < 0
