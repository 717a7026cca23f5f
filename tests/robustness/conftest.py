from __future__ import annotations

import msgspec
import pytest

from fmaudit import catalog
from fmaudit.robustness.character_noise import NoiseParams
from fmaudit.robustness.noise import Noise


@pytest.fixture(scope="session")
def params() -> NoiseParams:
    """The shipped card's parameters."""
    card = catalog.probe("robustness.character_noise")
    return msgspec.convert(catalog.resolve_params(card), NoiseParams)


@pytest.fixture(scope="session")
def noise(params: NoiseParams) -> Noise:
    """The shipped English lists."""
    return params.noise
