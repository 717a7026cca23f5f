"""Batches: few shapes, little padding.

Texts of exactly one length fill batches without any padding, where transformers drops the
attention mask and takes its quickest kernel. What is left over of each length shares batches of
a bucket that is always longer than its texts, so that these keep their mask. A short batch is
filled up to 1, 2, 4 or a multiple of eight rows: with the next shorter texts, then with filler. To
fill up further would pad many texts to far more than their length, and a model that does not heed
its mask would no longer be told from one that rounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from msgspec import Struct

from fmaudit.models.base import Prepared

T = TypeVar("T")
VECTOR = 8  # rows come in multiples: kernels treat a remainder differently


class Shape(Struct, frozen=True, order=True):
    """`rows` texts of `length` tokens, padding and filler rows included."""

    length: int
    rows: int


class Limits(Struct, frozen=True):
    """What a batch may hold: `tokens` in all, `most_rows`; texts are at most `window` long.

    A window of 0 is no bound.
    """

    window: int
    tokens: int
    most_rows: int

    def rows(self, length: int) -> int:
        """Rows of a full batch of this length: at least 1, above 8 a multiple of 8."""
        rows = max(1, min(self.most_rows, self.tokens // max(1, length)))
        return rows - rows % VECTOR if rows > VECTOR else rows


def bucket(length: int, window: int) -> int:
    """The padded length: the next of 4, 8, …, 64, 72, …, 128, 144, … above `length`.

    Steps are an eighth of the power of two below, at least 4. `window` bounds it (0: no bound).

    >>> [bucket(n, 512) for n in (3, 4, 47, 100, 200, 511, 512)]
    [4, 8, 48, 104, 208, 512, 512]
    """
    step = max(4, 1 << max(0, length.bit_length() - 4))
    padded = (length // step + 1) * step
    return min(padded, window) if window else padded


def pack(
    items: Sequence[tuple[Prepared, T]], limits: Limits, *, filler: bool = True
) -> Iterator[tuple[Shape, list[T]]]:
    """Batches of the items, longest first so that memory runs out early.

    The same items in the same order give the same batches. A request under "alone" is a batch
    of one; one under "padded" is padded to twice its length. `filler`: whether the model runs
    the rows that fill a batch up, so that a shorter text in place of one costs nothing.
    """
    batches: list[tuple[Shape, list[T]]] = []
    exact: dict[int, list[T]] = {}
    loose: list[tuple[int, T]] = []
    for prepared, item in items:
        length = max(1, prepared.length)
        if prepared.request.under == "alone":
            batches.append((Shape(length, 1), [item]))
        elif prepared.request.under == "padded":
            loose.append((bucket(2 * length, limits.window), item))
        else:
            exact.setdefault(length, []).append(item)
    for length, found in exact.items():
        rows = limits.rows(length)
        whole = len(found) - len(found) % rows
        batches += [(Shape(length, rows), found[k : k + rows]) for k in range(0, whole, rows)]
        left = [(bucket(length, limits.window), item) for item in found[whole:]]
        if length == limits.window:
            batches += _shared(left, limits, filler)
        else:
            loose += left
    batches += _shared(loose, limits, filler)
    yield from sorted(batches, key=lambda batch: batch[0], reverse=True)


def pack_level(
    items: Sequence[tuple[Prepared, T]], limits: Limits
) -> Iterator[tuple[Shape, list[T]]]:
    """Batches as full as can be, whatever the lengths, longest first.

    For answers that are written a token at a time: a prompt's padding is read once, and the rows
    of a batch share every token's pass. A request under "alone" is a batch of one; one under
    "padded" is padded to twice its length.
    """
    queue = []
    for prepared, item in items:
        length = max(1, prepared.length)
        if prepared.request.under == "alone":
            yield Shape(length, 1), [item]
        else:
            doubled = bucket(2 * length, limits.window)
            queue.append((doubled if prepared.request.under == "padded" else length, item))
    queue.sort(key=lambda pair: pair[0], reverse=True)
    start = 0
    while start < len(queue):
        length = queue[start][0]
        part = queue[start : start + limits.rows(length)]
        yield Shape(length, len(part)), [item for _, item in part]
        start += len(part)


def _shared(
    loose: Sequence[tuple[int, T]], limits: Limits, filler: bool
) -> Iterator[tuple[Shape, list[T]]]:
    """Batches of (padded length, item), longest first, each as long as its longest."""
    queue = sorted(loose, key=lambda pair: pair[0], reverse=True)
    start = 0
    while start < len(queue):
        length = queue[start][0]
        most = limits.rows(length)
        own = sum(1 for padded, _ in queue[start : start + most] if padded == length)
        rows = min(most, _filled(own) if filler else -(-own // VECTOR) * VECTOR)
        part = queue[start : start + (rows if filler else own)]
        yield Shape(length, rows), [item for _, item in part]
        start += len(part)


def _filled(rows: int) -> int:
    """The rows of a batch of so many texts: 1, 2, 4, or the next multiple of eight."""
    return -(-rows // VECTOR) * VECTOR if rows > VECTOR // 2 else 1 << (rows - 1).bit_length()
