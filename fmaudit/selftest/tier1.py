"""Tier 1: how often each rule errs on simulated models, and how often a whole audit does.

Three twins of every gated measure, at every n of its plant's ladder: clean, at the threshold
itself, and with the defect at a stated dose. Each finding is judged as one of a Holm family of
m in which nothing else is suspicious; of a measure's slices the worst counts.
"""

from __future__ import annotations

import math
import multiprocessing
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

from fmaudit import catalog
from fmaudit.measured import Simulated, Whole
from fmaudit.selftest.plants import LEVELS, Level
from fmaudit.selftest.rates import LEAST_POWER, MOST_FALSE_ALARMS, rate
from fmaudit.selftest.trials import Trial, holm_sizes, trials, verdicts
from fmaudit.types import Finding, Rate, Verdict

SEEDS = 400
FEWEST_SEEDS = 59
"""No false alarm in fewer leaves its 95 % bound above 0.05."""

_AT_ONCE = 20

Each = Callable[[Trial, list[Simulated]], None]
"""What is done with a probe's figures as soon as they are there."""


class Part(NamedTuple):
    """Simulated audits of one probe: which twin, which size, and their findings, by seed."""

    probe: str
    level: Level
    n: int
    audits: Sequence[Sequence[Finding]]


class Tier1(NamedTuple):
    """Probe → its figures; kind of model → the whole audit's error, where all were tried."""

    figures: Mapping[str, list[Simulated]]
    wholes: Mapping[str, Whole]


def run(
    tried: Sequence[Trial],
    *,
    seeds: int = SEEDS,
    workers: int = 1,
    whole: bool = False,
    each: Each = lambda trial, found: None,
) -> Tier1:
    """Simulate `seeds` audits a twin and size (2.5 times as many at the threshold), and count.

    Seeds are keyed by probe, twin and size, so that neither order nor `workers` can matter.
    """
    found: dict[str, list[Simulated]] = {}
    largest: list[Part] = []
    with _simulating(workers) as audits:
        for trial in tried:
            parts = list(_parts(trial, seeds, audits))
            found[trial.card.id] = list(figures(trial, parts))
            largest += [part for part in parts if part.n == trial.plant.ladder[-1]]
            each(trial, found[trial.card.id])
    kinds = dict.fromkeys(trial.method.kind for trial in tried) if whole else {}
    wholes: dict[str, Whole] = {
        kind: together([t for t in tried if t.method.kind == kind], largest) for kind in kinds
    }
    return Tier1(found, wholes)


def figures(trial: Trial, parts: Sequence[Part]) -> Iterator[Simulated]:
    """The error of each of a probe's rules at each n, from its simulated audits."""
    family = {trial.card.family: trial.m}
    for planned in {p.measure: p for p in trial.plans}.values():
        assert planned.rule is not None
        for n in trial.plant.ladder:
            said: dict[Level, list[Sequence[Verdict]]] = {}
            for part in (p for p in parts if p.n == n):
                mine = [[f for f in a if f.measure == planned.measure] for a in part.audits]
                alone = [[verdicts([f], family)[0] for f in audit] for audit in mine]
                said[part.level] = list(zip(*alone, strict=True))
            yield Simulated(
                measure=planned.measure,
                op=planned.rule.op,
                value=planned.rule.value,
                dose=trial.plant.measures[planned.measure].dose,
                n=n,
                m=trial.m,
                power=min(_shares("fail", said["dosed"]), key=_share),
                false_alarms=max(_shares("fail", said["clean"]), key=_share),
                boundary=max(_shares("fail", said["boundary"]), key=_share),
                wrong_passes=max(_shares("pass", said["boundary"]), key=_share),
            )


def together(tried: Sequence[Trial], parts: Sequence[Part]) -> Whole:
    """The error of audits by all these probes: of each seed, one audit of every probe."""
    sizes = {trial.card.family: trial.m for trial in tried}
    names = {trial.card.id for trial in tried}

    def any_fails(level: Level, family: str = "") -> Rate:
        mine = [
            part.audits
            for part in parts
            if part.level == level
            and part.probe in names
            and part.probe.startswith(f"{family}." if family else "")
        ]
        joined = [[f for audit in one for f in audit] for one in zip(*mine, strict=True)]
        return rate(sum("fail" in verdicts(audit, sizes) for audit in joined), len(joined))

    return Whole(
        n={trial.card.id: trial.plant.ladder[-1] for trial in tried},
        m=sizes,
        false_alarms=any_fails("clean"),
        boundary={family: any_fails("boundary", family) for family in sizes},
    )


