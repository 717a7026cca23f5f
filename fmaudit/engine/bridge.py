"""Library code that wants a function, as a generator of requests.

shap and LIME are written around a function that they call. Here such code runs in a thread of
its own, and each call of the function becomes a round of the engine, merged with what everybody
else asks. One side moves at a time: the thread stands still while the engine works, and the
engine while the thread does.

    values = yield from bridge(lambda query: explainer(query, text), rng)
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

import numpy as np

from fmaudit.types import Asks, Request, Response

T = TypeVar("T")
Query = Callable[[Sequence[Request]], list[Response]]

PATIENCE = 60.0  # seconds that a closed body has to come to its end


def bridge(body: Callable[[Query], T], rng: np.random.Generator) -> Asks[T]:
    """Run `body(query)` and yield what it asks through `query`; returns what it returns.

    The global streams of NumPy and of `random`, which such libraries draw from, are seeded from
    `rng` for this body alone and put back whenever the engine's side moves. An exception of the
    body is raised here. Closing the generator ends the body: each `query` from then on raises,
    and what it raises is no `Exception`. Threads that the body starts may ask as well, one after
    another.
    """
    task = _Thread(body, rng)
    try:
        asked = task.start()
        while asked is not None:
            asked = task.resume((yield asked))
        return task.result()
    finally:
        task.close()


class _Ended(BaseException):
    """Raised inside the body when the generator is closed; no library catches it by accident."""


class _Thread(Generic[T]):
    """The body's side. The engine's side calls `start`, `resume`, `result` and `close`."""

    def __init__(self, body: Callable[[Query], T], rng: np.random.Generator) -> None:
        self._body = body
        self._answers: SimpleQueue[Sequence[Response] | None] = SimpleQueue()
        self._asked: SimpleQueue[Sequence[Request] | None] = SimpleQueue()
        self._outcome: list[T] = []
        self._error: BaseException | None = None
        self._streams = _seeded(rng)
        self._one_asks = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="bridge", daemon=True)

    def start(self) -> Sequence[Request] | None:
        """Let the body move until it first asks (the requests) or ends (None)."""
        with self._theirs():
            self._thread.start()
            return self._asked.get()

    def resume(self, answers: Sequence[Response]) -> Sequence[Request] | None:
        """Hand it the answers, and let it move until it asks again or ends."""
        with self._theirs():
            self._answers.put(answers)
            return self._asked.get()

    def result(self) -> T:
        """What the body returned; raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._outcome[0]

    def close(self) -> None:
        """End the body where it stands."""
        self._closed = True
        if self._thread.is_alive():
            with self._theirs():
                self._answers.put(None)
                self._thread.join(PATIENCE)

    @contextmanager
    def _theirs(self) -> Iterator[None]:
        """The global streams are the body's own for as long as it moves."""
        ours = _streams()
        _set_streams(self._streams)
        try:
            yield
        finally:
            self._streams = _streams()
            _set_streams(ours)

    def _query(self, requests: Sequence[Request]) -> list[Response]:
        with self._one_asks:
            if self._closed:
                raise _Ended
            if not requests:
                return []
            self._asked.put(tuple(requests))
            answers = self._answers.get()
            if answers is None:
                raise _Ended
            return list(answers)

    def _run(self) -> None:
        try:
            self._outcome.append(self._body(self._query))
        except _Ended as ended:
            self._error = None if self._closed else ended
        except BaseException as error:  # carried to the engine's side, and raised there
            self._error = error
        finally:
            self._asked.put(None)


def _seeded(rng: np.random.Generator) -> tuple[Any, Any]:
    """States of both global streams, drawn from `rng`."""
    seeds = rng.integers(2**32, size=2, dtype=np.uint64)
    return np.random.RandomState(seeds[0]).get_state(), random.Random(int(seeds[1])).getstate()


def _streams() -> tuple[Any, Any]:
    return np.random.get_state(), random.getstate()


def _set_streams(streams: tuple[Any, Any]) -> None:
    np.random.set_state(streams[0])
    random.setstate(streams[1])
