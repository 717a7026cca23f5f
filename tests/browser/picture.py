"""The first screen of a report as a picture: `picture.py REPORT.html PICTURE.png`."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from fmaudit.reporting.pdf import browser

SCREEN = {"width": 1440, "height": 900}


def picture(report: Path, out: Path) -> None:
    """Open the report as a reader does, and keep what the first screen shows."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
        page = chromium.new_page(viewport=SCREEN, color_scheme="light")
        page.goto(report.resolve().as_uri())
        page.screenshot(path=out)
        chromium.close()


if __name__ == "__main__":
    picture(Path(sys.argv[1]), Path(sys.argv[2]))
