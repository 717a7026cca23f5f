"""What is known of a probe's own errors, as the lines of a table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from fmaudit.reporting import words
from fmaudit.reporting.words import Names
from fmaudit.types import Rate


@dataclass(frozen=True)
class Tested:
    """How often one rule errs at one size: each rate by its worse 95 % bound, in words.

    `found`: of models with the dose, how many fail; `alarms`: of clean ones; `at`: of those at
    the threshold, and `passes`: how many of these pass.
    """

    measure: str
    rule: str
    n: int
    dose: str
    found: str
    alarms: str
    at: str
    passes: str


def tested(card: Mapping[str, Any], names: Names) -> tuple[Tested, ...]:
    """The lines of a probe; none where its errors were not measured.

    `card`: what the record says of the probe.
    """
    figures = (card.get("measured") or {}).get("figures", ())
    return tuple(_line(figure, names) for figure in figures)


def _line(figure: Mapping[str, Any], names: Names) -> Tested:
    sign = {"<=": "≤", ">=": "≥"}.get(figure.get("op", ""), "")
    power = _rate(figure, "power")
    return Tested(
        measure=names.title(str(figure.get("measure"))),
        rule=f"{sign} {words.number(figure.get('value'))}",
        n=figure.get("n", 0),
        dose=words.number(figure.get("dose")),
        found="—" if power is None else f"≥ {math.floor(100 * power.low)} %",
        alarms=_at_most(figure, "false_alarms"),
        at=_at_most(figure, "boundary"),
        passes=_at_most(figure, "wrong_passes"),
    )


def _at_most(figure: Mapping[str, Any], name: str) -> str:
    found = _rate(figure, name)
    return "—" if found is None else f"≤ {math.ceil(100 * found.high)} %"


def _rate(figure: Mapping[str, Any], name: str) -> Rate | None:
    return None if figure.get(name) is None else msgspec.convert(figure[name], Rate)
