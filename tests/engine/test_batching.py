from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fmaudit.engine.batching import bucket, pack, shape_of
from fmaudit.models.base import Prepared
from fmaudit.types import Classify


@given(st.integers(1, 512))
def test_a_bucket_is_longer_than_its_texts_unless_they_fill_the_window(length):
    padded = bucket(length, 512)
    assert padded > length or length == 512
    assert padded - length <= max(4, length // 8 + 1)


@given(st.integers(1, 3000))
def test_buckets_rise_with_length(length):
    assert bucket(length, 0) <= bucket(length + 1, 0)


@given(st.lists(st.integers(1, 512), max_size=200), st.integers(64, 4096), st.integers(1, 64))
def test_packing_loses_nothing_and_keeps_the_budget(lengths, tokens, most):
    items = []
    for k, n in enumerate(lengths):
        p = Prepared(Classify(str(k)), None, n)
        items.append((shape_of(p, window=512, tokens=tokens, most_rows=most), k))
    batches = list(pack(items))
    assert sorted(k for _, batch in batches for k in batch) == list(range(len(lengths)))
    for shape, batch in batches:
        assert 1 <= len(batch) <= shape.rows <= most
        assert shape.rows * shape.length <= tokens or shape.rows == 1


def test_a_shape_follows_from_the_request_alone():
    p = Prepared(Classify("x"), None, 40)
    plain = shape_of(p, window=512, tokens=1024, most_rows=256)
    alone = shape_of(
        Prepared(Classify("x", under="alone"), None, 40), window=512, tokens=1024, most_rows=256
    )
    padded = shape_of(
        Prepared(Classify("x", under="padded"), None, 40), window=512, tokens=1024, most_rows=256
    )
    assert (plain.length, plain.rows) == (44, 16)
    assert (alone.length, alone.rows) == (44, 1)
    assert (padded.length, padded.rows) == (88, 16)


def test_full_window_texts_do_not_share_a_batch_with_shorter_ones():
    full = shape_of(Prepared(Classify("x"), None, 512), window=512, tokens=1024, most_rows=8)
    near = shape_of(Prepared(Classify("y"), None, 511), window=512, tokens=1024, most_rows=8)
    assert full != near
    assert full.length == near.length == 512
