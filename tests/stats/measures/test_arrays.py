from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures.arrays import like, share, weights
from fmaudit.stats.sample import Sample


def test_share_of_arrays_and_tensors() -> None:
    events, w = np.array([True, False, True]), np.array([1.0, 2.0, 5.0])
    assert share(events, Sample({"e": events}, w)) == 0.75
    assert share(torch.tensor(events), Sample({"e": torch.tensor(events)}, w)) == 0.75


def test_like_lies_where_its_example_does() -> None:
    assert isinstance(like(np.ones(2), torch.zeros(1)), torch.Tensor)
    assert isinstance(like(np.ones(2), np.zeros(1)), np.ndarray)


def test_no_rows_have_no_weights() -> None:
    with pytest.raises(NotEstimable, match="no rows"):
        weights(Sample({"e": np.zeros(0)}), np.zeros(0))


def test_scipy_without_array_support_is_named() -> None:
    """Another library may have loaded scipy first: the message says what to set."""
    code = (
        "import torch; from fmaudit.stats.sample import Question, Sample\n"
        "from fmaudit.stats.measures import get\n"
        "columns = {'label': torch.ones(3), 'predicted': torch.ones(3)}\n"
        "get('accuracy').value(Sample(columns), Question())"
    )
    environment = {**os.environ, "SCIPY_ARRAY_API": "0"}
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert "RunError" in found.stderr
    assert "set SCIPY_ARRAY_API=1" in found.stderr
