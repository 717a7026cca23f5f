"""`fmaudit report RUN`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(run: Annotated[Path, typer.Argument(help="A run folder.")]) -> None:
    """Write report.html again, from the record and the evidence alone."""
    from fmaudit.reporting import html

    print(html.write_report(run))
