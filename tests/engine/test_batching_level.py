"""Batches of answers that are written: as full as can be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fmaudit.engine.batching import Limits, pack_level
from fmaudit.models.base import Prepared
from fmaudit.types import Generate

UNDER = ("", "alone", "padded")
prompts = st.lists(st.tuples(st.integers(1, 60), st.sampled_from(UNDER)), max_size=40)


def items(lengths):
    return [
        (Prepared(Generate(f"p{k}", under=under), None, length), k)
        for k, (length, under) in enumerate(lengths)
    ]


@given(prompts)
def test_every_prompt_stands_in_one_batch_that_it_fits(lengths):
    limits = Limits(window=64, tokens=256, most_rows=16)
    seen = []
    for shape, batch in pack_level(items(lengths), limits):
        assert len(batch) == shape.rows <= max(1, limits.rows(shape.length))
        for k in batch:
            length, under = lengths[k]
            assert length <= shape.length
            assert under != "alone" or shape.rows == 1
            assert under != "padded" or shape.length >= min(64, 2 * length)
        seen += batch
    assert sorted(seen) == list(range(len(lengths)))


def test_prompts_of_all_lengths_share_a_batch():
    found = list(pack_level(items([(n, "") for n in range(1, 9)]), Limits(64, 256, 16)))
    assert [(shape.length, shape.rows) for shape, _ in found] == [(8, 8)]
