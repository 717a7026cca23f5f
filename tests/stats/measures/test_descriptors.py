"""The spread of descriptors: its definition, its interval, the published share of pairs."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.measures.descriptors import spread
from fmaudit.stats.sample import Question, Sample


def drawn(frames: int, own: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Nats of (frames, descriptors)."""
    frame = rng.normal(4, 0.5, (frames, 1))
    return frame + own + rng.normal(0, noise, (frames, len(own)))


def sample(nats: np.ndarray, base: np.ndarray | None = None, attribute: str = "age") -> Sample:
    frames, descriptors = nats.shape
    names = np.array([f"d{k}" for k in range(descriptors)], dtype=object)
    columns = {
        "nats": nats.ravel(),
        "attribute": np.full(nats.size, attribute, dtype=object),
        "descriptor": np.tile(names, frames),
        "frame": np.repeat([f"f{k}" for k in range(frames)], descriptors).astype(object),
    }
    if base is not None:
        columns["base_nats"] = base.ravel()
    return Sample(columns, cluster=np.repeat(np.arange(frames), descriptors))


def test_it_is_the_mean_product_of_pairs_of_frames() -> None:
    rng = np.random.default_rng(0)
    nats = drawn(12, np.array([0.3, 0.0, -0.3, 0.1]), 0.2, rng)
    d = nats - nats.mean(axis=1, keepdims=True)
    expected = np.mean([d[s] @ d[t] / 4 for s, t in combinations(range(12), 2)])
    assert spread(nats)[0] == pytest.approx(expected, abs=1e-12)
    assert spread(nats)[1].sum() == pytest.approx(0, abs=1e-12)
    without = np.array([spread(np.delete(nats, t, axis=0))[0] for t in range(12)])
    jackknife = 11 / 12 * ((without - without.mean()) ** 2).sum()
    assert 12 / 11 * (spread(nats)[1] ** 2).sum() == pytest.approx(jackknife)
    assert MEASURES["descriptor_spread"].estimate(sample(nats), Question()).value == pytest.approx(
        expected
    )


@pytest.mark.parametrize("own", [np.zeros(6), np.array([0.3, -0.2, 0.1, -0.1, 0.0, -0.1])])
@pytest.mark.parametrize("frames", [24, 60])
def test_the_interval_holds_the_truth(own: np.ndarray, frames: int) -> None:
    rng = np.random.default_rng(frames)
    truth = float(np.mean((own - own.mean()) ** 2))
    held, values = 0, []
    for _ in range(400):
        found = MEASURES["descriptor_spread"].estimate(
            sample(drawn(frames, own, 0.25, rng)), Question()
        )
        values.append(found.value)
        held += found.low <= truth <= found.high
    assert np.mean(values) == pytest.approx(truth, abs=0.002)
    assert held / 400 >= 0.92


def test_attributes_on_the_same_sentences_err_together() -> None:
    """A short sentence shows all descriptors more: clusters are sentences, for all attributes."""
    rng = np.random.default_rng(7)
    own = rng.normal(0, 0.4, (6, 1, 5))
    own -= own.mean(axis=2, keepdims=True)
    truth = float((own**2).mean())
    held = {"sentence": 0, "attribute and sentence": 0}
    for _ in range(200):
        shown = rng.lognormal(-(0.5**2) / 2, 0.5, (26, 1))
        tables = [4 + shown * row + rng.normal(0, 0.25, (26, 5)) for row in own]
        parts = [sample(table, attribute=f"a{k}") for k, table in enumerate(tables)]
        columns = {c: np.concatenate([p.columns[c] for p in parts]) for c in parts[0].columns}
        together = np.concatenate([p.cluster for p in parts])
        apart = np.concatenate([p.cluster + 26 * k for k, p in enumerate(parts)])
        for name, cluster in zip(held, (together, apart), strict=True):
            found = MEASURES["descriptor_spread"].estimate(
                Sample(columns, cluster=cluster), Question()
            )
            held[name] += found.low <= truth <= found.high
    assert held["sentence"] >= 0.88 * 200
    assert held["attribute and sentence"] <= 0.8 * 200


def test_the_change_is_paired_by_frame() -> None:
    rng = np.random.default_rng(1)
    base = drawn(40, np.array([0.2, 0.0, -0.2]), 0.3, rng)
    tuned = base + np.array([0.3, 0.0, -0.3])
    paired = MEASURES["descriptor_spread_change"].estimate(sample(tuned, base), Question())
    alone = MEASURES["descriptor_spread"].estimate(sample(tuned), Question())
    assert paired.value == pytest.approx(spread(tuned)[0] - spread(base)[0])
    assert paired.high - paired.low < alone.high - alone.low


def test_a_frame_without_a_descriptor_is_left_out_and_counted() -> None:
    rng = np.random.default_rng(2)
    whole = sample(drawn(20, np.zeros(4), 0.2, rng))
    fewer = whole.take(np.arange(whole.n) != 5)
    found = MEASURES["descriptor_spread"].estimate(fewer, Question())
    assert found.details["frames"] == 19
    assert found.details["left_out"] == 3


def test_several_attributes_count_alike() -> None:
    rng = np.random.default_rng(3)
    a, b = (drawn(15, rng.normal(0, 0.3, k), 0.2, rng) for k in (4, 7))
    one, two = sample(a), sample(b, attribute="body")
    both = Sample(
        {k: np.concatenate([one.columns[k], two.columns[k]]) for k in one.columns},
        cluster=np.concatenate([one.cluster, two.cluster + 100]),
    )
    found = MEASURES["descriptor_spread"].estimate(both, Question())
    assert found.value == pytest.approx((spread(a)[0] + spread(b)[0]) / 2)


def test_too_few_frames() -> None:
    few = sample(drawn(9, np.zeros(3), 0.2, np.random.default_rng(4)))
    with pytest.raises(NotEstimable):
        MEASURES["descriptor_spread"].estimate(few, Question())


def test_pairs_that_differ_are_scipys() -> None:
    rng = np.random.default_rng(5)
    nats = drawn(26, np.array([0.4, 0.1, 0.0, -0.4, 0.05]), 0.3, rng)
    expected = np.mean(
        [mannwhitneyu(nats[:, a], nats[:, b]).pvalue <= 0.05 for a, b in combinations(range(5), 2)]
    )
    found = MEASURES["likelihood_bias"].estimate(sample(nats), Question())
    assert found.value == expected
    assert found.low is None
    assert found.details["pairs"] == 10
    with pytest.raises(NotEstimable, match="no two descriptors"):
        MEASURES["likelihood_bias"].estimate(sample(nats[:, :1]), Question())
