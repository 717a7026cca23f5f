from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures import MEASURES, association
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate, decode, encode

Floats = npt.NDArray[np.float64]


def of_words(
    x: Floats, y: Floats, base: Floats | None = None, *, per: int = 1, **more: Any
) -> Sample:
    """Target words, `per` rows each."""
    s = np.concatenate([x, y])
    n = s.size
    columns = {
        "association": s,
        "base_association": s if base is None else base,
        "language": np.array(["en"] * n, dtype=object),
        "test": np.array(["t"] * n, dtype=object),
        "side": np.array(["X"] * x.size + ["Y"] * y.size, dtype=object),
        "words_a": np.full(n, 8),
        "words_b": np.full(n, 7),
        "dropped": np.array([""] * n, dtype=object),
        **more,
    }
    return Sample(columns, cluster=np.arange(n) // per if per > 1 else None)


def drawn(n: int, shift: float, seed: int = 0) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    return rng.normal(shift, 1.0, n), rng.normal(0.0, 1.0, n)


def ask(name: str, sample: Sample, **more: Any) -> Estimate:
    return MEASURES[name].estimate(sample, Question(**more))


def test_values_by_hand() -> None:
    x, y = drawn(8, 1.0)
    base = np.concatenate(drawn(8, 0.2, 1))
    sample = of_words(x, y, base)
    d = (x.mean() - y.mean()) / np.concatenate([x, y]).std(ddof=1)
    before = (base[:8].mean() - base[8:].mean()) / base.std(ddof=1)
    assert ask("association_effect", sample).value == pytest.approx(d, rel=1e-12)
    assert ask("association_gap", sample).value == pytest.approx(x.mean() - y.mean(), rel=1e-12)
    change = ask("association_effect_change", sample)
    assert change.value == pytest.approx(d - before, rel=1e-12)
    assert change.details["effect"] == pytest.approx(d)
    assert change.details["base_effect"] == pytest.approx(before)
    assert ask("association_effect", sample).details["words"] == "X 8, Y 8, A 8, B 7"
    assert (change.n, change.clusters, change.method) == (16, 16, "linearised_t")
    assert {MEASURES[m.name].better for m in association.MEASURES} == {"zero"}


@pytest.mark.parametrize("name", [m.name for m in association.MEASURES])
def test_what_every_measure_keeps_to(name: str) -> None:
    """Value, tensors, order, adjusted bounds, JSON and no rows, as of the others."""
    sample = of_words(*drawn(24, 0.6), np.concatenate(drawn(24, 0.3, 2)), per=3)
    found = ask(name, sample, rng=np.random.default_rng(1), m=20)
    assert found.low_adj < found.low < found.value < found.high < found.high_adj  # type: ignore[operator]
    assert decode(encode(found), Estimate) == found
    assert MEASURES[name].value(sample, Question()) == found.value
    columns = {
        key: column if column.dtype == object else torch.tensor(column)
        for key, column in sample.columns.items()
    }
    tensors = Sample(columns, cluster=sample.cluster)
    assert ask(name, tensors, rng=np.random.default_rng(1), m=20) == found
    order = np.random.default_rng(3).permutation(sample.n)
    assert sample.cluster is not None
    turned = Sample({k: c[order] for k, c in sample.columns.items()}, cluster=sample.cluster[order])
    again = ask(name, turned)
    assert (again.value, again.low) == pytest.approx((found.value, found.low), abs=1e-9)
    with pytest.raises(NotEstimable):
        ask(name, sample.take(np.zeros(sample.n, dtype=bool)))


# ── the interval ─────────────────────────────────────────────────────────────────────────


@given(st.integers(0, 500), st.integers(3, 9), st.integers(3, 9))
def test_influence_is_how_a_row_s_weight_moves_the_figure(seed: int, nx: int, ny: int) -> None:
    """By a small change of one row's weight within its list, in the weighted formula."""
    rng = np.random.default_rng(seed)
    s = rng.normal(size=nx + ny)
    first = np.arange(nx + ny) < nx

    def figure(w: Floats) -> float:
        """d where each list keeps its share of the words, and rows in it weigh w."""
        parts = [w * side / (w * side).sum() for side in (first, ~first)]
        p = parts[0] * nx / s.size + parts[1] * ny / s.size
        m = float(p @ s)
        spread = math.sqrt(float(p @ (s - m) ** 2) * s.size / (s.size - 1))
        return float(parts[0] @ s - parts[1] @ s) / spread

    found = association.effect(s, first)
    assert found.value == pytest.approx(figure(np.ones(s.size)), abs=1e-12)
    assert found.influence[first].sum() == pytest.approx(0, abs=1e-9)
    assert found.influence[~first].sum() == pytest.approx(0, abs=1e-9)
    for k in range(s.size):
        up, down = np.ones(s.size), np.ones(s.size)
        up[k] += 1e-5
        down[k] -= 1e-5
        slope = (figure(up) - figure(down)) / 2e-5
        assert found.influence[k] == pytest.approx(slope, abs=1e-6)


@settings(deadline=None)
@given(st.integers(0, 300), st.integers(5, 8))
def test_exchanging_lists_mirrors_the_figures(seed: int, n: int) -> None:
    x, y = drawn(n, 0.7, seed)
    base = np.concatenate(drawn(n, 0.1, seed + 1))
    turned = np.concatenate([base[n:], base[:n]])
    for measure in association.MEASURES:
        one = ask(measure.name, of_words(x, y, base))
        other = ask(measure.name, of_words(y, x, turned))
        assert other.value == pytest.approx(-one.value, abs=1e-9)
        assert other.low == pytest.approx(-one.high, abs=1e-7)  # type: ignore[operator]
        assert other.high == pytest.approx(-one.low, abs=1e-7)  # type: ignore[operator]


@settings(deadline=None)
@given(st.integers(0, 200), st.floats(0.01, 100), st.floats(-5, 5))
def test_the_effect_size_hangs_on_no_scale(seed: int, scale: float, shift: float) -> None:
    x, y = drawn(8, 0.5, seed)
    one = ask("association_effect", of_words(x, y))
    other = ask("association_effect", of_words(scale * x + shift, scale * y + shift))
    assert other.value == pytest.approx(one.value, abs=1e-6)
    assert other.low == pytest.approx(one.low, abs=1e-6)


def test_the_limits_stay_within_the_bounds() -> None:
    x, y = drawn(8, 6.0)
    found = ask("association_effect", of_words(x, y))
    most = math.sqrt(15 * 16 / 64)
    assert 0 < found.low < found.value < found.high < most  # type: ignore[operator]


def of_words_alike_in_each_list_give_the_bound() -> None:
    found = ask("association_effect", of_words(np.full(8, 0.5), np.full(8, -0.5)))
    assert found.value == pytest.approx(math.sqrt(15 * 16 / 64))
    assert found.method == "wilson_no_events"


@pytest.mark.slow
def test_intervals_cover(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words drawn anew: the true d is δ/sqrt(1 + δ²/4) for normal associations δ apart."""
    monkeypatch.setattr(association, "split_p", lambda *given: {})
    cover = []
    for n in (6, 8, 25):
        for shift in (0.0, 0.8, 2.0):
            truth = shift / math.sqrt(1 + shift**2 / 4)
            found = [
                ask("association_effect", of_words(*drawn(n, shift, seed))) for seed in range(2_000)
            ]
            inside = [f.low <= truth <= f.high for f in found]  # type: ignore[operator]
            cover.append(float(np.mean(inside)))
    assert 0.93 <= np.mean(cover) <= 0.97, cover
    assert min(cover) >= 0.9, cover


# ── the permutation p ────────────────────────────────────────────────────────────────────


def enumerated(x: Floats, y: Floats) -> float:
    """Every split, by its definition."""
    s = np.concatenate([x, y])
    seen = x.mean() - y.mean()
    found = []
    for chosen in combinations(range(s.size), x.size):
        rest = [k for k in range(s.size) if k not in chosen]
        found.append(s[list(chosen)].mean() - s[rest].mean() >= seen - 1e-12)
    return float(np.mean(found))


numbers = st.lists(st.integers(-3, 3), min_size=2, max_size=6)


@settings(deadline=None)
@given(numbers, numbers)
def test_exact_p_is_the_share_of_all_splits(one: list[int], other: list[int]) -> None:
    """Small integers tie often; each tie counts against an association."""
    x, y = np.array(one, dtype=float) / 4, np.array(other, dtype=float) / 4
    assume(np.concatenate([x, y]).std() > 0)
    s, first = np.concatenate([x, y]), np.arange(x.size + y.size) < x.size
    found = association.split_p(s, np.arange(s.size), first, None)
    assert found["permutation_p"] == pytest.approx(enumerated(x, y), abs=1e-12)
    assert found["splits"] == math.comb(s.size, x.size)


@settings(deadline=None)
@given(st.integers(0, 99), st.integers(3, 6))
def test_it_is_scipy_s_one_sided_test(seed: int, n: int) -> None:
    x, y = drawn(n, 0.5, seed)
    s, first = np.concatenate([x, y]), np.arange(2 * n) < n
    mine = association.split_p(s, np.arange(2 * n), first, None)["permutation_p"]
    other = stats.permutation_test(
        (x, y), lambda a, b, axis: np.mean(a, axis) - np.mean(b, axis),
        alternative="greater", n_resamples=np.inf, vectorized=True,
    )  # fmt: skip
    assert mine == pytest.approx(other.pvalue, abs=1e-12)


@settings(deadline=None)
@given(st.integers(0, 99))
def test_texts_of_a_word_stay_together(seed: int) -> None:
    """Three texts a word: the p-value is that of the words' means."""
    x, y = drawn(15, 0.5, seed)
    found = ask("association_effect", of_words(x, y, per=3))
    means = [part.reshape(5, 3).mean(axis=1) for part in (x, y)]
    assert found.details["permutation_p"] == pytest.approx(enumerated(*means), abs=1e-12)
    assert (found.n, found.clusters) == (30, 10)
    assert found.value == pytest.approx(
        (x.mean() - y.mean()) / np.concatenate([x, y]).std(ddof=1), rel=1e-12
    )


def of_words_of_unlike_numbers_of_texts() -> None:
    units = np.array([0, 0, 0, 1, 2, 3, 3, 4])
    s = np.array([1.0, 2.0, 3.0, 0.5, 0.2, 0.1, 0.4, 0.3])
    first = units < 2
    found = association.split_p(s, units, first, None)
    seen, far = s[first].mean() - s[~first].mean(), 0
    for chosen in combinations(range(5), 2):
        inside = np.isin(units, chosen)
        far += s[inside].mean() - s[~inside].mean() >= seen - 1e-12
    assert found == {"permutation_p": far / 10, "splits": 10}


def test_of_many_splits_some_are_drawn() -> None:
    x, y = drawn(25, 0.4, 7)
    found = ask("association_effect", of_words(x, y), rng=np.random.default_rng(1)).details
    assert found["draws"] == 9_999
    assert "splits" not in found
    again = stats.permutation_test(
        (x, y), lambda a, b, axis: np.mean(a, axis) - np.mean(b, axis),
        alternative="greater", n_resamples=20_000, vectorized=True, rng=np.random.default_rng(5),
    )  # fmt: skip
    p = again.pvalue
    assert found["permutation_p"] == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) * 1.5e-4))
    # a shift that no draw reaches: never 0
    far = ask("association_effect", of_words(x + 9, y), rng=np.random.default_rng(1)).details
    assert far["permutation_p"] == 1 / 10_000
    assert "permutation_p" not in ask("association_effect", of_words(x, y)).details


