"""`fmaudit quickstart`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Subject(StrEnum):
    """Which model is tuned and audited."""

    classifier = "classifier"
    llm = "llm"


def quickstart(
    out: Annotated[
        Path | None,
        typer.Option(help="Run folder; by default runs/quickstart or runs/quickstart-llm."),
    ] = None,
    subject: Annotated[
        Subject, typer.Option(help="A classifier, or a language model beside its base.")
    ] = Subject.classifier,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """A real audit with nothing prepared: fetch, fine-tune, audit.

    Exit code 0 when the record is whole, whatever its verdicts.
    """
    from fmaudit.cli.shown import show_audit
    from fmaudit.engine.progress import Silent, live

    if subject is Subject.llm:
        from fmaudit.starter_llm import quickstart as run
    else:
        from fmaudit.starter import quickstart as run
    done = run(out, progress=Silent() if quiet else live())
    ends = 4 if done.exit_code == 4 else 0
    show_audit(done, ends)
    raise typer.Exit(ends)
