from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from fmaudit import catalog
from fmaudit.bias.lexicon import Lexicon
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


@pytest.fixture(scope="session")
def english() -> Lexicon:
    """The shipped English word list."""
    card = catalog.probe("bias.counterfactual_terms")
    return msgspec.convert(catalog.resolve_params(card)["lexicon"], Lexicon)
