from __future__ import annotations

import msgspec
import pytest

from fmaudit import catalog
from fmaudit.bias.lexicon import Lexicon


@pytest.fixture(scope="session")
def english() -> Lexicon:
    """The shipped English word list."""
    card = catalog.probe("bias.counterfactual_terms")
    return msgspec.convert(catalog.resolve_params(card)["lexicon"], Lexicon)
