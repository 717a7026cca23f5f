from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from fmaudit import catalog
from fmaudit.robustness.character_noise import NoiseParams
from fmaudit.robustness.noise import Noise
from fmaudit.types import Request, Response


@pytest.fixture(scope="session")
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
def params() -> NoiseParams:
    """The shipped card's parameters."""
    card = catalog.probe("robustness.character_noise")
    return msgspec.convert(catalog.resolve_params(card), NoiseParams)


@pytest.fixture(scope="session")
def noise(params: NoiseParams) -> Noise:
    """The shipped English lists."""
    return params.noise
