"""What a benchmark's format is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

Item = Mapping[str, Any]


class Format(NamedTuple):
    """How a published file is read.

    `columns`: what each item has. `read`: the items of a file, and of the second one where
    `beside` says, in words, what that holds.
    """

    columns: tuple[str, ...]
    read: Callable[[Path, Path | None], Iterator[Item]]
    beside: str = ""
