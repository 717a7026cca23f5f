"""How a method asks: generators of requests, and running many of them as one.

responses = yield from ask([Classify(text) for text in texts])
results = yield from together(search(case) for case in cases)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from fmaudit.types import Asks, Failure, Request, Response

T = TypeVar("T")


def ask(requests: Sequence[Request]) -> Asks[list[Response]]:
    """Yield the requests once; returns their responses in the same order."""
    if not requests:
        return []
    return list((yield requests))


def together(children: Iterable[Asks[T]], at_once: int = 256) -> Asks[list[T | Failure]]:
    """Run many small generators as one: each round holds what up to `at_once` of them ask.

    A search is written for one text, reads like one, and is batched over hundreds. Children
    start in order, as others finish; the results stand in the order of the children. An
    exception inside a child becomes a `Failure` in its place, and the others go on.
    """
    waiting: Iterator[tuple[int, Asks[T]]] = enumerate(children)
    results: dict[int, T | Failure] = {}
    live: dict[int, tuple[Asks[T], Sequence[Request]]] = {}

    def step(place: int, child: Asks[T], answers: Sequence[Response] | None) -> None:
        try:
            asked = next(child) if answers is None else child.send(answers)
        except StopIteration as stop:
            results[place] = stop.value
            live.pop(place, None)
        except Exception as error:  # this child's alone
            results[place] = Failure(f"{type(error).__name__}: {error}")
            live.pop(place, None)
        else:
            live[place] = (child, asked)

    try:
        while True:
            while len(live) < at_once and (more := list(islice(waiting, at_once - len(live)))):
                for place, child in more:
                    step(place, child, None)
            if not live:
                return [results[place] for place in sorted(results)]
            places = sorted(live)
            answers = iter((yield [r for place in places for r in live[place][1]]))
            for place in places:
                child, asked = live[place]
                step(place, child, list(islice(answers, len(asked))))
    finally:
        for child, _ in live.values():
            child.close()
