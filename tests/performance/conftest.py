from __future__ import annotations

from pathlib import Path

import pytest
from support_answers import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Runs a probe over fake models."""
    return Bench(tmp_path)
