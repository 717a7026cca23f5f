from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fmaudit.explanations.certificate import (
    CERTIFIED,
    UNMOVED,
    certificate,
    certify,
    cuts,
    erasure,
    rank_p,
    ranked,
)
from fmaudit.explanations.words import words_of
from fmaudit.types import Classify, Failure, Logits, Pair

CLASSES = ("no", "yes")
TEXT = "one two three four five six seven eight nine ten"


def drive(asks, answer):
    sent = None
    try:
        while True:
            requests = asks.send(sent)
            assert all(isinstance(r, Classify) for r in requests)
            assert len(set(requests)) == len(requests)
            sent = [answer(r) for r in requests]
    except StopIteration as stop:
        return stop.value


def logit(p):
    return Logits((0.0, float(np.log(p / (1 - p)))))


def reads(word, high=0.9, low=0.2):
    """A model that says yes where a word is there."""

    def answer(request):
        value = request.input
        text = value if isinstance(value, str) else f"{value.first} {value.second}"
        return logit(high if word in text.split() else low)

    return answer


def certified(scores, answer, value=TEXT, seed=0, orders=5, predicted=1):
    rng = np.random.default_rng(seed)
    return drive(certify(value, words_of(value), scores, predicted, CLASSES, rng, orders), answer)


def test_a_map_that_names_the_word():
    found = certified([0, 0, 0, 5, 0, 0, 0, 0, 0, 0], reads("four"))
    assert set(found) == set(CERTIFIED)
    assert found["comprehensiveness"] == pytest.approx(0.7)  # gone at each of k = 1, 2, 5
    assert found["sufficiency"] == pytest.approx(0)
    assert found["random_comprehensiveness"] < 0.7
    assert found["random_sufficiency"] > 0
    assert found["rank_p"] <= 1 / 2


def test_a_map_that_names_the_wrong_word_first():
    scores = [9, 8, 7, -1, 6, 5, 4, 3, 2, 1]  # "four" comes last
    found = certified(scores, reads("four"))
    assert found["comprehensiveness"] == pytest.approx(0)
    assert found["sufficiency"] == pytest.approx(0.7)
    assert found["rank_p"] == 1


def test_the_probability_is_that_of_the_predicted_class():
    found = certified([0, 0, 0, 5, 0, 0, 0, 0, 0, 0], reads("four", 0.1, 0.8), predicted=0)
    assert found["comprehensiveness"] == pytest.approx(0.7)


def test_signs_count():
    """The word that speaks against the class is not among the first."""
    found = certified([1, 1, 1, -50, 1, 1, 1, 1, 1, 1], reads("four"))
    assert found["comprehensiveness"] == pytest.approx(0)


def test_both_texts_of_a_pair():
    value = Pair("one two three", "four five six")
    found = certified([0, 0, 0, 1, 0, 0], reads("four"), value)
    assert found["comprehensiveness"] == pytest.approx(0.7)


def test_the_counts_of_words():
    assert cuts(5) == (1, 3)
    assert cuts(10) == (1, 2, 5)
    assert cuts(20) == (1, 2, 4, 10)
    assert cuts(100) == (1, 5, 10, 20, 50)
    assert cuts(101) == (2, 6, 11, 21, 51)


@given(st.integers(2, 400))
def test_every_count_leaves_and_takes_a_word(words):
    counts = cuts(words)
    assert list(counts) == sorted(set(counts))
    assert counts[0] >= 1
    assert counts[-1] < words


def test_texts_of_an_order():
    tried = erasure(TEXT, words_of(TEXT), [3, 0, 1, 2, 4, 5, 6, 7, 8, 9])
    assert tried.removed[0] == "one two three five six seven eight nine ten"
    assert tried.kept == ("four", "one four", "one two three four five")


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=20))
def test_ranks_go_from_high_to_low(scores):
    order = ranked(scores, np.random.default_rng(0))
    assert sorted(order) == list(range(len(scores)))
    assert list(np.array(scores)[order]) == sorted(scores, reverse=True)


def test_equal_scores_are_ordered_at_random():
    rng = np.random.default_rng(0)
    first = [int(ranked([0.0] * 10, rng)[0]) for _ in range(2000)]
    assert np.bincount(first, minlength=10).min() > 120  # 200 each
    flat = [certified([0.0] * 10, reads("four"), seed=k) for k in range(300)]
    excess = np.mean([f["comprehensiveness"] - f["random_comprehensiveness"] for f in flat])
    assert abs(excess) < 0.05


def test_the_same_stream_gives_the_same_certificate():
    scores = list(np.random.default_rng(5).normal(size=10))
    assert certified(scores, reads("four")) == certified(scores, reads("four"))


def test_a_rank_under_five_percent_takes_39_orders():
    assert rank_p(1.0, [0.0] * 39) == 1 / 40
    assert rank_p(1.0, [0.0] * 5) == 1 / 6
    assert rank_p(1.0, [1.0] * 5) == 1


@given(st.lists(st.floats(0.001, 0.999), min_size=60, max_size=60), st.integers(0, 9))
def test_figures_stay_in_their_range(chances, seed):
    pool = iter(chances * 2)
    found = certified(list(range(10)), lambda request: logit(next(pool)), seed=seed)
    assume(found != UNMOVED)
    for name in CERTIFIED:
        assert -1 <= found[name] <= 1
    gain = found["comprehensiveness"] - found["random_comprehensiveness"]
    assert -1 <= gain <= 1  # both fall from one probability


def test_an_answer_that_cannot_be_used_is_a_failure():
    def answer(request):
        return Failure("no room", transient=True) if "four" not in request.input else logit(0.9)

    found = certified([0, 0, 0, 5, 0, 0, 0, 0, 0, 0], answer)
    assert found == Failure("without some words: no room", transient=True)


def test_published_answers_are_scored_without_an_engine():
    words = words_of("a b c d e")
    tried = [erasure("a b c d e", words, order) for order in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0])]
    ps = {
        "a b c d e": 0.9,
        "b c d e": 0.5, "d e": 0.3, "a": 0.6, "a b c": 0.8,
        "a b c d": 0.7, "a b": 0.6, "e": 0.2, "c d e": 0.4,
    }  # fmt: skip
    answers = {text: logit(p) for text, p in ps.items()}
    found = certificate("a b c d e", tried, answers, 1, CLASSES)
    assert found == pytest.approx(
        {
            "comprehensiveness": (0.4 + 0.6) / 2, "sufficiency": (0.3 + 0.1) / 2,
            "random_comprehensiveness": (0.2 + 0.3) / 2, "random_sufficiency": (0.7 + 0.5) / 2,
            "rank_p": 1 / 2,
        }
    )  # fmt: skip


@pytest.mark.parametrize(("low", "moved"), [(0.8995, False), (0.9, False), (0.898, True)])
def test_a_decision_that_no_words_move_is_not_certified(low, moved):
    found = certified([0, 0, 0, 5, 0, 0, 0, 0, 0, 0], reads("four", 0.9, low))
    assert (found == UNMOVED) != moved
    if moved:
        assert found["comprehensiveness"] == pytest.approx(0.002)
