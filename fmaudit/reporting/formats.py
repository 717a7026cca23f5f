"""The report in its other formats: the record as JSON, the page as PDF."""

from __future__ import annotations

import json
from pathlib import Path

from fmaudit.reporting import html, pdf
from fmaudit.reporting.language import ENGLISH
from fmaudit.reporting.record import load, put
from fmaudit.reporting.share import shareable
from fmaudit.types import encode


def write_json(run: Path, *, share: bool = False, out: Path | None = None) -> Path:
    """Write the record, indented, as `report.json`, or as `report-share.json` or `out`.

    It reads back as the record. With `share` no reason in it repeats an error's message, so that
    the digests of its seal are then those of the run folder's record, not its own.

    Raises:
        RunFolderError: the folder holds no record that can be read.
        DiskFull: no room left; what stood there before stays.
    """
    record = load(run)
    shown = shareable(record, run) if share else record
    text = json.dumps(json.loads(encode(shown)), indent=1, ensure_ascii=False)
    return put(html.file_of(run, "json", share=share, out=out), f"{text}\n".encode())


def write_pdf(
    run: Path,
    *,
    share: bool = False,
    lang: str = ENGLISH,
    paper: str = "a4",
    out: Path | None = None,
) -> Path:
    """Write the HTML report, and print it beside as `report.pdf` and the like; or print to `out`.

    Raises:
        RunFolderError, UnknownName, DiskFull: as `html.write_report`.
        PdfError: there is no browser to print with, or it fails. The HTML report stands, where
            no `out` was named.
    """
    place = html.file_of(run, "pdf", share=share, lang=lang, out=out)
    if out is not None:
        return pdf.print_page(html.rendered(run, share=share, lang=lang), place, paper=paper)
    page = html.write_report(run, share=share, lang=lang)
    try:
        return pdf.print_page(page.read_text(encoding="utf-8"), place, paper=paper)
    except pdf.PdfError as error:
        raise pdf.PdfError(f"{error} The HTML report was written: {page}") from error
