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
    from fmaudit.cli.shown import console, show_table
    from fmaudit.reporting.verify import verify as recompute

    done = recompute(run)
    wrong = [c for c in done.checks if not c.ok]
    listed = done.checks if full else wrong
    if listed:
        show_table(
            ("figure", "how", "stored", "recomputed", "agrees", "note"),
            (
                (c.figure, c.how, c.stored, c.recomputed, "yes" if c.ok else "NO", c.note)
                for c in listed
            ),
        )
    counts = ", ".join(
        f"{sum(c.how == how for c in done.checks)} {how}"
        for how in dict.fromkeys(c.how for c in done.checks)
    )
    console().print(f"{len(done.checks)} checks ({counts}); {len(wrong)} do not agree.")
    raise typer.Exit(1 if wrong else 0)
