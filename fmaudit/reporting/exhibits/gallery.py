"""All the exhibits of a record, each by the builder of its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fmaudit.reporting.exhibits.curve import curve
from fmaudit.reporting.exhibits.examples import examples
from fmaudit.reporting.exhibits.forest import forest
from fmaudit.reporting.exhibits.heatmap import heatmap
from fmaudit.reporting.exhibits.source import Drawn, Source
from fmaudit.reporting.exhibits.table import table
from fmaudit.reporting.exhibits.tokens import tokens
from fmaudit.types import Exhibit

BUILDERS: Mapping[str, Callable[[Source, Exhibit], Drawn]] = {
    "forest": forest,
    "curve": curve,
    "table": table,
    "heatmap": heatmap,
    "tokens": tokens,
    "examples": examples,
}


def drawn(source: Source) -> tuple[Drawn, ...]:
    """The record's exhibits, in its order."""
    return tuple(BUILDERS[shown.kind](source, shown) for shown in source.record.exhibits)
