"""Simulated audits of one probe: planted rows through the code that an audit runs.

rows of the method's own scoring → evidence file → read back → estimates. What a trial returns
are findings as an audit has them; they are judged where all trials come together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fmaudit import evidence, findings, measured, plans, registry
from fmaudit.cards import ProbeCard
from fmaudit.errors import UnknownName
from fmaudit.measured import Measured
from fmaudit.plans import Universe
from fmaudit.registry import Method
from fmaudit.seeds import Seeds
from fmaudit.selftest.plants import CLASSES, PLANTS, SETS, Level, Plant
from fmaudit.types import Finding, Verdict

AUDITED = Universe({"sex": ("F", "M"), "race": ("A", "B", "C", "D", "E")}, {}, CLASSES, 1)
"""Two attributes and two classes, as the quickstart's data have: what fixes the Holm families."""


@dataclass(frozen=True)
class Trial:
    """A probe's gated figures beside the plant that answers for its method.

    `m`: size of its Holm family. `stamp`: card and code as they were when the trial began, to
    be filled with what it finds.
    """

    card: ProbeCard
    method: Method
    plant: Plant
    m: int
    stamp: Measured

    @cached_property
    def plans(self) -> tuple[plans.Plan, ...]:
        """The figures that a rule gates, of all slices."""
        planned = plans.plan(self.card, self.plant.universe)
        return tuple(p for p in planned if p.rule is not None)

    def values(self, level: Level) -> dict[str, float]:
        """Measure → its true value: clean, at the threshold, or with the defect."""
        return {
            p.measure: p.rule.value
            if level == "boundary" and p.rule
            else getattr(self.plant.measures[p.measure], "dose" if level == "dosed" else "clean")
            for p in self.plans
        }

    def audit(self, level: Level, n: int, seed: int, folder: Path) -> list[Finding]:
        """The gated findings of one simulated audit, before they are judged."""
        seeds = Seeds(seed).child("selftest", self.card.id, level, str(n))
        path = folder / f"{self.card.id}.parquet"
        with evidence.Writer(path, self.method.columns) as writer:
            writer.write(self.plant.rows(self.values(level), n, seeds.rng("rows")))
        found = findings.estimate(
            self.card, self.plans, path, classes=CLASSES, m=self.m, seeds=seeds
        )
        return [f for f in found if f.rule is not None]


def trials(cards: Iterable[ProbeCard], sizes: Mapping[str, Mapping[str, int]]) -> list[Trial]:
    """The cards that gate anything, each with its plant; `sizes` as `holm_sizes` gives them.

    Raises `UnknownName` for a card without a plant.
    """
    return [_trial(card, sizes) for card in cards if card.gated]


def _trial(card: ProbeCard, sizes: Mapping[str, Mapping[str, int]]) -> Trial:
    method = registry.load_method(card.method)
    if method.name not in PLANTS:
        raise UnknownName("planted method", method.name, PLANTS, str(card.file))
    plant = SETS.get(card.id) or PLANTS[method.name]
    m = sizes[method.kind][card.family]
    return Trial(card, method, plant, m, measured.stamp(card, method, plant.subject))


def holm_sizes(cards: Iterable[ProbeCard]) -> dict[str, dict[str, int]]:
    """Kind of model → family → gated figures in an audit of it by all these cards.

    On data like the quickstart's, and with all that the probes may need.
    """
    sizes: dict[str, dict[str, int]] = {}
    for card in cards:
        mine = sizes.setdefault(registry.load_method(card.method).kind, {})
        gated = plans.gated(plans.plan(card, AUDITED))
        mine[card.family] = mine.get(card.family, 0) + gated
    return sizes


def verdicts(found: Sequence[Finding], m: Mapping[str, int]) -> list[Verdict]:
    """The verdicts of these findings when they are judged together."""
    return [f.verdict for f in findings.judge(found, m)]
