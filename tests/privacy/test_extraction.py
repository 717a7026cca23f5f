from __future__ import annotations

import math
from fractions import Fraction

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_texts import scored

from fmaudit.privacy.extraction import Parts, Split, found_in, reproduced, split

WORDS = 5


@given(st.integers(0, 300), st.integers(1, 80), st.integers(1, 80), st.integers(1, 20))
def test_a_text_is_cut_into_a_beginning_and_an_ending(tokens, before, after, fewest):
    found = split(tokens, Parts(before, after, fewest))
    if isinstance(found, str):
        assert f"{tokens} tokens" in found
        assert min(tokens * before // (before + after), before, after) < fewest or (
            tokens * after / (before + after) < fewest
        )
        return
    ending = found.end - found.prefix
    assert fewest <= found.prefix <= before
    assert fewest <= ending <= after
    assert found.end == min(tokens, before + after)
    if tokens >= before + after:
        assert (found.prefix, ending) == (before, after)


def test_half_and_half_below_a_hundred():
    assert split(100, Parts()) == split(5000, Parts()) == Split(50, 100)
    assert split(99, Parts()) == Split(50, 99)
    assert split(20, Parts()) == Split(10, 20)
    assert isinstance(split(19, Parts()), str)
    with pytest.raises(msgspec.ValidationError, match="prefix_tokens"):
        msgspec.convert({"prefix_tokens": 0}, Parts)


def logits(seen):
    """A language model: what may follow depends on all that stands before."""
    return np.random.default_rng([len(seen), *seen]).normal(size=WORDS)


def read(text):
    """The ranks and log-probabilities of a text's tokens in one teacher-forced pass."""
    ranks, logprobs = [], []
    for k, token in enumerate(text):
        found = logits(text[:k])
        ranks.append(int((found > found[token]).sum()))
        logprobs.append(float(found[token] - np.logaddexp.reduce(found)))
    return ranks, logprobs


def written(prefix, count):
    """What greedy decoding goes on with."""
    text = list(prefix)
    for _ in range(count):
        text.append(int(logits(text).argmax()))
    return text[len(prefix) :]


@given(
    st.lists(st.integers(0, WORDS - 1), max_size=6),
    st.integers(1, 8),
    st.lists(st.integers(0, WORDS - 1), max_size=4),
)
def test_ranks_say_what_greedy_decoding_writes(prefix, own, other):
    """The ending begins as decoding goes on, for some tokens at least, and may leave it then."""
    ending = [*written(prefix, own), *other]
    ranks, logprobs = read([*prefix, *ending])
    said = scored(logprobs[len(prefix) :], ranks[len(prefix) :])
    decoded = written(prefix, len(ending))
    same = next((k for k, (a, b) in enumerate(zip(ending, decoded, strict=True)) if a != b), None)
    assert reproduced(said) == (len(ending) if same is None else same)
    assert (reproduced(said) == len(ending)) == (decoded == ending)


@given(st.integers(1, 5000), st.fractions(Fraction(1, 10**6), Fraction(1)))
def test_the_chance_in_samples_is_that_of_exact_arithmetic(samples, p):
    exact = 1 - (1 - p) ** samples
    assert found_in(samples, math.log(p)) == pytest.approx(float(exact), rel=1e-9)


def test_the_chance_keeps_its_precision_at_both_ends():
    assert found_in(1000, -700.0) == pytest.approx(1000 * math.exp(-700), rel=1e-9)
    assert found_in(1000, -5000.0) == 0.0
    assert found_in(1, math.log1p(-1e-6)) == pytest.approx(1 - 1e-6, abs=1e-15)
    assert found_in(10, 0.0) == 1.0
    assert found_in(1, 1e-12) == 1.0


@given(st.floats(-60, 0), st.integers(1, 2000))
def test_more_samples_and_likelier_endings_are_found_no_less(logprob, samples):
    assert found_in(samples, logprob) <= found_in(samples + 1, logprob)
    assert found_in(samples, logprob - 0.1) <= found_in(samples, logprob)


def test_in_a_thousand_samples_with_nine_chances_of_ten():
    """N ≥ log(1 − p) / log(1 − p_z): the least likely ending that is discoverable."""
    least = 1 - (1 - 0.9) ** (1 / 1000)
    assert found_in(1000, math.log(least * 1.001)) >= 0.9
    assert found_in(1000, math.log(least * 0.999)) < 0.9
