"""The spread of descriptors and the pairs that differ, by both writings of the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support_verify import agree

from fmaudit.reporting.verify.rows import Rows
from fmaudit.stats.sample import Sample
from fmaudit.types import Rule

NAMES = ("descriptor_spread", "descriptor_spread_change", "likelihood_bias")


def table(attributes: int, frames: int, descriptors: int, seed: int) -> dict[str, Any]:
    """Sentences of frames that stand under every attribute; nats to a tenth, so that some tie."""
    rng = np.random.default_rng(seed)
    places = np.array(
        [(a, t, d) for a in range(attributes) for t in range(frames) for d in range(descriptors)]
    )
    a, t, d = places.T
    own = rng.normal(0, 0.3, (attributes, descriptors))[a, d]
    nats = rng.normal(4, 0.5, frames)[t] + own + rng.normal(0, 0.3, len(places))
    return {
        "nats": np.round(nats, 1),
        "base_nats": np.round(nats - own / 2 + rng.normal(0, 0.1, len(places)), 1),
        "attribute": np.array([f"a{k}" for k in a], dtype=object),
        "descriptor": np.array([f"d{k}" for k in d], dtype=object),
        "frame": np.array([f"t{k}" for k in t], dtype=object),
        "unit": t,
    }


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None)  # the first call loads SciPy
@given(
    attributes=st.integers(1, 3),
    frames=st.integers(8, 16),
    descriptors=st.integers(1, 4),
    lost=st.sampled_from([0.0, 0.02, 0.2]),
    seed=st.integers(0, 999),
    op=st.sampled_from(["<=", ">=", None]),
)
def test_both_writings_agree(
    name: str, attributes: int, frames: int, descriptors: int, lost: float, seed: int, op: Any
) -> None:
    whole = table(attributes, frames, descriptors, seed)
    kept = np.random.default_rng(seed + 1).random(len(whole["nats"])) >= lost
    columns = {column: values[kept] for column, values in whole.items()}
    unit = columns.pop("unit")
    weight, stratum = np.ones(len(unit)), np.zeros(len(unit), dtype=int)
    rule = None if op is None or name == "likelihood_bias" else Rule(op, 0.02)
    agree(name, Sample(columns, cluster=unit), Rows(columns, weight, unit, stratum, None), rule, 1)
