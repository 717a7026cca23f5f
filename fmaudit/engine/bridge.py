"""Library code that wants a function, as a generator of requests.

shap and LIME are written around a function that they call. Here such code runs in a thread of
its own, and each call of the function becomes a round of the engine, merged with what everybody
else asks. One side moves at a time: the thread stands still while the engine works, and the
engine while the thread does.

    values = yield from bridge(lambda query: explainer(query, text), rng)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

import numpy as np

from fmaudit.types import Asks, Request, Response

T = TypeVar("T")
Query = Callable[[Sequence[Request]], list[Response]]


def bridge(body: Callable[[Query], T], rng: np.random.Generator) -> Asks[T]:
    """Run `body(query)` and yield what it asks through `query`; returns what it returns.

    NumPy's global stream, which such libraries draw from, is seeded from `rng` for this body
    alone and put back whenever the engine's side moves. Closing the generator ends the thread.
    An exception of the body is raised here.
    """
    task = _Thread(body, rng)
    try:
        asked = task.resume(None)
        while asked is not None:
            asked = task.resume((yield asked))
        return task.result()
    finally:
        task.close()


class _Ended(BaseException):
    """Raised inside the body when the generator is closed; no library catches it by accident."""


class _Thread(Generic[T]):
    def __init__(self, body: Callable[[Query], T], rng: np.random.Generator) -> None:
        self._body = body
        self._to_body: SimpleQueue[Sequence[Response] | _Ended] = SimpleQueue()
        self._from_body: SimpleQueue[Sequence[Request] | None] = SimpleQueue()
        self._outcome: list[T] = []
        self._error: BaseException | None = None
        # The legacy global stream is what the libraries read; this one is theirs alone.
        self._stream: Any = np.random.RandomState(rng.integers(2**32, dtype=np.uint64)).get_state()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._begun = False

    def resume(self, answers: Sequence[Response] | None) -> Sequence[Request] | None:
        """Let the body move until it asks (the requests) or ends (None)."""
        ours = np.random.get_state()
        np.random.set_state(self._stream)
        try:
            if not self._begun:
                self._begun = True
                self._thread.start()
            else:
                self._to_body.put(answers or [])
            return self._from_body.get()
        finally:
            self._stream = np.random.get_state()
            np.random.set_state(ours)

    def result(self) -> T:
        """What the body returned; raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._outcome[0]

    def close(self) -> None:
        """End the thread where it stands."""
        if self._begun and self._thread.is_alive():
            self._to_body.put(_Ended())
        if self._begun:
            self._thread.join(timeout=60)

    def _query(self, requests: Sequence[Request]) -> list[Response]:
        self._from_body.put(requests)
        answers = self._to_body.get()
        if isinstance(answers, _Ended):
            raise answers
        return list(answers)

    def _run(self) -> None:
        try:
            self._outcome.append(self._body(self._query))
        except _Ended:
            return
        except BaseException as error:  # carried to the engine's side, and raised there
            self._error = error
        self._from_body.put(None)
