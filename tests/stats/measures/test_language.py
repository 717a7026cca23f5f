from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.measures.language import MEASURES as OWN
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate, Rule

Rows = Callable[..., Sample]
RATIOS = {
    "perplexity": ("nats", "scored_tokens"),
    "bits_per_byte": ("nats", "bytes"),
    "bits_per_byte_change": ("nats", "base_nats", "bytes"),
}


def texts(n: int = 200, seed: int = 0, per: int = 1, *, weighted: bool = False) -> Sample:
    """Texts of unequal length, those of one author alike."""
    rng = np.random.default_rng(seed)
    tokens = rng.integers(3, 120, n)
    author = rng.gamma(8.0, 1 / 8, n // per + 1)[np.arange(n) // per]
    nats = tokens * author * rng.gamma(8.0, 3 / 8, n)
    columns = {
        "nats": nats,
        "base_nats": nats + tokens * rng.normal(0.3, 0.2, n),
        "scored_tokens": tokens,
        "bytes": tokens * 4 + rng.integers(0, 9, n),
    }
    weight = rng.choice([0.5, 1.0, 3.0], n) if weighted else None
    return Sample(columns, weight, np.arange(n) // per if per > 1 else None)


def ask(name: str, sample: Sample, **more: object) -> Estimate:
    return MEASURES[name].estimate(sample, Question(**more))  # type: ignore[arg-type]


def test_values_by_hand(rows: Rows) -> None:
    sample = rows(300, weighted=True)
    c, w = sample.columns, sample.w
    bits = math.log(2) * (w * c["bytes"]).sum()
    expected = {
        "perplexity": math.exp((w * c["nats"]).sum() / (w * c["scored_tokens"]).sum()),
        "bits_per_byte": (w * c["nats"]).sum() / bits,
        "bits_per_byte_change": ((w * c["nats"]).sum() - (w * c["base_nats"]).sum()) / bits,
        "accuracy_per_byte": np.average(c["correct_per_byte"], weights=w),
        "accuracy_change": np.average(c["correct"] * 1.0 - c["base_correct"], weights=w),
        "exact_match": np.average(c["exact"], weights=w),
        "exact_match_change": np.average(c["exact"] * 1.0 - c["base_exact"], weights=w),
        "unfinished_share": np.average(c["unfinished"], weights=w),
    }
    for name in ("token_f1", "rouge_1", "rouge_2", "rouge_l", "chrf"):
        expected[name] = np.average(c[name], weights=w)
    assert set(expected) == {measure.name for measure in OWN}
    for name, value in expected.items():
        assert ask(name, sample).value == pytest.approx(value, rel=1e-12), name


def test_limits_of_a_ratio_by_the_delta_method() -> None:
    """Symmetric about the logarithm of nats per token, and of bits per byte."""
    sample = texts(60)
    nats, tokens = sample.columns["nats"], sample.columns["scored_tokens"]
    ratio = nats.sum() / tokens.sum()
    residual = nats - ratio * tokens
    error = math.sqrt(60 / 59 * (residual**2).sum()) / tokens.sum()
    reach = stats.t.isf(0.025, 59) * error / ratio
    found = ask("perplexity", sample)
    assert found.low == pytest.approx(math.exp(ratio * math.exp(-reach)), rel=1e-9)
    assert found.high == pytest.approx(math.exp(ratio * math.exp(reach)), rel=1e-9)
    bits = ask("bits_per_byte", sample)
    assert bits.low * bits.high == pytest.approx(bits.value**2, rel=1e-9)  # type: ignore[operator]
    change = ask("bits_per_byte_change", sample)
    assert change.low + change.high == pytest.approx(2 * change.value)  # type: ignore[operator]


def test_a_model_that_guesses_evenly_has_its_vocabulary_as_perplexity() -> None:
    tokens = np.arange(1, 31)
    sample = Sample({"nats": tokens * math.log(50.0), "scored_tokens": tokens})
    found = ask("perplexity", sample)
    assert found.value == pytest.approx(50, rel=1e-12)
    assert (found.low, found.method) == (None, "none")
    assert "same value" in found.details["no_interval"]


@pytest.mark.parametrize("name", RATIOS)
def test_p_values_invert_the_interval(name: str) -> None:
    sample = texts(150, per=3, weighted=True)
    free = ask(name, sample)
    for limit, side in ((free.low, "p_fail"), (free.high, "p_pass")):
        found = ask(name, sample, rule=Rule("<=", limit))  # type: ignore[arg-type]
        assert getattr(found, side) == pytest.approx(0.025, rel=1e-7)


@pytest.mark.parametrize("limit", [1.0, 0.0, -3.0])
def test_no_perplexity_is_below_one(limit: float) -> None:
    found = ask("perplexity", texts(), rule=Rule("<=", limit))
    assert (found.p_fail, found.p_pass) == (0.0, 1.0)


@pytest.mark.parametrize("name", RATIOS)
@given(seed=st.integers(0, 200), per=st.integers(1, 4), weighted=st.booleans())
def test_ratios_keep_their_range(name: str, seed: int, per: int, weighted: bool) -> None:
    found = ask(name, texts(60, seed, per, weighted=weighted), m=4)
    bottom = {"perplexity": 1.0, "bits_per_byte": 0.0}.get(name, -math.inf)
    ends = (found.low_adj, found.low, found.value, found.high, found.high_adj)
    assert all(a < b for a, b in zip((bottom, *ends), (*ends, math.inf), strict=True))


@pytest.mark.parametrize("name", RATIOS)
@given(seed=st.integers(0, 200), weighted=st.booleans())
def test_the_cut_of_the_rows_does_not_move_a_ratio(name: str, seed: int, weighted: bool) -> None:
    """A text in two rows of one cluster, or a whole text: the same sums, the same interval."""
    whole = texts(80, seed, weighted=weighted)
    parts = {k: np.concatenate([v * 0.25, v * 0.75]) for k, v in whole.columns.items()}
    twice = np.tile(np.arange(80), 2)
    weight = None if whole.weight is None else np.tile(whole.weight, 2)
    one, two = ask(name, whole), ask(name, Sample(parts, weight, twice))
    for figure in ("value", "low", "high"):
        assert getattr(one, figure) == pytest.approx(getattr(two, figure), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("measure", OWN, ids=lambda m: m.name)
@given(seed=st.integers(0, 100))
def test_a_weight_of_two_is_the_row_twice(measure, seed: int, rows: Rows) -> None:  # type: ignore[no-untyped-def]
    sample = rows(60, seed=seed)
    counts = np.random.default_rng(seed).integers(1, 4, 60)
    weighed = Sample(sample.columns, counts.astype(float))
    repeated = Sample({k: np.repeat(v, counts, axis=0) for k, v in sample.columns.items()})
    question = Question()
    assert measure.value(weighed, question) == pytest.approx(measure.value(repeated, question))


@pytest.mark.parametrize(
    ("name", "columns", "why"),
    [
        ("perplexity", {"nats": 0.0, "scored_tokens": 0}, "no scored tokens among the rows"),
        ("bits_per_byte", {"nats": 1.0, "bytes": 0}, "no bytes among the rows"),
        ("perplexity", {"nats": math.inf, "scored_tokens": 4}, "not finite"),
        ("bits_per_byte", {"nats": math.nan, "bytes": 4}, "not finite"),
        ("bits_per_byte_change", {"nats": 1.0, "base_nats": math.inf, "bytes": 4}, "not finite"),
    ],
)
def test_what_has_no_value_says_why(name: str, columns: dict[str, float], why: str) -> None:
    sample = Sample({key: np.full(20, value) for key, value in columns.items()})
    with pytest.raises(NotEstimable, match=why):
        ask(name, sample)
    with pytest.raises(NotEstimable, match=why):
        MEASURES[name].value(sample, Question())


def test_a_perplexity_beyond_any_number_is_no_figure() -> None:
    rng = np.random.default_rng(0)
    sample = Sample({"nats": rng.uniform(8e3, 9e3, 20), "scored_tokens": np.full(20, 10)})
    with pytest.raises(NotEstimable, match="larger than any number"):
        ask("perplexity", sample)


@pytest.mark.parametrize("name", RATIOS)
def test_too_few_texts_are_not_tested(name: str) -> None:
    with pytest.raises(NotEstimable, match="9 independent"):
        ask(name, texts(9))
    with pytest.raises(NotEstimable, match="40 clusters of rows, fewer than the 50 asked for"):
        ask(name, texts(80, per=2), minimum_n=50)


def test_a_tuned_model_that_answers_as_its_base_keeps_its_rule() -> None:
    same = np.random.default_rng(0).random(400) < 0.7
    sample = Sample({"correct": same, "base_correct": same})
    found = ask("accuracy_change", sample, rule=Rule(">=", -0.02))
    assert found.value == 0
    assert found.p_pass <= 0.025  # type: ignore[operator]
    assert found.low > -0.02  # type: ignore[operator]


def test_a_tuned_model_that_forgot_breaks_its_rule() -> None:
    rng = np.random.default_rng(0)
    base = rng.random(1000) < 0.7
    sample = Sample({"correct": base & (rng.random(1000) < 0.85), "base_correct": base})
    found = ask("accuracy_change", sample, rule=Rule(">=", -0.02), m=5)
    assert found.value < -0.08
    assert found.p_fail < 0.001  # type: ignore[operator]


@pytest.mark.slow
@pytest.mark.parametrize("name", RATIOS)
def test_ratios_of_skewed_texts_cover(name: str) -> None:
    """Lengths and surprises vary much; texts of one author go together."""
    truth = MEASURES[name].value(texts(1_000_000, 1, 4), Question())
    held = []
    for authors in (30, 100):
        found = [ask(name, texts(4 * authors, 2 + seed, 4)) for seed in range(1_500)]
        held.append(np.mean([f.low <= truth <= f.high for f in found]))  # type: ignore[operator]
    assert 0.93 <= np.mean(held) <= 0.97, held
    assert min(held) >= 0.92, held
