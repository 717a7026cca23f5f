"""Tables of people by category, as laws on selection ask for them: a line a category.

They are read off `details.categories` of an estimate: `category`, `n`, `chosen`, `rate`, `ratio`,
`low`, `high`, and of a screen `upper`, `flagged`, `fisher_p`, `z_p`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fmaudit.reporting import words
from fmaudit.reporting.anchors import address
from fmaudit.reporting.exhibits.choice import Placed, uncrossed
from fmaudit.reporting.exhibits.source import Source
from fmaudit.reporting.exhibits.twins import Cell, Line, Twin

LONGEST = 120
"""Characters of a category's name."""

DECIMALS = 3
"""Of rates and ratios: 0.8 and 0.798 are not the same to a reader of such a table."""


@dataclass(frozen=True)
class Categories:
    """The table, and what is to be known to read it, in sentences."""

    twin: Twin
    notes: tuple[str, ...]


def categories(source: Source, title: str, placed: Sequence[Placed]) -> Categories | None:
    """The categories of these findings in one table; None where none has any."""
    have = [p for p in placed if _lines(p)]
    if not have:
        return None
    screen = any("flagged" in line for p in have for line in _lines(p))
    several = len({tuple(p.finding.slice.items()) for p in have}) > 1
    lines = tuple(
        _line(source, p, line, screen=screen, several=several) for p in have for line in _lines(p)
    )
    heads = _heads(source, have[0], screen=screen)
    texts = (len(heads) - 1,) if screen else ()
    notes = tuple(note for p in have for note in _notes(source, p, several=several))
    said = _of_all(source, have[0], screen=screen)
    return Categories(Twin(title, heads, lines, texts), (*dict.fromkeys(notes), *said))


def _heads(source: Source, placed: Placed, *, screen: bool) -> tuple[str, ...]:
    say, details = source.say, _details(placed)
    scored = "median" in details
    heads = [
        say("Category"),
        say("Applicants") if "unknown" in details else say("Cases"),
        say("Scored above the median") if scored else say("Selected"),
        say("Scoring rate") if scored else say("Selection rate"),
        say("Ratio") if screen else say("Impact ratio"),
        say("95 %% interval"),
    ]
    if screen:
        heads += [
            say("Upper bound"),
            say("p (Fisher)"),
            say("p (z test)"),
            say("Screen"),
        ]
    return tuple(heads)


def _line(
    source: Source, placed: Placed, line: Mapping[str, Any], *, screen: bool, several: bool
) -> Line:
    say = source.say
    name = words.cut(_name(placed, str(line["category"]), several=several), LONGEST)
    low, high = line.get("low"), line.get("high")
    span = "—" if low is None else words.span(low, high, DECIMALS, say)
    cells = [
        Cell(words.count(line["n"]), line["n"]),
        Cell(words.count(line.get("chosen")), line.get("chosen")),
        _number(line.get("rate")),
        _number(line.get("ratio")),
        Cell(span, low),
    ]
    if screen:
        cells += [_number(line.get("upper")), _p(line.get("fisher_p")), _p(line.get("z_p"))]
        known = "flagged" in line
        flag = say("flagged") if line.get("flagged") else say("not flagged")
        cells.append(Cell(flag if known else "—"))
    return Line(name, tuple(cells), address(placed.finding))


def _notes(source: Source, placed: Placed, *, several: bool) -> Iterator[str]:
    """Of one finding: the reference, the median, who is of no category, what is not compared."""
    say, details = source.say, _details(placed)
    of = say("%(slice)s: ", slice=placed.name) if several else ""
    if "reference" in details:
        best = _shown(placed, str(details["reference"]))
        yield of + say("The highest rate is that of %(category)s.", category=best)
    if any(_weighted(line) for line in _lines(placed)):
        yield say(
            "Numbers are of rows. Rates and ratios are weighted, and no quotients of these numbers."
        )
    if "median" in details:
        median = words.number(float(details["median"]), DECIMALS)
        yield of + say(
            "The median score is %(median)s, of everybody with a score; a score is above it where "
            "it is larger.",
            median=median,
        )
    if "unknown" in details:
        yield of + say(
            "Applicants of no known category, who are in no line: %(n)s.",
            n=words.count(details["unknown"]),
        )
    for category, why in dict(details.get("excluded", {})).items():
        reason = say.recorded(str(why))
        shown = _shown(placed, str(category))
        yield of + say("%(category)s: %(reason)s.", category=shown, reason=reason)


def _weighted(line: Mapping[str, Any]) -> bool:
    """Whether a line's rate is another than that of its rows."""
    n, chosen, rate = line.get("n"), line.get("chosen"), line.get("rate")
    if not n or chosen is None or rate is None:
        return False
    return abs(chosen / n - rate) > 1e-9


def _of_all(source: Source, placed: Placed, *, screen: bool) -> Iterator[str]:
    """What holds of the whole table."""
    say, details = source.say, _details(placed)
    if "unknown" in details:
        yield say(
            "Each rate over the highest one is the impact ratio. Local Law 144 names no threshold."
        )
    if "resamples" in details:
        yield say(
            "The intervals hold 95 %% of %(n)s resamples of people, each with its own median and "
            "highest rate.",
            n=words.count(details["resamples"]),
        )
    if screen:
        yield say(
            "A historic screen, which decides nothing. The ratio is that to the highest rate; a "
            "group is flagged only where the upper bound of it, over all pairs of groups at once, "
            "is under 0.8. Fisher's exact test and the z test ask whether its rate equals the "
            "highest one."
        )


def _name(placed: Placed, category: str, *, several: bool) -> str:
    shown = _shown(placed, category)
    return f"{placed.name}: {shown}" if several else shown


def _shown(placed: Placed, category: str) -> str:
    """A category's name; the groups of one attribute stand in a record as they are."""
    return category if placed.axis == "attributes" else " · ".join(uncrossed(category))


def _lines(placed: Placed) -> Sequence[Mapping[str, Any]]:
    found = _details(placed).get("categories", ())
    return found if isinstance(found, Sequence) and not isinstance(found, str) else ()


def _details(placed: Placed) -> Mapping[str, Any]:
    estimate = placed.finding.estimate
    return {} if estimate is None else estimate.details


def _number(value: float | None) -> Cell:
    return Cell(words.number(value, DECIMALS), value)


def _p(value: float | None) -> Cell:
    return Cell("—" if value is None else f"{value:.2g}", value)
