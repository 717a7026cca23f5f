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
    """The record's exhibits, in its order.

    Evidence that was damaged may break a builder: its exhibit then says so, and the rest of the
    report stands.
    """
    return tuple(_drawn(source, shown) for shown in source.record.exhibits)


def _drawn(source: Source, shown: Exhibit) -> Drawn:
    try:
        return BUILDERS[shown.kind](source, shown)
    except Exception as error:  # whatever a damaged value makes of an exhibit is this one's alone
        kind = type(error).__name__
        cause = f"{kind}: {error}" if source.texts else kind
        return source.nothing(
            shown, source.say("the evidence or the figures are damaged (%(error)s)", error=cause)
        )
