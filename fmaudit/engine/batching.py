"""Batches of fixed shape.

A request's batch shape (rows × length) follows from its own length alone. Short batches are
filled up. So a text meets the same kernels whatever else is asked beside it, and with most of
them its answer is the same to the last bit.

A text that fills the model's window has a bucket of its own, and every other bucket is longer
than its texts: transformers drops the attention mask, and so takes another kernel, where a batch
happens to hold no padding at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from msgspec import Struct

from fmaudit.models.base import Prepared

T = TypeVar("T")


class Shape(Struct, frozen=True, order=True):
    """`rows` texts padded to `length` tokens; `full` where the texts fill the window."""

    length: int
    rows: int
    full: bool = False


def bucket(length: int, window: int) -> int:
    """The padded length: the next of 4, 8, …, 64, 72, …, 128, 144, … above `length`.

    Steps are an eighth of the power of two below, at least 4: about 3 % padding.
    `window` bounds it (0: no bound).

    >>> [bucket(n, 512) for n in (3, 4, 47, 100, 200, 511, 512)]
    [4, 8, 48, 104, 208, 512, 512]
    """
    step = max(4, 1 << max(0, length.bit_length() - 4))
    padded = (length // step + 1) * step
    return min(padded, window) if window else padded


def shape_of(prepared: Prepared, *, window: int, tokens: int, most_rows: int) -> Shape:
    """The shape that this request is run in, under its condition."""
    length = bucket(prepared.length, window)
    rows = max(1, min(most_rows, tokens // max(1, length)))
    rows -= rows % 8 if rows > 8 else 0  # whole vectors: kernels treat a remainder differently
    under = prepared.request.under
    if under == "alone":
        rows = 1
    elif under == "padded":
        length = bucket(2 * prepared.length, window)
    return Shape(length, rows, prepared.length == window)


def pack(items: Sequence[tuple[Shape, T]]) -> Iterator[tuple[Shape, list[T]]]:
    """Batches of at most `shape.rows`, longest shapes first so that memory runs out early.

    The order within a shape is the order given.
    """
    shapes: dict[Shape, list[T]] = {}
    for shape, item in items:
        shapes.setdefault(shape, []).append(item)
    for shape in sorted(shapes, reverse=True):
        found = shapes[shape]
        for start in range(0, len(found), shape.rows):
            yield shape, found[start : start + shape.rows]
