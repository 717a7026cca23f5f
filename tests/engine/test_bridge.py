from __future__ import annotations

import threading

import numpy as np
import pytest

from fmaudit.engine.asks import together
from fmaudit.engine.bridge import bridge
from fmaudit.types import Classify, Failure, Logits


def answer(request):
    return Logits((float(len(request.input)),))


def drive(generator):
    rounds = []
    try:
        asked = next(generator)
        while True:
            rounds.append(len(asked))
            asked = generator.send([answer(r) for r in asked])
    except StopIteration as stop:
        return stop.value, rounds


def library(query, name):
    """What shap does: draw from NumPy's global stream and call the function with the draw."""
    total = 0.0
    for _ in range(3):
        text = name * int(np.random.randint(1, 9))  # noqa: NPY002
        (found,) = query([Classify(text)])
        total += found.values[0]
    return total


def test_a_body_runs_and_returns():
    value, rounds = drive(bridge(lambda q: library(q, "x"), np.random.default_rng(1)))
    assert value > 0
    assert rounds == [1, 1, 1]


def test_the_global_stream_is_the_bodys_own():
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    alone, _ = drive(bridge(lambda q: library(q, "x"), np.random.default_rng(1)))
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
    many, rounds = drive(
        together(bridge(lambda q: library(q, "x"), np.random.default_rng(k)) for k in (1, 2, 3))
    )
    assert many[0] == alone
    assert rounds == [3, 3, 3]


def test_an_exception_of_the_body_is_raised_outside():
    def body(query):
        query([Classify("x")])
        raise KeyError("weights")

    with pytest.raises(KeyError, match="weights"):
        drive(bridge(body, np.random.default_rng(0)))


def test_in_together_it_fails_one_child():
    def body(query):
        raise ValueError("cannot explain")

    results, _ = drive(together([bridge(body, np.random.default_rng(0))]))
    assert results == [Failure("ValueError: cannot explain")]


def test_closing_ends_the_thread_even_where_the_library_catches_exceptions():
    def stubborn(query):
        while True:
            try:
                query([Classify("x")])
            except Exception:
                continue

    before = threading.active_count()
    generator = bridge(stubborn, np.random.default_rng(0))
    next(generator)
    assert threading.active_count() == before + 1
    generator.close()
    assert threading.active_count() == before
