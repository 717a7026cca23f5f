"""Curves with their bands. Option: `of`, calibration or roc."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fmaudit.reporting.exhibits.scales import Scale, Tick
from fmaudit.reporting.exhibits.source import Nothing, Source
from fmaudit.reporting.exhibits.twins import Twin
from fmaudit.types import Exhibit

OF = ("calibration", "roc")


@dataclass(frozen=True)
class Axis:
    """An axis: its title, with unit and direction, and its ticks."""

    title: str
    ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Series:
    """A line: its class of style ("main", "other", "diagonal"), and its path and band.

    Paths are in a square of 100 by 100, y downward. `dots` are places (x, y) of figures.
    `label` stands at a place: (text, x, y, anchor).
    """

    style: str
    path: str
    band: str = ""
    dots: tuple[tuple[float, float], ...] = ()
    label: tuple[str, float, float, str] | None = None


@dataclass(frozen=True)
class Bar:
    """A bar of the strip of counts: where it begins, its width and height, all in percent."""

    x: float
    width: float
    height: float


@dataclass(frozen=True)
class Counts:
    """The strip of counts under a curve: its bars, and the count of the highest."""

    title: str
    most: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Curve:
    """A drawn curve, in words (`description`), how it is made (`notes`), and its tables."""

    probe: str
    title: str
    id: str
    description: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    counts: Counts | None
    notes: str
    twin: Twin
    beneath: Twin | None = None
    kind: str = "curve"
    missing: str = ""


def curve(source: Source, shown: Exhibit) -> Curve | Nothing:
    """The curve of one exhibit."""
    from fmaudit.reporting.exhibits.calibration import calibration
    from fmaudit.reporting.exhibits.choice import strange
    from fmaudit.reporting.exhibits.roc import roc

    if reason := strange(source.say, shown, {"of": OF}):
        return source.nothing(shown, reason)
    if "of" not in shown.options:
        return source.nothing(shown, source.say("its card does not say: %(names)s", names="of"))
    draw = {"calibration": calibration, "roc": roc}[str(shown.options["of"])]
    return draw(source, shown)


def path(x: Scale, y: Scale, points: Iterable[tuple[Any, Any]]) -> str:
    """A line through points, in the square of 100 by 100; points without a place are left out."""
    places = (place(x, y, *point) for point in points)
    return " ".join(
        f"{'M' if k == 0 else 'L'}{at[0]:.2f} {at[1]:.2f}"
        for k, at in enumerate(at for at in places if at is not None)
    )


def band(x: Scale, y: Scale, at: Sequence[Any], low: Sequence[Any], high: Sequence[Any]) -> str:
    """The area between two lines over the same places; "" where there is none."""
    both = [
        (a, b, c)
        for a, b, c in zip(at, low, high, strict=True)
        if all(math.isfinite(v) for v in (a, b, c))
    ]
    around = [(a, c) for a, _, c in both] + [(a, b) for a, b, _ in reversed(both)]
    line = path(x, y, around)
    return f"{line} Z" if line else ""


def place(x: Scale, y: Scale, across: float, up: float) -> tuple[float, float] | None:
    """Where a point lies in the square of 100 by 100, y downward."""
    right, above = x.at(across), y.at(up)
    return None if right is None or above is None else (right, round(100 - above, 3))
