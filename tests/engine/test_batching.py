from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.engine.batching import Limits, Shape, bucket, pack
from fmaudit.models.base import Prepared
from fmaudit.types import Classify

CONDITIONS = st.sampled_from(["", "", "", "alone", "padded"])


def item(k, length, under="", dtype=""):
    asked = Classify(str(k), under=under, dtype=dtype)
    return Prepared(asked, None, length), (k, length, under)


@given(st.integers(1, 512))
def test_a_bucket_is_longer_than_its_texts_unless_they_fill_the_window(length):
    padded = bucket(length, 512)
    assert padded > length or length == 512
    assert padded - length <= max(4, length // 8 + 1)


@given(st.integers(1, 3000))
def test_buckets_rise_with_length(length):
    assert bucket(length, 0) <= bucket(length + 1, 0)


@given(
    st.lists(st.tuples(st.integers(0, 512), CONDITIONS), max_size=200),
    st.integers(64, 4096),
    st.integers(1, 64),
    st.booleans(),
)
def test_packing_loses_nothing_and_keeps_the_limits(texts, tokens, most, filler):
    limits = Limits(512, tokens, most)
    items = [item(k, n, u) for k, (n, u) in enumerate(texts)]
    batches = list(pack(items, limits, filler=filler))
    assert sorted(k for _, batch in batches for k, _, _ in batch) == list(range(len(texts)))
    for shape, batch in batches:
        assert 1 <= len(batch) <= shape.rows <= most
        assert shape.rows * shape.length <= tokens or shape.rows == 1
        assert all(n <= shape.length for _, n, _ in batch)
    assert [s for s, _ in batches] == sorted((s for s, _ in batches), reverse=True)


@given(st.lists(st.integers(1, 60), max_size=300))
def test_a_batch_is_all_of_one_length_or_all_padded(lengths):
    for shape, batch in pack([item(k, n) for k, n in enumerate(lengths)], Limits(64, 512, 32)):
        padded = [shape.length > n for _, n, _ in batch]
        assert all(padded) or not any(padded)


def test_equal_lengths_are_not_padded():
    batches = list(pack([item(k, 47) for k in range(32)], Limits(512, 1024, 256)))
    assert [(s, len(b)) for s, b in batches] == [(Shape(47, 16), 16), (Shape(47, 16), 16)]


def test_what_is_left_over_shares_a_bucket():
    lengths = [40] * 3 + [41] * 4 + [42] * 2
    ((shape, batch),) = pack([item(k, n) for k, n in enumerate(lengths)], Limits(512, 1024, 256))
    assert (shape, len(batch)) == (Shape(44, 16), 9)


def test_shorter_texts_take_the_place_of_filler():
    lengths = [100] * 3 + [60] * 7
    batches = list(pack([item(k, n) for k, n in enumerate(lengths)], Limits(512, 1024, 256)))
    assert [(s, len(b)) for s, b in batches] == [(Shape(104, 4), 4), (Shape(64, 8), 6)]


def test_where_filler_is_not_run_shorter_texts_stay_among_themselves():
    items = [item(k, n) for k, n in enumerate([100] * 3 + [60] * 5)]
    batches = list(pack(items, Limits(512, 1024, 256), filler=False))
    assert [(s.length, len(b)) for s, b in batches] == [(104, 3), (64, 5)]


@given(st.lists(st.integers(1, 200), min_size=1, max_size=20))
def test_a_few_texts_of_many_lengths_cost_little_more_than_one_batch_of_the_longest(lengths):
    batches = pack([item(k, n) for k, n in enumerate(lengths)], Limits(512, 10**6, 256))
    most = (len(lengths) + 7) * bucket(max(lengths), 512)
    assert sum(shape.rows * shape.length for shape, _ in batches) <= most


def test_without_filler_the_rows_say_how_much_fits():
    """An attribution runs that many points of its path at once."""
    ((shape, _),) = pack([item(0, 40)], Limits(512, 1024, 256), filler=False)
    assert shape == Shape(44, 8)


@pytest.mark.parametrize("dtype", ["", "float32"])
@pytest.mark.parametrize(("under", "expected"), [("alone", Shape(40, 1)), ("padded", Shape(88, 1))])
def test_conditions(under, expected, dtype):
    ((shape, _),) = pack([item(0, 40, under, dtype)], Limits(512, 1024, 256))
    assert shape == expected


def test_full_window_texts_do_not_share_a_batch_with_shorter_ones():
    batches = list(pack([item(0, 512), item(1, 511)], Limits(512, 4096, 8)))
    assert [len(b) for _, b in batches] == [1, 1]
