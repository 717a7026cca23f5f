from __future__ import annotations

import pytest
from support import Bench


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)
