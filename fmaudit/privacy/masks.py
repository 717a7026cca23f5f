"""What of a text is hidden before a report shows it: what `datasets/personal_data/*.yaml` holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

BEYOND = 256
"""Characters behind the shown part that are searched: what begins in it may end there."""


class Masks(Struct, frozen=True, forbid_unknown_fields=True):
    """Kinds of personal data, each with the regular expression that finds it.

    Where two find the same place, the one that is listed first has it.
    """

    patterns: Mapping[str, str]

    def __post_init__(self) -> None:
        """Check what types cannot. Raises ValueError that names the pattern."""
        for name, pattern in self.patterns.items():
            try:
                found = re.compile(pattern)
            except re.error as error:
                raise ValueError(f"patterns: {name}: {error}; write {pattern!r} anew") from error
            if found.search("") is not None:
                raise ValueError(f"patterns: {name}: {pattern!r} finds a text of no length")


def beginning(text: str, end: int, masks: Masks) -> str:
    r"""The text up to `end`, its personal data replaced by their kind.

    What runs beyond `end` is hidden as a whole, though its beginning may not look like personal
    data.

    >>> beginning("Write to jo@x.org today", 12, Masks({"e-mail": r"\S+@\S+"}))
    'Write to [e-mail]'
    """
    shown, at = [], 0
    for start, stop, name in sorted(_places(text[: end + BEYOND], masks)):
        if start < end:
            shown += [text[at:start], f"[{name}]"]
            at = stop
    return "".join([*shown, text[at:end]])


def _places(text: str, masks: Masks) -> Iterator[tuple[int, int, str]]:
    """Where personal data stand, each place once, with its kind."""
    taken: list[tuple[int, int]] = []
    for name, pattern in masks.patterns.items():
        for match in re.finditer(pattern, text):
            start, stop = match.span()
            if all(stop <= a or b <= start for a, b in taken):
                taken.append((start, stop))
                yield start, stop, name
