"""How many members an attack finds at how many false alarms, on logarithmic axes.

What the curve and its band are: `attack`. Beneath them stand a few rates in numbers, and the areas.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fmaudit.reporting import words
from fmaudit.reporting.exhibits.attack import BANDED, Point, Sides, allowed, points, shares
from fmaudit.reporting.exhibits.choice import identity
from fmaudit.reporting.exhibits.curve import Axis, Curve, Series, band, path
from fmaudit.reporting.exhibits.scales import Scale, ticks
from fmaudit.reporting.exhibits.source import Nothing, Source
from fmaudit.reporting.exhibits.twins import Cell, Line, Twin
from fmaudit.types import Exhibit, Finding

COLUMNS = ("member", "score", "blind")
FEWEST = 10
"""False alarms that a rate told in numbers rests on."""

TOLD: tuple[tuple[float, str], ...] = (
    (0.001, "tpr_at_0_1_percent_fpr"),
    (0.01, "tpr_at_1_percent_fpr"),
    (0.1, ""),
)
"""Rates told beneath, each with the measure that the record may have of it."""


def roc(source: Source, shown: Exhibit) -> Curve | Nothing:
    """The attack's curve beside that of the classifier which never saw the model."""
    say = source.say
    if reason := source.lacks(shown, COLUMNS):
        return source.nothing(shown, reason)
    frame = source.table(shown, COLUMNS).to_pandas().dropna()
    score, blind = (frame[c].to_numpy(dtype=np.float64) for c in ("score", "blind"))
    fine = np.isfinite(score) & np.isfinite(blind)
    sides = Sides(frame["member"].to_numpy(dtype=bool)[fine], score[fine], blind[fine])
    if sides.inside < FEWEST or sides.others < FEWEST:
        return source.nothing(
            shown,
            say(
                "%(inside)s members and %(others)s non-members have a score, and %(n)s of each "
                "are needed", inside=sides.inside, others=sides.others, n=FEWEST,
            ),
        )  # fmt: skip
    return _drawn(source, shown, sides)


def _drawn(source: Source, shown: Exhibit, sides: Sides) -> Curve:
    say = source.say
    ks = allowed(sides.others)
    rates = [k / sides.others for k in ks]
    attack = shares(sides.member, sides.score, ks).tolist()
    blind = shares(sides.member, sides.blind, ks).tolist()
    at = points(sides, tuple(dict.fromkeys((*ks[::BANDED], ks[-1]))))
    x = Scale(1 / sides.others, 1.0, log=True)
    y = Scale(1 / sides.inside, 1.0, log=True)
    start = max(x.low, y.low)
    return Curve(
        probe=shown.probe,
        title=source.title(shown),
        id=identity(shown),
        description=_described(source, sides),
        x=Axis(say("False alarms: share of non-members →"), ticks(x, percent=True)),
        y=Axis(say("Members found ↑"), ticks(y, percent=True)),
        series=(
            Series(
                "diagonal",
                path(x, y, [(start, start), (1.0, 1.0)]),
                label=(say("chance"), *_beside(x, y, 0.3, 0.3), "start"),
            ),
            Series(
                "other",
                path(x, y, _above(rates, blind)),
                label=(say("without the model (dashed)"), 97.0, 96.0, "end"),
            ),
            Series(
                "main",
                path(x, y, _above(rates, attack)),
                band(
                    x,
                    y,
                    [p.rate for p in at],
                    [p.low for p in at],
                    [p.high for p in at],
                ),  # fmt: skip
                label=(say("attack (solid, with its band)"), 3.0, 7.0, "start"),
            ),
        ),
        counts=None,
        notes=_notes(source, sides),
        twin=_twin(source, shown, at),
        beneath=_beneath(source, shown, sides),
    )


def _above(rates: Sequence[float], shares: Sequence[float]) -> list[tuple[float, float]]:
    """The points that a logarithmic axis has: from the first member found on."""
    return [(rate, share) for rate, share in zip(rates, shares, strict=True) if share > 0]


def _beside(x: Scale, y: Scale, across: float, up: float) -> tuple[float, float]:
    """A place a little to the right of a point and under it."""
    right, above = x.at(across), y.at(up)
    assert right is not None
    assert above is not None
    return right + 3, 100 - above + 4


# ── words ────────────────────────────────────────────────────────────────────────────────