@pytest.mark.parametrize("n", [5, 15])
def test_p_is_valid_where_there_is_no_association(n: int) -> None:
    """P(p ≤ α) ≤ α, but for chance."""
    found, first = [], np.arange(2 * n) < n
    for seed in range(400 if n < 10 else 100):
        rng = np.random.default_rng(seed)
        s = rng.normal(size=2 * n)
        found.append(association.split_p(s, np.arange(2 * n), first, rng)["permutation_p"])
    for alpha in (0.05, 0.2):
        share = float(np.mean(np.array(found) <= alpha))
        assert share <= alpha + 4 * math.sqrt(alpha * (1 - alpha) / len(found))


# ── what is no test ──────────────────────────────────────────────────────────────────────


def test_too_few_words_on_a_side() -> None:
    x, y = drawn(8, 1.0)
    with pytest.raises(NotEstimable, match="4 words of the list X, fewer than the 5 asked for"):
        ask("association_effect", of_words(x[:4], y), minimum_n=5)
    with pytest.raises(NotEstimable, match="0 words of the list Y, fewer than the 2 asked for"):
        ask("association_gap", of_words(x, y[:0]))
    with pytest.raises(NotEstimable, match="8 independent rows: an interval needs at least 10"):
        ask("association_effect", of_words(x[:4], y[:4]), minimum_n=4)


