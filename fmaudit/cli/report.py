"""`fmaudit report RUN`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """What a report can be written as."""

    html = "html"
    json = "json"
    pdf = "pdf"


class Paper(StrEnum):
    """What a PDF is printed on."""

    a4 = "a4"
    letter = "letter"


def report(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    share: Annotated[
        bool, typer.Option("--share", help="Leave out every text of the data.")
    ] = False,
    kind: Annotated[
        Format, typer.Option("--format", help="json: the record. pdf: by the machine's Chromium.")
    ] = Format.html,
    lang: Annotated[str, typer.Option("--lang", help="The language of page and PDF.")] = "en",
    paper: Annotated[Paper, typer.Option("--paper", help="What a PDF is for.")] = Paper.a4,
    out: Annotated[
        Path | None, typer.Option("--out", help="The file to write, if not one in the run folder.")
    ] = None,
) -> None:
    """Write the report again, from the record and the evidence alone."""
    from fmaudit.reporting import formats, html

    if kind is Format.json:
        print(formats.write_json(run, share=share, out=out))
    elif kind is Format.html:
        print(html.write_report(run, share=share, lang=lang, out=out))
    else:
        print(formats.write_pdf(run, share=share, lang=lang, paper=paper.value, out=out))