def _described(source: Source, sides: Sides) -> str:
    say, told = source.say, []
    for rate, _ in TOLD:
        if (k := _told(sides, rate)) is not None:
            told.append(
                say(
                    "At %(rate)s false alarms the attack finds %(attack)s of members, the "
                    "classifier without the model %(blind)s.", rate=_percent(rate),
                    attack=_percent(float(shares(sides.member, sides.score, [k])[0])),
                    blind=_percent(float(shares(sides.member, sides.blind, [k])[0])),
                )
            )  # fmt: skip
    return say.joined(told)


def _notes(source: Source, sides: Sides) -> str:
    say = source.say
    return say.joined(
        (
            say(
                "%(inside)s members and %(others)s non-members; the axis begins at one false "
                "alarm of %(others)s.",
                inside=words.count(sides.inside), others=words.count(sides.others),
            ),
            say(
                "Band: 95 %% interval of the attack at each rate by itself (the bootstrap of "
                "both sides, computed without draws)."
            ),
        )
    )  # fmt: skip


def _told(sides: Sides, rate: float) -> int | None:
    """The false alarms at a rate; None with too few non-members for it."""
    k = int(sides.others * rate + 1e-9)
    return k if k >= FEWEST else None


def _beneath(source: Source, shown: Exhibit, sides: Sides) -> Twin:
    """Attack, blind and their difference at the rates that are told; then the areas."""
    say = source.say
    heads = (
        say("False alarms"), say("Attack finds"), say("95 %% interval"),
        say("Without the model"), say("Attack minus blind, in points"),
    )  # fmt: skip
    lines = [_rate(source, shown, sides, rate, measure) for rate, measure in TOLD]
    return Twin(say("Attack minus blind"), heads, (*lines, *_areas(source, shown)))


def _rate(source: Source, shown: Exhibit, sides: Sides, rate: float, measure: str) -> Line:
    say, k = source.say, _told(sides, rate)
    if k is None:
        needed = words.count(round(FEWEST / rate))
        reason = say("needs %(n)s non-members", n=needed)
        return Line(_percent(rate), (Cell("—"), Cell(reason), Cell("—"), Cell("—")))
    (p,) = points(sides, [k])
    attack, low, high = p.attack, p.low, p.high
    held = _finding(source, shown, measure)
    if held is not None and held.estimate is not None and held.estimate.low is not None:
        attack, low, high = held.estimate.value, held.estimate.low, held.estimate.high or 0.0
    interval = say("%(low)s to %(high)s", low=_percent(low), high=_percent(high))
    return Line(
        _percent(rate),
        (
            Cell(_percent(attack), attack),
            Cell(interval),
            Cell(_percent(p.blind), p.blind),
            Cell(words.number(100 * (attack - p.blind)), attack - p.blind),
        ),
    )


def _areas(source: Source, shown: Exhibit) -> list[Line]:
    """The area under each curve and their difference, as the record has them."""
    say = source.say
    attack, blind, less = (
        _finding(source, shown, name)
        for name in ("membership_auc", "blind_auc", "membership_advantage")
    )
    if attack is None or attack.estimate is None or blind is None or blind.estimate is None:
        return []
    value, interval, _ = words.figure(attack.estimate, say)
    other, *_ = words.figure(blind.estimate, say)
    apart = "—"
    if less is not None and less.estimate is not None:
        difference, limits_, _ = words.figure(less.estimate, say)
        apart = f"{difference} ({limits_})"
    cells = (Cell(value), Cell(interval), Cell(other), Cell(apart))
    return [Line(say("area under the curve"), cells)]


def _finding(source: Source, shown: Exhibit, measure: str) -> Finding | None:
    mine = (f for f in source.record.findings if f.probe == shown.probe and not f.slice)
    return next((f for f in mine if f.measure == measure), None)


def _twin(source: Source, shown: Exhibit, points: Sequence[Point]) -> Twin:
    say = source.say
    heads = (
        say("False alarms"), say("Attack finds"), say("95 %% interval"), say("Without the model"),
    )  # fmt: skip

    def line(p: Point) -> Line:
        interval = say("%(low)s to %(high)s", low=_percent(p.low), high=_percent(p.high))
        cells = (Cell(_percent(p.attack), p.attack), Cell(interval))
        return Line(_percent(p.rate), (*cells, Cell(_percent(p.blind), p.blind)))

    return Twin(source.title(shown), heads, tuple(map(line, points)))


def _percent(share: float) -> str:
    """A share in percent with two significant digits, whole ones from 10 on."""
    percent = 100 * share
    return f"{percent:.{0 if percent >= 10 else 2}{'f' if percent >= 10 else 'g'}} %"
