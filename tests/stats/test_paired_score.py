from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, special

from fmaudit.stats.paired_score import Change, _likeliest_loss, _scores, change_limits, change_p


@st.composite
def changes(draw: st.DrawFn) -> Change:
    n = draw(st.integers(1, 400))
    up = draw(st.integers(0, n))
    down = draw(st.integers(0, n - up))
    return Change(up / n, down / n, n, draw(st.sampled_from([math.inf, 200.0, 29.0, 9.0])))


@pytest.mark.parametrize(
    ("up", "down", "at"), [(0.08, 0.02, 0.02), (0.05, 0.0, 0.02), (0.0, 0.1, 0.05), (0.2, 0.3, 0.6)]
)
def test_the_nuisance_share_is_the_likeliest(up: float, down: float, at: float) -> None:
    def surprise(loss: float) -> float:
        gain, same = loss + at, 1 - 2 * loss - at
        parts = ((up, gain), (down, loss), (1 - up - down, same))
        return -sum(float(special.xlogy(share, p)) for share, p in parts)

    best = optimize.minimize_scalar(
        surprise, bounds=(0.0, (1 - at) / 2), method="bounded", options={"xatol": 1e-12}
    )
    found = _likeliest_loss(Change(up, down, 100), at)
    assert found == pytest.approx(best.x, abs=1e-6)
    assert surprise(found) <= best.fun + 1e-12


def test_no_change_is_bounded_as_by_wilson() -> None:
    """Without events the limit solves nδ/(1 − δ) = q²."""
    q = float(special.ndtri(0.975))
    low, high = change_limits(Change(0.0, 0.0, 200))
    assert high == pytest.approx(q**2 / (200 + q**2), rel=1e-12)
    assert low == pytest.approx(-high, rel=1e-12)
    above, below = change_p(Change(0.0, 0.0, 200), 0.02)
    assert below == pytest.approx(float(special.ndtr(-math.sqrt(200 * 0.02 / 0.98))), rel=1e-12)
    assert above > 0.9


def test_skewness_makes_the_test_more_cautious() -> None:
    """Eight gains of 200 against 0.02: the score alone calls that rarer than it is."""
    found, at = Change(8 / 200, 0.0, 200), 0.02
    lower, upper = _scores(found, at)
    assert upper == pytest.approx(0.02 / math.sqrt(at * (1 - at) / 200), rel=0.05)
    exact = 1 - sum(math.comb(200, k) * at**k * (1 - at) ** (200 - k) for k in range(8))
    above, _ = change_p(found, at)
    assert above == pytest.approx(float(special.ndtr(-lower)))
    assert float(special.ndtr(-upper)) < 0.025 < above < exact * 1.1


@given(changes(), st.sampled_from([0.025, 0.005]))
def test_limits_are_where_the_p_values_meet_the_level(found: Change, alpha: float) -> None:
    low, high = change_limits(found, alpha)
    value = found.up - found.down
    assert -1 <= low <= value <= high <= 1
    for limit, side in ((low, 0), (high, 1)):
        if abs(limit) < 1 - 1e-6:
            assert change_p(found, limit)[side] == pytest.approx(alpha, rel=1e-5)


@given(changes())
def test_gains_and_losses_are_mirrored(found: Change) -> None:
    turned = found._replace(up=found.down, down=found.up)
    low, high = change_limits(found)
    assert change_limits(turned) == pytest.approx((-high, -low), abs=1e-12)
    above, below = change_p(found, 0.03)
    assert change_p(turned, -0.03) == pytest.approx((below, above), abs=1e-12)


@given(changes(), st.floats(-0.99, 0.99), st.floats(-0.99, 0.99))
def test_a_larger_threshold_is_easier_kept(found: Change, one: float, other: float) -> None:
    """Where a verdict may hang on it; near the estimate both p-values are large anyway."""
    first, second = sorted((one, other))
    above, below = (change_p(found, first)[k] for k in (0, 1))
    later = change_p(found, second)
    if min(above, later[0]) < 0.05:
        assert above <= later[0] + 1e-9
    if min(below, later[1]) < 0.05:
        assert later[1] <= below + 1e-9


@given(changes())
def test_the_adjusted_limits_are_wider(found: Change) -> None:
    low, high = change_limits(found)
    low_adj, high_adj = change_limits(found, 0.025 / 5)
    assert low_adj <= low
    assert high <= high_adj


@pytest.mark.parametrize("at", [-2.0, -1.0, 1.0, 2.0])
def test_a_threshold_beyond_the_range_is_kept_or_broken_for_certain(at: float) -> None:
    above, below = change_p(Change(0.1, 0.05, 100), at)
    assert (above, below) == ((1.0, 0.0) if at > 0 else (0.0, 1.0))


def errors(n: int, loss: float, at: float) -> tuple[float, float]:
    """How often a model exactly at the threshold fails, and passes, over all outcomes."""
    gain, fails, passes = loss + at, 0.0, 0.0
    logs = np.log([max(gain, 1e-300), max(loss, 1e-300), 1 - gain - loss])
    for up in range(n + 1):
        for down in range(n + 1 - up if loss else 1):
            counts = np.array([up, down, n - up - down])
            chance = special.gammaln(n + 1) - special.gammaln(counts + 1).sum() + counts @ logs
            if chance < -16:
                continue
            above, below = change_p(Change(up / n, down / n, n), at)
            fails += math.exp(chance) * (above <= 0.025)
            passes += math.exp(chance) * (below <= 0.025)
    return fails, passes


@pytest.mark.parametrize("at", [0.02, 0.05])
@pytest.mark.parametrize("n", [50, 100, 200, 300])
@pytest.mark.parametrize("loss", [0.0, 0.01, 0.05])
def test_at_the_threshold_neither_verdict_comes_too_often(n: int, loss: float, at: float) -> None:
    fails, passes = errors(n, loss, at)
    assert fails <= 0.033
    assert passes <= 0.026
