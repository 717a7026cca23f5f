from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures import get
from fmaudit.stats.measures.resampled import resampled
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate, Rule

CAP = Question(rule=Rule("<=", 0.027))
RATE = "tpr_at_1_percent_fpr"


def sample(members: Any, others: Any, **said: Any) -> Sample:
    """Rows of a draw at random whose texts say nothing, unless `said`."""
    n = len(members) + len(others)
    rng = np.random.default_rng(n)
    columns = {
        "member": np.arange(n) < len(members),
        "score": np.concatenate([members, others]).astype(float),
        "blind": said.pop("blind", rng.normal(size=n)),
        "blind_p": np.full(n, said.pop("p", 0.4)),
        "overlap": np.full(n, said.pop("overlap", 0.0)),
        "drawn": np.full(n, said.pop("drawn", True)),
    }
    return Sample(columns, **said)


def normal(n: int, seed: int, found: float = 0.01) -> tuple[np.ndarray, np.ndarray]:
    """Members and others (n each) of which that share is found at 1 % false alarms."""
    rng = np.random.default_rng(seed)
    shift = stats.norm.isf(0.01) - stats.norm.isf(found)
    return rng.normal(shift, 1, n), rng.normal(0, 1, n)


def verdict(found: Estimate) -> str:
    assert found.p_fail is not None
    assert found.p_pass is not None
    return "fail" if found.p_fail <= 0.025 else "pass" if found.p_pass <= 0.025 else "open"


def test_the_rate_counts_members_above_the_last_allowed_false_alarm() -> None:
    others = np.arange(1000.0)
    members = np.concatenate([np.full(30, 989.0), np.full(20, 989.5), np.zeros(950)])
    found = get(RATE).estimate(sample(members, others), CAP)
    assert found.value == 20 / 1000
    assert found.details["threshold"] == 989.0
    assert found.details["false_positives_allowed"] == 10
    assert found.details["limiting_clusters"] == 1000
    assert (found.n, found.method) == (2000, "exact_bootstrap")
    everywhere = sample(np.full(1000, 5.0), np.full(1000, 5.0))
    assert get(RATE).estimate(everywhere, CAP).value == 0.0


@given(st.integers(0, 10_000), st.integers(5, 40), st.integers(5, 40), st.integers(0, 4))
@settings(max_examples=40, deadline=None)
def test_the_bootstrap_is_that_of_every_resample(seed: int, n: int, k: int, allowed: int) -> None:
    """Against 4,000 drawn resamples of rows with ties."""
    rng = np.random.default_rng(seed)
    inside, others = rng.integers(12, size=k).astype(float), rng.integers(10, size=n).astype(float)
    member = np.arange(n + k) < k
    exact = resampled(member, np.concatenate([inside, others]), allowed)
    assert exact.chance.sum() == pytest.approx(1.0)
    top = np.sort(others[rng.integers(n, size=(4000, n))], axis=1)[:, n - 1 - allowed]
    rates = (inside[rng.integers(k, size=(4000, k))] > top[:, None]).mean(axis=1)
    for x in (0, k // 4, k // 2, k):
        below = exact.at_most(x)
        error = 5 * np.sqrt(below * (1 - below) / 4000) + 1e-3
        assert abs(below - np.mean(rates <= x / k + 1e-12)) <= error
        tied = (inside[rng.integers(k, size=(4000, k))] >= top[:, None]).mean(axis=1)
        reached = exact.at_least(x)
        error = 5 * np.sqrt(reached * (1 - reached) / 4000) + 1e-3
        assert abs(reached - np.mean(tied >= x / k - 1e-12)) <= error


@given(st.integers(0, 10_000), st.floats(0.011, 0.3))
@settings(max_examples=15, deadline=None)
def test_limits_and_p_values_say_the_same(seed: int, found: float) -> None:
    rows = sample(*normal(1000, seed, found))
    for threshold in (0.01, 0.027, 0.1):
        estimate = get(RATE).estimate(rows, Question(rule=Rule("<=", threshold), m=3))
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low_adj is not None
        assert estimate.high_adj is not None
        assert estimate.low_adj <= estimate.low <= estimate.value
        assert estimate.value <= estimate.high <= estimate.high_adj
        assert (verdict(estimate) == "fail") == (estimate.low > threshold)
        assert (verdict(estimate) == "pass") == (estimate.high < threshold)


def test_ties_make_no_pass() -> None:
    """Half the members and a fifth of the others are certain: no threshold parts them."""
    members, others = np.arange(1000) % 2 - 1.0, (np.arange(1000) % 5 == 0) - 1.0
    found = get(RATE).estimate(sample(members, others), CAP)
    assert (found.value, found.details["tied"], verdict(found)) == (0.0, 500, "open")
    assert found.high is not None
    assert found.high > 0.5


def test_a_member_that_no_row_shows_is_still_possible() -> None:
    members, others = np.zeros(1000), np.arange(1000.0)
    found = get(RATE).estimate(sample(members, others), Question(rule=Rule("<=", 0.002)))
    assert found.value == 0.0
    assert found.high == pytest.approx(stats.beta.ppf(0.975, 1, 1000))
    assert verdict(found) == "open"
    assert verdict(get(RATE).estimate(sample(members, others), CAP)) == "pass"
    found = get(RATE).estimate(sample(members + 5000, others), CAP)
    assert (found.value, found.high, verdict(found)) == (1.0, 1.0, "fail")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"overlap": 0.06}, "not interpretable: 6.0% of a side's texts"),
        ({"p": 0.01, "blind": -np.arange(2000.0)}, "the texts alone tell members"),
        ({"drawn": False, "blind": -np.arange(2000.0)}, "no recorded draw at random"),
        ({"p": 0.01, "blind": np.arange(2000.0)}, "less like their own side than like the other"),
        ({"drawn": False, "blind": np.arange(2000.0)}, "no recorded draw at random"),
    ],
)
def test_what_cannot_be_read_is_not_estimated(said: dict[str, Any], why: str) -> None:
    with pytest.raises(NotEstimable, match=why):
        get(RATE).estimate(sample(*normal(1000, 1, 0.5), **said), CAP)
    with pytest.raises(NotEstimable, match=why):
        get("membership_advantage").estimate(sample(*normal(1000, 1, 0.5), **said), Question())
    assert get("membership_auc").estimate(sample(*normal(1000, 1, 0.5), **said), CAP).value > 0.5