def of_words_that_are_all_alike() -> None:
    same = np.full(8, 0.3)
    with pytest.raises(NotEstimable, match="their spread is 0"):
        ask("association_effect", of_words(same, same))
    with pytest.raises(NotEstimable, match="their spread is 0"):
        ask("association_effect_change", of_words(*drawn(8, 1.0), np.full(16, 0.1)))


@pytest.mark.parametrize("column", ["test", "language"])
def of_words_of_several_tests(column: str) -> None:
    names = np.array(["a"] * 15 + ["b"], dtype=object)
    with pytest.raises(NotEstimable, match="several tests"):
        ask("association_effect", of_words(*drawn(8, 1.0), **{column: names}))


def test_weighted_words_and_a_word_in_both_lists() -> None:
    sample = of_words(*drawn(8, 1.0))
    weighted = Sample(sample.columns, weight=np.arange(1.0, 17.0))
    with pytest.raises(NotEstimable, match="have weights"):
        ask("association_effect", weighted)
    both = Sample(sample.columns, cluster=np.arange(16) % 12)
    with pytest.raises(NotEstimable, match="in both lists"):
        ask("association_effect", both)


def test_dropped_words_are_named() -> None:
    names = np.array(["Chip, Ian"] * 16, dtype=object)
    for measure in association.MEASURES:
        found = ask(measure.name, of_words(*drawn(8, 1.0), dropped=names))
        assert found.details["dropped"] == "Chip, Ian"
