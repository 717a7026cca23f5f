"""`fmaudit selftest [PROBE|FAMILY…]`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fmaudit.measured import Simulated
    from fmaudit.selftest.tier1 import Tier1
    from fmaudit.selftest.trials import Trial
    from fmaudit.types import Rate

HEADS = ("measure", "rule", "dose", "n", "power", "false alarms", "fails at it", "passes at it")
"""Of the audits exactly "at it", the rule, some fail and some pass."""

Names = Annotated[
    list[str] | None, typer.Argument(metavar="[PROBE|FAMILY]…", help="Only these; default all.")
]


def selftest(
    names: Names = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Audits a twin: 400, and 2.5 times as many at the threshold; --trained: 10.",
            show_default=False,
        ),
    ] = None,
    trained: Annotated[
        bool,
        typer.Option("--trained", help="Train small models with a defect and audit them whole."),
    ] = False,
    json: Annotated[Path | None, typer.Option(help="Also write the figures to this file.")] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Keep the figures beside the cards of this checkout.")
    ] = False,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes; the figures do not depend on it.")
    ] = min(2, os.cpu_count() or 1),
) -> None:
    """Audit the auditor: how often each rule misses a planted defect, alarms or passes falsely.

    Exit code 1: some rate of false alarms or wrong passes is above what is promised.
    """
    if json is not None and (json.is_dir() or not json.absolute().parent.is_dir()):
        raise typer.BadParameter(f"--json {json}: name a file in a folder that is there")
    if trained:
        from fmaudit.cli import trained as tier2

        raise typer.Exit(tier2.trained(names or (), seeds, json, write))
    from rich.console import Console

    from fmaudit import catalog, measured
    from fmaudit.selftest import keeping, tier1
    from fmaudit.selftest.trials import holm_sizes, trials

    if seeds is not None and seeds < tier1.FEWEST_SEEDS:
        raise typer.BadParameter(f"at least {tier1.FEWEST_SEEDS}, or no bound can be kept")
    folder = keeping.checkout(seeds, tier1.SEEDS) if write else None
    errors = Console(stderr=True, highlight=False)

    def each(trial: Trial, found: list[Simulated]) -> None:
        errors.print(f"simulated {trial.card.id}")
        if folder is not None:
            keeping.keep(trial, found)

    tried = trials(catalog.select(names or None), holm_sizes(catalog.probes().values()))
    done = tier1.run(tried, seeds=seeds or tier1.SEEDS, workers=workers, whole=not names, each=each)
    _show(tried, done)
    if json is not None:
        json.write_bytes(keeping.plain(done))
    if folder is not None and done.wholes:
        measured.write_whole(folder, done.wholes)
    breaches = list(tier1.breaches(done))
    for line in breaches:
        print(f"BREACH  {line}")
    raise typer.Exit(1 if breaches else 0)


def _show(tried: Sequence[Trial], done: Tier1) -> None:
    from fmaudit.cli.shown import show_table
    from fmaudit.selftest import tier1

    for trial in tried:
        print(f"\n{trial.card.id}\n{trial.plant.subject}")
        print(f"{trial.m} gated figures in the family; each rate with its one-sided 95 % bound")
        show_table(HEADS, (_row(f) for f in done.figures[trial.card.id]))
    if not tried:
        print("Nothing to simulate: no rule decides there.")
    for line in tier1.weak(done):
        print(f"weak    {line}")
    for kind, whole in done.wholes.items():
        alarms = _most(whole.false_alarms)
        print(f"\nwhole audits of a clean {kind} model in which any rule fails: {alarms}")
        for family, found in whole.boundary.items():
            print(f"audits at the thresholds in which any rule of {family} fails: {_most(found)}")


def _row(f: Simulated) -> tuple[object, ...]:
    power = f"{f.power.value:.3f} ≥ {f.power.low:.3f}"
    wrong = [f.false_alarms, f.boundary, f.wrong_passes]
    return f.measure, f"{f.op} {f.value:g}", f"{f.dose:g}", f.n, power, *map(_most, wrong)


def _most(found: Rate | None) -> str:
    return "" if found is None else f"{found.value:.3f} ≤ {found.high:.3f}"
