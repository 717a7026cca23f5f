"""`fmaudit verify RUN`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def verify(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    full: Annotated[bool, typer.Option("--all", help="Also list what agrees.")] = False,
) -> None:
    """Recompute every figure from the evidence, without a model. Exit code 1: a mismatch."""
    from fmaudit.reporting.verify import verify as recompute

    done = recompute(run)
    for check in done.checks if full else done.mismatches:
        note = f"; {check.note}" if check.note else ""
        print(
            f"{'agrees ' if check.ok else 'DIFFERS'}  {check.finding}  {check.figure} "
            f"({check.how}): stored {check.stored}, recomputed {check.recomputed}{note}"
        )
    counts = ", ".join(f"{count} {how}" for how, count in done.counts.items())
    wrong = len(done.mismatches)
    print(f"{len(done.checks)} checks ({counts}); {wrong} do not agree.")
    raise typer.Exit(1 if wrong else 0)
