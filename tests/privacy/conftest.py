from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fmaudit.types import Request, Response


@pytest.fixture
def drive() -> Callable[..., Any]:
    """Runs a method's generator with a function that answers one request."""

    def run(asks: Any, answer: Callable[[Request], Response]) -> Any:
        sent = None
        try:
            while True:
                sent = [answer(request) for request in asks.send(sent)]
        except StopIteration as stop:
            return stop.value

    return run
