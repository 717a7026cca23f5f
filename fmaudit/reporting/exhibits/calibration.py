"""The reliability curve: how often the model is right where it says how sure it is.

Rows are put in bins of about equal counts by their probability, equal ones together. A point is
a bin: its mean probability, and the share of its rows that have the class; the band joins the
limits of `stats.intervals.wilson`, at the bin's effective n where rows are weighted or share
clusters (`stats.estimates.share_of`).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fmaudit.errors import NotEstimable
from fmaudit.reporting import words
from fmaudit.reporting.exhibits.choice import identity
from fmaudit.reporting.exhibits.curve import Axis, Bar, Counts, Curve, Series, band, path, place
from fmaudit.reporting.exhibits.scales import Scale, ticks
from fmaudit.reporting.exhibits.source import Nothing, Source
from fmaudit.reporting.exhibits.twins import Cell, Line, Twin
from fmaudit.stats import intervals
from fmaudit.stats.estimates import share_of
from fmaudit.stats.sample import Sample
from fmaudit.stats.variance import MIN_UNITS
from fmaudit.types import Exhibit, Finding

COLUMNS = ("label", "predicted", "probs", "weight", "cluster", "stratum")
BINS = 10
SMALLEST = 20
"""Rows of a bin, where there are as many."""

BARS = 20

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bin:
    """Rows of like probability: their mean, the share that has the class, its limits, the count.

    `low`, `high`: NaN where there are too few independent rows for them.
    """

    said: float
    seen: float
    low: float
    high: float
    n: int


def calibration(source: Source, shown: Exhibit) -> Curve | Nothing:
    """The curve over all rows: of the favourable class of two, else of the predicted class."""
    say = source.say
    if reason := source.lacks(shown, COLUMNS):
        return source.nothing(shown, reason)
    frame = source.table(shown, COLUMNS).to_pandas().dropna(subset=["label", "predicted", "probs"])
    positive = _positive(source)
    said, seen = _told(frame, positive)
    fine = np.isfinite(said)
    frame, said, seen = frame[fine], said[fine], seen[fine]
    if not len(said):
        return source.nothing(shown, say("no row has a probability"))
    found = bins(said, _sample(frame, seen))
    return _drawn(source, shown, found, said, positive)


def bins(said: Floats, sample: Sample) -> tuple[Bin, ...]:
    """The bins of probabilities (n,) over a sample with the column `seen`, the least first."""
    n = len(said)
    count = min(BINS, max(1, n // SMALLEST))
    inner = np.sort(said)[[k * n // count for k in range(1, count)]]
    codes = np.searchsorted(np.unique(inner), said, side="right")
    return tuple(_bin(said, sample, codes == code) for code in np.unique(codes))


def _bin(said: Floats, sample: Sample, inside: Any) -> Bin:
    part = sample.take(inside)
    seen = part.columns["seen"]
    mean = float(np.average(said[inside], weights=part.w))
    low = high = float("nan")
    share = float(np.average(seen, weights=part.w))
    designed = part.clustered or part.weighted or part.stratified
    if not designed or part.unit_count >= MIN_UNITS:
        with suppress(NotEstimable):  # nothing is left to vary: a point without a band
            low, high = (float(end) for end in intervals.wilson(share_of(seen, part)))
    return Bin(mean, share, low, high, part.n)


def _positive(source: Source) -> int | None:
    """The class whose probability is looked at: the favourable one of two."""
    classes = list(source.record.model.get("classes", ()))
    positive = source.record.model.get("positive")
    return classes.index(positive) if len(classes) == 2 and positive in classes else None


def _told(frame: Any, positive: int | None) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """What the model said of each row, and whether it came true."""
    probs = np.asarray(frame["probs"].tolist(), dtype=np.float64)
    label = frame["label"].to_numpy(dtype=np.int64)
    if positive is not None and len(frame):
        return probs[:, positive], label == positive
    predicted = frame["predicted"].to_numpy(dtype=np.int64)
    said = np.asarray([row[k] for row, k in zip(probs, predicted, strict=True)], dtype=np.float64)
    return said, label == predicted


def _sample(frame: Any, seen: Any) -> Sample:
    """The rows with the design that they were drawn by."""
    cluster, stratum = (
        np.unique(frame[name].fillna("").to_numpy(dtype=str), return_inverse=True)[1]
        for name in ("cluster", "stratum")
    )
    weight = frame["weight"].to_numpy(dtype=np.float64)
    return Sample({"seen": np.asarray(seen)}, weight=weight, cluster=cluster, stratum=stratum)


def _drawn(
    source: Source, shown: Exhibit, found: tuple[Bin, ...], said: Floats, positive: int | None
) -> Curve:
    say, unit = source.say, Scale(0.0, 1.0)
    classes = source.record.model.get("classes", ())
    if positive is None:
        across = say("Probability of the predicted class, as the model says →")
        up = say("Share that is right ↑")
    else:
        name = words.cut(classes[positive], 40)
        across = say("Probability of %(name)s, as the model says →", name=name)
        up = say("Share that is %(name)s ↑", name=name)
    even = tuple(ticks(unit))
    points = [(b.said, b.seen) for b in found]
    limits = band(
        unit, unit, [b.said for b in found], [b.low for b in found], [b.high for b in found]
    )
    return Curve(
        probe=shown.probe,
        title=source.title(shown),
        id=identity(shown),
        description=_described(source, found),
        x=Axis(across, even),
        y=Axis(up, even),
        series=(
            Series(
                "diagonal",
                path(unit, unit, [(0.0, 0.0), (1.0, 1.0)]),
                label=(say("as sure as right"), 97.0, 3.0, "end"),
            ),
            Series(
                "main",
                path(unit, unit, points),
                limits,
                tuple(at for p in points if (at := place(unit, unit, *p)) is not None),
            ),
        ),
        counts=_counts(source, said),
        notes=_notes(source, shown, found),
        twin=_twin(source, shown, found),
    )


def _described(source: Source, found: tuple[Bin, ...]) -> str:
    first, last = found[0], found[-1]
    return source.say(
        "%(n)s points. Where the model says %(a)s, %(b)s come true; where it says %(c)s, %(d)s.",
        n=len(found), a=words.number(first.said, 2), b=words.number(first.seen, 2),
        c=words.number(last.said, 2), d=words.number(last.seen, 2),
    )  # fmt: skip


def _notes(source: Source, shown: Exhibit, found: tuple[Bin, ...]) -> str:
    say = source.say
    rows = words.count(sum(b.n for b in found))
    told = [
        say(
            "%(rows)s rows in %(n)s bins of about equal counts. Band: 95 %% interval of each "
            "bin's share (Wilson), joined by straight lines.", rows=rows, n=len(found),
        )
    ]  # fmt: skip
    error = _whole(source, shown, "ece")
    if error is not None and error.estimate is not None:
        value, interval, _ = words.figure(error.estimate, say)
        figure = {"title": source.names.title("ece"), "value": value, "interval": interval}
        told.append(say("%(title)s: %(value)s (%(interval)s).", **figure))
    return say.joined(told)


def _whole(source: Source, shown: Exhibit, measure: str) -> Finding | None:
    mine = (f for f in source.record.findings if f.probe == shown.probe and not f.slice)
    return next((f for f in mine if f.measure == measure), None)


def _counts(source: Source, said: Floats) -> Counts:
    held, _ = np.histogram(said, bins=BARS, range=(0.0, 1.0))
    most, width = int(held.max()) or 1, 100 / BARS
    bars = tuple(Bar(k * width, width * 0.9, 100 * int(n) / most) for k, n in enumerate(held) if n)
    return Counts(source.say("Rows by probability"), words.count(int(held.max())), bars)


def _twin(source: Source, shown: Exhibit, found: tuple[Bin, ...]) -> Twin:
    say = source.say
    heads = (
        say("Bin"), say("Probability said, mean"), say("Share that came true"),
        say("95 %% interval"), say("Rows"),
    )  # fmt: skip

    def line(k: int, b: Bin) -> Line:
        low, high = (None, None) if np.isnan(b.low) else (b.low, b.high)
        figures = (
            Cell(words.number(b.said, 3), b.said),
            Cell(words.number(b.seen, 2), b.seen),
            Cell(words.span(low, high, 2, say)),
            Cell(words.count(b.n), b.n),
        )
        return Line(str(k), figures)

    return Twin(source.title(shown), heads, tuple(line(k, b) for k, b in enumerate(found, 1)))