def test_texts_that_hardly_differ_can_be_read_without_a_draw() -> None:
    rows = sample(*normal(1500, 1, 0.2), drawn=False, p=0.001)
    found = get(RATE).estimate(rows, CAP)
    assert 0.45 <= found.details["blind_low"] <= found.details["blind_high"] <= 0.55
    assert verdict(found) == "fail"


def test_texts_on_both_sides_are_told_before_their_small_number() -> None:
    with pytest.raises(NotEstimable, match=r"50\.0% of a side's texts"):
        get(RATE).estimate(sample(*normal(60, 1), overlap=0.5), Question(minimum_n=1000))


def test_few_of_either_side_are_not_enough() -> None:
    members, others = normal(1000, 1)
    with pytest.raises(NotEstimable, match="999 non-members: .* 1.0% needs 1000"):
        get(RATE).estimate(sample(members, others[:-1]), CAP)
    asked = Question(rule=CAP.rule, minimum_n=1000)
    with pytest.raises(NotEstimable, match="999 members and 1000 non-members, at least 1000"):
        get(RATE).estimate(sample(members[:-1], others), asked)
    with pytest.raises(NotEstimable, match="0.1% needs 10000"):
        get("tpr_at_0_1_percent_fpr").estimate(sample(members, others), CAP)
    with pytest.raises(NotEstimable, match="1000 members and 0 non-members"):
        get("membership_auc").estimate(sample(members, others[:0]), CAP)


@pytest.mark.parametrize("design", ["weight", "cluster", "stratum"])
def test_a_rate_counts_each_row_once_and_alone(design: str) -> None:
    codes = np.arange(2000) % 50 + 1
    with pytest.raises(NotEstimable, match="each row once and alone"):
        get(RATE).estimate(sample(*normal(1000, 1), **{design: codes}), CAP)


def test_areas_and_their_difference() -> None:
    members, others = normal(300, 4, 0.1)
    rows = sample(members, others)
    side = rows.columns["member"]
    areas = [roc_auc_score(side, rows.columns[name]) for name in ("score", "blind")]
    for name, expected in zip(("membership_auc", "blind_auc"), areas, strict=True):
        assert get(name).estimate(rows, Question()).value == pytest.approx(expected, abs=1e-12)
    found = get("membership_advantage").estimate(rows, Question())
    assert found.value == pytest.approx(areas[0] - areas[1], abs=1e-12)
    same = Sample({**rows.columns, "blind": rows.columns["score"]})
    assert get("membership_advantage").estimate(same, Question()).value == 0.0


def test_the_advantage_is_paired() -> None:
    """Two scores that err together differ by less than either errs: the interval knows."""
    members, others = normal(400, 4, 0.1)
    score = np.concatenate([members, others])
    rows = sample(members, others, blind=score + 0.05 * np.sin(np.arange(800)))
    whole, apart = (get(n).estimate(rows, Question()) for n in ("membership_auc", "blind_auc"))
    paired = get("membership_advantage").estimate(rows, Question())
    widths = [float(e.high or 0) - float(e.low or 0) for e in (whole, apart, paired)]
    assert widths[2] < 0.3 * min(widths[:2])


@pytest.mark.slow
@pytest.mark.parametrize("n", [1000, 3000])
def test_verdicts_at_the_cap_are_rarely_wrong(n: int) -> None:
    """1,000 audits of a model whose true rate is 0.027, as many of a clean one."""
    at_cap = [get(RATE).estimate(sample(*normal(n, s, 0.027)), CAP) for s in range(1000)]
    assert np.mean([verdict(found) == "fail" for found in at_cap]) <= 0.05
    assert np.mean([verdict(found) == "pass" for found in at_cap]) <= 0.05
    covered = [(e.low or 0.0) <= 0.027 <= (e.high or 1.0) for e in at_cap]
    assert np.mean(covered) >= 0.93
    clean = [get(RATE).estimate(sample(*normal(n, s)), CAP) for s in range(300)]
    assert not any(verdict(found) == "fail" for found in clean)


@pytest.mark.slow
def test_the_interval_of_the_advantage_covers() -> None:
    rng = np.random.default_rng(2)
    inside = 0
    for _ in range(1000):
        shared = rng.normal(size=400)
        side = np.arange(400) < 200
        score = shared + 0.4 * side + rng.normal(size=400)
        rows = sample(score[side], score[~side], blind=shared + rng.normal(size=400))
        found = get("membership_advantage").estimate(rows, Question())
        true = stats.norm.cdf(0.4 / 2) - 0.5
        inside += (found.low or -1) <= true <= (found.high or 1)
    assert 0.93 <= inside / 1000 <= 0.97
