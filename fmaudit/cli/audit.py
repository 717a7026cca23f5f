"""`fmaudit audit SPEC.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def audit(
    spec: Annotated[Path, typer.Argument(help="The spec: model, data, probes.")],
    out: Annotated[
        Path | None, typer.Option(help="Run folder; by default runs/<spec name>.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Run an audit, or go on with it where it stopped.

    Exit code: 4 a probe or the run broke, 1 a rule fails, 3 inconclusive or nothing tested,
    0 all rules pass, 2 the input is wrong.
    """
    from fmaudit.cli.shown import show_audit
    from fmaudit.engine.progress import Silent, live
    from fmaudit.flow import audit as run

    done = run(spec, out=out, progress=Silent() if quiet else live())
    show_audit(done)
    raise typer.Exit(done.exit_code)
