"""The report on paper: its page, printed to PDF by a Chromium that the machine has.

Nothing is downloaded and nothing is installed. The browser runs without a window, in a folder of
its own that goes afterwards, and finds no network.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from fmaudit.errors import UserError
from fmaudit.reporting.record import put

NAMED = "FMAUDIT_CHROMIUM"
"""The environment variable that names the browser to use."""

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
)
APPS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
PAPERS = ("a4", "letter")
PATIENCE = 180.0
"""Seconds that a browser may take. A page of 10 MB prints in about half a minute."""

FLAGS = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-extensions",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    # No name is found, and what needs none meets a proxy that is not there.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=127.0.0.1:9",
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
)

_CURE = (
    "Open the HTML report in any browser and print it to a file, or install Chromium, or name a "
    f"browser of its kind in the environment variable {NAMED}."
)


class PdfError(UserError):
    """The page could not be printed; the message says why, and what to do."""


def browser() -> Path:
    """The browser to print with: the one that is named, else the first of those known.

    Raises:
        PdfError: there is none, or the one that is named is no program.
    """
    if named := os.environ.get(NAMED):
        found = shutil.which(named)
        if found is None:
            raise PdfError(f"{NAMED} names {named!r}, which is no program. {_CURE}")
        return Path(found)
    for name in (*NAMES, *(APPS if sys.platform == "darwin" else ())):
        if found := shutil.which(name):
            return Path(found)
    raise PdfError(
        f"no browser to print a PDF with: none of {', '.join(NAMES)} is on the PATH"
        f"{', and none in /Applications' if sys.platform == 'darwin' else ''}. {_CURE}"
    )


def print_page(page: str, out: Path, *, paper: str = "a4", patience: float = PATIENCE) -> Path:
    """Print the text of a report's page to the file `out`, and return it.

    Args:
        page: the HTML that `html.render` gives.
        out: where the PDF will stand, whole or not at all.
        paper: one of `PAPERS`.
        patience: seconds until a browser that does not end is stopped.

    Raises:
        PdfError: no browser, or it does not print the page.
        DiskFull: no room left.
    """
    program = browser()
    # Chromium's packages may be confined to the home folder and the like: its files lie together.
    with TemporaryDirectory(prefix="fmaudit-pdf-", ignore_cleanup_errors=True) as place:
        source, printed = Path(place) / "report.html", Path(place) / "report.pdf"
        source.write_text(_on(page, paper), encoding="utf-8")
        said = _run(
            [
                str(program),
                *FLAGS,
                *_unconfined(),
                f"--user-data-dir={Path(place) / 'profile'}",
                f"--print-to-pdf={printed}",
                source.as_uri(),
            ],
            patience,
        )
        data = printed.read_bytes() if printed.is_file() else b""
    if not data.startswith(b"%PDF-") or b"%%EOF" not in data[-1024:]:
        raise PdfError(f"{program} printed no PDF{said}. {_CURE}")
    return put(out, data)


def _on(page: str, paper: str) -> str:
    """The page with the size of its paper, which the style sheet gives as A4."""
    if paper not in PAPERS:
        raise PdfError(f"unknown paper {paper!r}: {' or '.join(PAPERS)}.")
    size = "A4" if paper == "a4" else "letter"
    return page.replace("</head>", f"<style>@page {{ size: {size} }}</style>\n</head>", 1)


def _unconfined() -> Sequence[str]:
    """Chromium refuses its sandbox to root; all that it opens is the report."""
    return ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


def _run(command: Sequence[str], patience: float) -> str:
    """Run the browser with all that it starts; what it says last, "" where it says nothing.

    Raises:
        PdfError: it cannot be started, or does not end in time.
    """
    try:
        started = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise PdfError(f"{command[0]} cannot be started: {error}. {_CURE}") from error
    try:
        _, said = started.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        raise PdfError(
            f"{command[0]} did not print the page within {patience:g} seconds. {_CURE}"
        ) from None
    finally:
        _end(started)
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return f" (it ended with {started.returncode}{f': {lines[-1][:300]}' if lines else ''})"


def _end(started: subprocess.Popen[bytes]) -> None:
    """Stop the browser and its helpers, where any is left."""
    if started.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(started.pid, signal.SIGKILL)
        else:
            started.kill()
        started.communicate()