def breaches(done: Tier1) -> Iterator[str]:
    """Every rate of false alarms or wrong passes that is above what is promised, in a sentence."""
    for probe, simulated in done.figures.items():
        for f in simulated:
            where = f"{probe} {f.measure} at n = {f.n}"
            if f.false_alarms.high > MOST_FALSE_ALARMS:
                high = f"{f.false_alarms.value:.3g}, up to {f.false_alarms.high:.3g}"
                yield f"{where}: false alarms on a clean model {high}"
            if f.boundary.value > MOST_FALSE_ALARMS:
                yield f"{where}: fails in {f.boundary.value:.3g} of audits at its threshold"
            # The worst of several slices: each at its own 0.025, the largest share lies above it.
            if f.wrong_passes is not None and f.wrong_passes.low > MOST_FALSE_ALARMS:
                yield f"{where}: passes in {f.wrong_passes.value:.3g} of audits at its threshold"
    for kind, whole in done.wholes.items():
        if (most := whole.false_alarms.high) > MOST_FALSE_ALARMS:
            yield f"whole audits of a {kind} model: false alarms on a clean one up to {most:.3g}"
        for family, found in whole.boundary.items():
            if found.value > MOST_FALSE_ALARMS:
                share = f"{found.value:.3g} of audits at the thresholds"
                yield f"{family} of a {kind} model: a rule fails in {share}"


def weak(done: Tier1) -> Iterator[str]:
    """The measures whose dose is found at no n of the ladder with the power promised."""
    for probe, simulated in done.figures.items():
        for measure in dict.fromkeys(f.measure for f in simulated):
            best = max((f for f in simulated if f.measure == measure), key=lambda f: f.power.low)
            if best.power.low < LEAST_POWER:
                yield f"{probe} {measure}: power {best.power.low:.3g} or more at n = {best.n}"


# ── who simulates ────────────────────────────────────────────────────────────────────────

Audits = Callable[[Trial, Level, int, range], "Future[list[list[Finding]]]"]


@contextmanager
def _simulating(workers: int) -> Iterator[Audits]:
    """Simulates in this process, or in `workers` others."""
    if workers == 1:
        yield _here
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawn) as others:
        try:
            yield lambda trial, *what: others.submit(_there, trial.card.id, *what)
        finally:
            others.shutdown(wait=False, cancel_futures=True)


def _here(trial: Trial, level: Level, n: int, seeds: range) -> Future[list[list[Finding]]]:
    done: Future[list[list[Finding]]] = Future()
    done.set_result(_simulated(trial, level, n, seeds))
    return done


def _there(probe: str, level: Level, n: int, seeds: range) -> list[list[Finding]]:
    return _simulated(_trial(probe), level, n, seeds)


@cache
def _trial(probe: str) -> Trial:
    """A worker's own trial of a shipped card."""
    sizes = holm_sizes(catalog.probes().values())
    return trials([catalog.probe(probe)], sizes)[0]


def _parts(trial: Trial, seeds: int, audits: Audits) -> Iterator[Part]:
    asked = [
        (level, n, [audits(trial, level, n, span) for span in _spans(_count(level, seeds))])
        for n in trial.plant.ladder
        for level in LEVELS
    ]
    for level, n, spans in asked:
        yield Part(trial.card.id, level, n, [audit for done in spans for audit in done.result()])


def _count(level: Level, seeds: int) -> int:
    return math.ceil(2.5 * seeds) if level == "boundary" else seeds


def _spans(count: int) -> Iterable[range]:
    return (range(k, min(k + _AT_ONCE, count)) for k in range(0, count, _AT_ONCE))


def _simulated(trial: Trial, level: Level, n: int, seeds: range) -> list[list[Finding]]:
    with tempfile.TemporaryDirectory() as folder:
        return [trial.audit(level, n, seed, Path(folder)) for seed in seeds]


def _shares(verdict: Verdict, slices: Sequence[Sequence[Verdict]]) -> list[Rate]:
    """Of each slice, in which share of audits it had that verdict."""
    return [rate(sum(v == verdict for v in said), len(said)) for said in slices]


def _share(found: Rate) -> float:
    return found.value
