"""Where a value lies on a drawn axis, and which round numbers stand on it.

Places are percent of the axis, from 0 to 100, so that a drawing can be as wide as its page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeGuard

from fmaudit.reporting.words import number

MOST_TICKS = 6
LARGEST = 1e15
"""A value beyond it is not drawn: nothing would be seen beside it."""

_PAD = 0.03
_NEAR_ZERO = 0.25


@dataclass(frozen=True)
class Tick:
    """A round number on an axis: its value, its place from 0 to 100, how it is written."""

    value: float
    at: float
    label: str


@dataclass(frozen=True)
class Scale:
    """An axis from `low` to `high` (above it), logarithmic where `log` (`low` above 0)."""

    low: float
    high: float
    log: bool = False

    def at(self, value: float | None) -> float | None:
        """The place of a value, an end of the axis for one beyond it; None where it has none."""
        if value is None or math.isnan(value):
            return None
        inside = min(self.high, max(self.low, value))
        low, high, at = (self._on(x) for x in (self.low, self.high, inside))
        return round(100 * (at - low) / (high - low), 3)

    def _on(self, value: float) -> float:
        return math.log(value) if self.log else value


def drawable(value: float | None) -> TypeGuard[float]:
    """Whether an axis can hold the value."""
    return value is not None and math.isfinite(value) and abs(value) <= LARGEST


def around(values: Iterable[float | None]) -> Scale | None:
    """The axis that holds these values with a little room; None where there is none to hold.

    It ends at 0 where no value lies below 0 and the least is near it, and does not pass it.
    """
    held = [value for value in values if drawable(value)]
    if not held:
        return None
    low, high = min(held), max(held)
    largest = max(abs(low), abs(high))
    if high - low <= max(1e-12, 1e-9 * largest):
        room = max(0.1 * largest, 1e-3)
    else:
        room = _PAD * (high - low)
    start, end = low - room, high + room
    if low >= 0 and (start < 0 or low < _NEAR_ZERO * (high - low)):
        start = 0.0
    elif high <= 0 < end:
        end = 0.0
    return Scale(start, end)


def ticks(scale: Scale, most: int = MOST_TICKS, *, percent: bool = False) -> tuple[Tick, ...]:
    """At most that many round numbers on the axis: 1, 2 or 5 times a power of ten apart.

    On a logarithmic axis: the powers of ten. `percent` writes a share as "1 %".
    """
    if scale.log:
        first, last = math.ceil(math.log10(scale.low) - 1e-9), math.floor(math.log10(scale.high))
        every = max(1, math.ceil((last - first + 1) / most))
        powers = [10.0**k for k in range(last, first - 1, -every)]
        return tuple(_tick(scale, value, None, percent) for value in reversed(powers))
    step, decimals = _step((scale.high - scale.low) / most)
    numbers = range(math.ceil(scale.low / step), math.floor(scale.high / step) + 1)
    values = [round(k * step, decimals) if decimals else k * step for k in numbers]
    inside = [value for value in values if scale.low <= value <= scale.high]
    return tuple(_tick(scale, value, decimals, percent) for value in inside)


def _step(least: float) -> tuple[float, int]:
    """The smallest round step that is not under `least`, and the decimals that it takes."""
    power = math.floor(math.log10(least))
    for times, more in ((1, 0), (2, 0), (5, 0), (1, 1)):
        exponent = power + more
        step = float(f"{times}e{exponent}")
        if step >= least:
            return step, max(0, -exponent)
    raise AssertionError(f"no round step for {least}")


def _tick(scale: Scale, value: float, decimals: int | None, percent: bool) -> Tick:
    shown = f"{100 * value:.12g} %" if percent else number(value, decimals)
    at = scale.at(value)
    assert at is not None
    return Tick(value, at, shown)
