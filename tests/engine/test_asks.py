from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fmaudit.engine.asks import ask, together
from fmaudit.types import Asks, Classify, Failure, Logits


def drive(generator, rule=lambda r: Logits((float(len(r.input)),))):
    """Answer a generator by a rule; returns its result and the sizes of its rounds."""
    rounds = []
    try:
        asked = next(generator)
        while True:
            rounds.append(len(asked))
            asked = generator.send([rule(r) for r in asked])
    except StopIteration as stop:
        return stop.value, rounds


def search(steps: int, name: str) -> Asks[float]:
    total = 0.0
    for k in range(steps):
        (answer,) = yield from ask([Classify(f"{name}{k}")])
        total += answer.values[0]
    return total


def test_ask_returns_responses_in_order():
    result, rounds = drive(ask([Classify("a"), Classify("bbb")]))
    assert [r.values[0] for r in result] == [1.0, 3.0]
    assert rounds == [2]


def test_asking_nothing_makes_no_round():
    assert drive(ask([])) == ([], [])


@given(st.lists(st.integers(0, 5), max_size=12), st.integers(1, 5))
def test_together_equals_one_by_one(steps, at_once):
    alone = [drive(search(n, f"s{i}-"))[0] for i, n in enumerate(steps)]
    both, rounds = drive(together((search(n, f"s{i}-") for i, n in enumerate(steps)), at_once))
    assert both == alone
    assert all(size <= at_once for size in rounds)
    assert sum(rounds) == sum(steps)


def test_many_searches_share_their_rounds():
    _, rounds = drive(together(search(3, f"s{i}-") for i in range(100)))
    assert rounds == [100, 100, 100]


def test_a_childs_exception_is_its_own():
    def broken() -> Asks[float]:
        yield from ask([Classify("x")])
        raise ValueError("no such word")

    result, _ = drive(together([search(2, "a"), broken(), search(1, "b")]))
    assert result[0] == 4.0
    assert result[1] == Failure("ValueError: no such word")
    assert result[2] == 2.0


def test_closing_closes_the_children():
    closed = []

    def child(name: str) -> Asks[None]:
        try:
            yield [Classify(name)]
        finally:
            closed.append(name)

    generator = together([child("a"), child("b")])
    next(generator)
    generator.close()
    assert sorted(closed) == ["a", "b"]
