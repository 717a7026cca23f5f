from __future__ import annotations

import numpy as np
import pytest

from fmaudit.stats import permutation
from fmaudit.stats.permutation import draws_for, null_shares, p_value
from fmaudit.stats.sample import Sample


def test_p_counts_the_observed_among_the_draws() -> None:
    assert p_value(3.0, np.array([1.0, 2, 3, 4])) == 3 / 5
    assert p_value(9.0, np.zeros(999)) == 0.001


@pytest.mark.parametrize("weighted", [False, True])
def test_tables_deal_as_dealing_does(weighted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting alike units and dealing them one by one give the same distribution."""
    rng = np.random.default_rng(0)
    events, group = rng.random(300) < 0.3, rng.integers(3, size=300)
    weight = rng.choice([1.0, 4.0], 300) if weighted else None
    sample = Sample({"e": events}, weight)
    tables = null_shares(events, group, 3, sample, np.random.default_rng(1))
    monkeypatch.setattr(permutation, "TABLE_CELLS", 0)
    dealt = null_shares(events, group, 3, sample, np.random.default_rng(2))
    assert tables.shape == dealt.shape == (999, 3)
    assert tables.mean(axis=0) == pytest.approx(dealt.mean(axis=0), abs=0.006)
    assert np.cov(tables.T) == pytest.approx(np.cov(dealt.T), abs=3e-4)


def test_weights_and_events_are_kept() -> None:
    rng = np.random.default_rng(3)
    events, group = rng.random(200) < 0.5, np.repeat([0, 1], [50, 150])
    shares = null_shares(events, group, 2, Sample({"e": events}), rng)
    assert shares @ np.array([50, 150]) == pytest.approx(np.full(999, events.sum()))


def test_whole_clusters_are_dealt() -> None:
    """20 clusters of one outcome each: a group's share moves in steps of one cluster."""
    cluster = np.repeat(np.arange(20), 5)
    events, group = cluster % 2 == 0, (cluster >= 10).astype(int)
    shares = null_shares(
        events, group, 2, Sample({"e": events}, cluster=cluster), np.random.default_rng(0)
    )
    assert np.allclose(shares * 10, np.round(shares * 10))
    assert shares.std() > 0.08


def test_groups_within_a_cluster_are_dealt_within_it() -> None:
    """Pairs whose members never differ: no dealing within pairs can make a gap."""
    cluster, group = np.repeat(np.arange(30), 2), np.tile([0, 1], 30)
    events = cluster % 3 == 0
    sample = Sample({"e": events}, cluster=cluster)
    shares = null_shares(events, group, 2, sample, np.random.default_rng(0))
    assert np.all(shares[:, 0] == shares[:, 1])


def test_the_p_value_is_level_under_the_null() -> None:
    rng = np.random.default_rng(5)
    found = []
    for _ in range(400):
        events, group = rng.random(120) < 0.4, rng.integers(4, size=120)
        shares = null_shares(events, group, 4, Sample({"e": events}), rng)
        observed = [events[group == g].mean() for g in range(4)]
        found.append(p_value(np.ptp(observed), np.ptp(shares, axis=1)))
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(found) <= level) <= level + 3 * np.sqrt(level / 400)
    assert np.mean(found) == pytest.approx(0.5, abs=0.06)


def test_fewer_draws_of_very_many_rows() -> None:
    assert (draws_for(50_000), draws_for(50_001)) == (999, 199)
