"""A heat map: one measure over two columns of its slices, or labels against predictions.

Options: `measure`, `rows` and `columns` (names of slice columns), `where`; or `of: confusion`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fmaudit.reporting import words
from fmaudit.reporting.exhibits.choice import Placed, chosen, identity, strange
from fmaudit.reporting.exhibits.scales import drawable
from fmaudit.reporting.exhibits.source import Nothing, Source
from fmaudit.reporting.exhibits.twins import Cell, Line, Twin, Untested, figures, untested
from fmaudit.types import Exhibit, Finding, Verdict

STEPS = 6
"""Tints above the lightest."""

MOST_CLASSES = 20
"""With more classes the matrix is too wide to read: the pairs most often confused are told."""

LONGEST = 40


@dataclass(frozen=True)
class Tile:
    """A cell: its text and what stands under it, its tint from 0 to STEPS.

    `beyond`: it fails its rule. `own`: label and prediction are the same class. `without`: there
    is no figure.
    """

    text: str
    note: str = ""
    tint: int = 0
    verdict: Verdict | None = None
    beyond: bool = False
    own: bool = False
    without: bool = False


@dataclass(frozen=True)
class Heatmap:
    """A matrix of tiles under its columns' names, and the tables beside it.

    `most`: a table that is shown in the matrix's place.
    """

    probe: str
    title: str
    id: str
    what: tuple[str, str]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Tile, ...]], ...]
    key: str
    twin: Twin | None = None
    most: Twin | None = None
    untested: tuple[Untested, ...] = ()
    kind: str = "heatmap"
    missing: str = ""


def heatmap(source: Source, shown: Exhibit) -> Heatmap | Nothing:
    """The matrix of one exhibit."""
    say, options = source.say, shown.options
    if "of" in options:
        reason = strange(say, shown, {"of": ("confusion",)})
        return source.nothing(shown, reason) if reason else _confusion(source, shown)
    known = {"measure": None, "rows": None, "columns": None, "where": None}
    if reason := strange(say, shown, known):
        return source.nothing(shown, reason)
    if lacking := [name for name in ("measure", "rows", "columns") if name not in options]:
        names = ", ".join(lacking)
        return source.nothing(shown, say("its card does not say: %(names)s", names=names))
    return _matrix(source, shown, str(options["rows"]), str(options["columns"]))


def _matrix(source: Source, shown: Exhibit, down: str, across: str) -> Heatmap | Nothing:
    say = source.say
    cells: dict[tuple[str, str], Placed] = {}
    for placed in chosen(source, shown):
        slice_ = placed.finding.slice
        if set(slice_) == {down, across}:
            cells.setdefault((slice_[down], slice_[across]), placed)
    if not cells:
        return source.nothing(shown, say("the record has no figure that this view asks for"))
    names, columns = (tuple(dict.fromkeys(key[k] for key in cells)) for k in (0, 1))
    largest = _largest(p.finding for p in cells.values())
    rows = tuple(
        (
            words.cut(source.names.part(down, r)[1], LONGEST),
            tuple(_tile(source, cells.get((r, c)), largest) for c in columns),
        )
        for r in names
    )
    have = [p for p in cells.values() if p.finding.estimate is not None]
    title = source.title(shown)
    return Heatmap(
        shown.probe,
        title,
        identity(shown),
        (words.named(down, say), words.named(across, say)),
        tuple(words.cut(source.names.part(across, c)[1], LONGEST) for c in columns),
        rows,
        say.joined(_key(source, [p.finding for p in cells.values()], rows)),
        twin=figures(source, title, say("Slice"), have),
        untested=untested(source, cells.values()),
    )


def _tile(source: Source, placed: Placed | None, largest: float) -> Tile:
    say = source.say
    if placed is None:
        return Tile(say("not measured"), without=True)
    finding = placed.finding
    if finding.estimate is None:
        return Tile(words.verdict(finding.verdict, say), without=True)
    value, interval, _ = words.figure(finding.estimate, say)
    return Tile(
        value,
        interval,
        tint(finding.estimate.value, largest),
        finding.verdict if finding.rule is not None else None,
        beyond=finding.verdict == "fail",
    )


def tint(value: float, largest: float) -> int:
    """The tint of a value, 0 for 0, STEPS for what is as large as the largest."""
    if not drawable(value) or largest <= 0:
        return 0
    return min(STEPS, math.floor((STEPS + 1) * min(1.0, abs(value) / largest)))


def _largest(findings: Iterable[Finding]) -> float:
    """The largest magnitude among values and thresholds: small figures stay pale."""
    held: list[float | None] = []
    for finding in findings:
        held += [finding.estimate.value if finding.estimate else None]
        held += [finding.rule.value if finding.rule else None]
    return max((abs(value) for value in held if drawable(value)), default=0.0)


def _key(
    source: Source, findings: Sequence[Finding], rows: Sequence[tuple[str, tuple[Tile, ...]]]
) -> Iterable[str]:
    say, tiles = source.say, [tile for _, row in rows for tile in row]
    yield say(
        "%(measure)s, with its 95 %% interval; the larger, the darker.",
        measure=source.names.title(findings[0].measure),
    )
    rules = dict.fromkeys(words.bound(f.rule) for f in findings if f.rule is not None)
    for bound in rules:
        yield say("Where a verdict stands, the rule is %(bound)s.", bound=bound)
    if any(tile.beyond for tile in tiles):
        yield say("Framed: the rule is broken.")
    if any(tile.without for tile in tiles):
        yield say("Hatched: there is no figure.")


# ── labels against predictions ───────────────────────────────────────────────────────────


def _confusion(source: Source, shown: Exhibit) -> Heatmap | Nothing:
    say = source.say
    classes = [str(name) for name in source.record.model.get("classes", ())]
    finding, counts = _counted(source, shown, len(classes))
    if finding is None or finding.estimate is None:
        return source.nothing(shown, say("the record has no figure that this view asks for"))
    total = sum(map(sum, counts))
    key = [say("Rows are labels; shares are of all cases with that label, counts stand below.")]
    if abs(total - finding.estimate.n) > 0.5:
        key.append(say("Counts are weighted: cases of the population that the data stand for."))
    wide = len(classes) > MOST_CLASSES
    if wide:
        key = [
            say(
                "%(n)s classes: in place of the matrix, the pairs that are confused most often.",
                n=len(classes),
            ),
            *key[1:],
        ]
    names = tuple(words.cut(name, LONGEST) for name in classes)
    return Heatmap(
        shown.probe,
        source.title(shown),
        identity(shown),
        (say("label"), say("predicted")),
        names,
        () if wide else tuple((n, _row(counts[k], k)) for k, n in enumerate(names)),
        say.joined(key),
        most=_most(source, shown, names, counts) if wide else None,
    )


def _counted(
    source: Source, shown: Exhibit, classes: int
) -> tuple[Finding | None, list[list[float]]]:
    """The first figure over all cases that holds a matrix of these classes, and the matrix."""
    for finding in source.record.findings:
        if finding.probe == shown.probe and not finding.slice and finding.estimate is not None:
            counts = finding.estimate.details.get("confusion")
            if isinstance(counts, Sequence) and len(counts) == classes and classes:
                return finding, [[float(n) for n in row] for row in counts]
    return None, []


def _row(counts: Sequence[float], own: int) -> tuple[Tile, ...]:
    total = sum(counts)
    return tuple(
        Tile(
            _percent(n / total) if total else "—",
            words.count(round(n)),
            tint(n / total, 1.0) if total else 0,
            own=k == own,
            without=not total,
        )
        for k, n in enumerate(counts)
    )


def _most(
    source: Source, shown: Exhibit, names: Sequence[str], counts: Sequence[Sequence[float]]
) -> Twin:
    say = source.say
    wrong = [(n, a, b) for a, row in enumerate(counts) for b, n in enumerate(row) if a != b and n]
    wrong.sort(key=lambda one: (-one[0], one[1], one[2]))
    lines = tuple(
        Line(
            names[a],
            (
                Cell(names[b]),
                Cell(words.count(round(n)), n),
                Cell(_percent(n / sum(counts[a])), n / sum(counts[a])),
            ),
        )
        for n, a, b in wrong[:MOST_CLASSES]
    )
    heads = (say("Label"), say("Predicted"), say("Cases"), say("Of the label"))
    return Twin(source.title(shown), heads, lines, texts=(1,))


def _percent(share: float) -> str:
    """A share in whole percent; one decimal under 10 and above 90, where whole ones hide much."""
    percent = 100 * share
    return f"{words.number(percent, 0 if 10 <= percent <= 90 or percent in (0, 100) else 1)} %"
