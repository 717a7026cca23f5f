from __future__ import annotations

import random
import threading

import numpy as np
import pytest
from support import Bench

from fmaudit.engine import bridge as module
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


def rng(seed=0):
    return np.random.default_rng(seed)


def library(query, name):
    """What shap does: draw from NumPy's global stream and call the function with the draw."""
    total = 0.0
    for _ in range(3):
        text = name * int(np.random.randint(1, 9))  # noqa: NPY002
        (found,) = query([Classify(text)])
        total += found.values[0] * random.random()
    return total


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def test_a_body_runs_and_returns():
    value, rounds = drive(bridge(lambda q: library(q, "x"), rng(1)))
    assert value > 0
    assert rounds == [1, 1, 1]


def test_a_body_that_asks_nothing():
    assert drive(bridge(lambda q: q([]), rng())) == ([], [])


def test_the_global_streams_are_the_bodys_own():
    np.random.seed(5)  # noqa: NPY002
    random.seed(5)
    before, state = np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    alone, _ = drive(bridge(lambda q: library(q, "x"), rng(1)))
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
    assert random.getstate() == state
    many, rounds = drive(together(bridge(lambda q: library(q, "x"), rng(k)) for k in (1, 2, 3)))
    assert many[0] == alone
    assert len(set(many)) == 3
    assert rounds == [3, 3, 3]


def test_two_hundred_at_once():
    wanted = [drive(bridge(lambda q: library(q, "x"), rng(k)))[0] for k in range(200)]
    found, rounds = drive(
        together((bridge(lambda q: library(q, "x"), rng(k)) for k in range(200)), at_once=200)
    )
    assert found == wanted
    assert rounds == [200, 200, 200]


def test_an_exception_of_the_body_is_raised_outside():
    def body(query):
        query([Classify("x")])
        raise KeyError("weights")

    with pytest.raises(KeyError, match="weights"):
        drive(bridge(body, rng()))


def test_in_together_it_fails_one_child():
    def body(query):
        raise ValueError("cannot explain")

    results, _ = drive(together([bridge(body, rng()), bridge(lambda q: 3, rng())]))
    assert results == [Failure("ValueError: cannot explain"), 3]


def test_a_failure_is_an_answer_like_another():
    generator = bridge(lambda q: q([Classify("x")]), rng())
    next(generator)
    with pytest.raises(StopIteration) as stop:
        generator.send([Failure("no memory")])
    assert stop.value.value == [Failure("no memory")]


def test_closing_ends_the_thread_even_where_the_library_catches_exceptions():
    def stubborn(query):
        while True:
            try:
                query([Classify("x")])
            except Exception:
                continue

    before = threading.active_count()
    generator = bridge(stubborn, rng())
    next(generator)
    assert threading.active_count() == before + 1
    generator.close()
    assert threading.active_count() == before


def test_a_closed_body_that_asks_on_its_way_out_is_refused_again():
    """`except:` and a second try, as libraries do where a batch was too large."""
    refused = []

    def body(query):
        try:
            query([Classify("x")])
        except BaseException:
            try:
                query([Classify("y")])
            except BaseException as error:
                refused.append(error)
                raise

    generator = bridge(body, rng())
    next(generator)
    generator.close()
    assert len(refused) == 1
    assert not isinstance(refused[0], Exception)


def test_closing_before_the_first_step_starts_nothing():
    bridge(lambda q: q([Classify("x")]), rng()).close()


def test_closing_puts_the_streams_back():
    def body(query):
        try:
            query([Classify("x")])
        finally:
            np.random.rand(7)  # noqa: NPY002

    generator = bridge(body, rng())
    next(generator)
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1:3]  # noqa: NPY002
    generator.close()
    after = np.random.get_state()[1:3]  # noqa: NPY002
    assert (before[0] == after[0]).all()
    assert before[1] == after[1]


def test_an_interrupt_in_the_engine_ends_every_thread():
    def endless(query):
        while True:
            query([Classify("x")])

    generator = together(bridge(endless, rng(k)) for k in range(5))
    next(generator)
    with pytest.raises(KeyboardInterrupt):
        generator.throw(KeyboardInterrupt())


def test_a_thread_that_cannot_be_started_is_an_error_of_its_own(monkeypatch):
    def full(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(module.threading.Thread, "start", full)
    with pytest.raises(RuntimeError, match="can't start"):
        drive(bridge(lambda q: 1, rng()))


def test_threads_of_the_library_ask_one_after_another():
    """Each gets the answer to its own question."""

    def body(query):
        found = {}

        def one(length):
            for _ in range(5):
                (response,) = query([Classify("x" * length)])
                found.setdefault(length, set()).add(response.values[0])

        threads = [threading.Thread(target=one, args=(n,)) for n in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    found, rounds = drive(bridge(body, rng()))
    assert found == {n: {float(n)} for n in range(1, 9)}
    assert rounds == [1] * 40


def test_what_it_asks_is_merged_and_fills_batches(tmp_path):
    """Bodies that ask for two texts a round are answered in batches of more."""
    bench = Bench(tmp_path)

    def body(query, name):
        total = 0.0
        for k in range(4):
            answers = query([Classify(f"{name} {k}"), Classify(f"shared {k}")])
            total += sum(a.values[1] for a in answers)
        return total

    driven = together(bridge(lambda q, n=n: body(q, f"n{n}"), rng(n)) for n in range(24))
    answers = None
    while True:
        try:
            answers = bench.engine.answer(driven.send(answers))
        except StopIteration as stop:
            found = stop.value
            break
    assert len(set(found)) == 24
    assert bench.calls() == 4 * 25
    assert all(answered == 25 for answered, _, _ in bench.model.shapes)
