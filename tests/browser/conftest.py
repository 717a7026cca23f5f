"""The machine's own Chromium, and the pages that are opened in it.

Without a browser these tests are skipped, unless `FMAUDIT_NEED_BROWSER` is set: then they fail.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support_report import PAGES, languages, written

from fmaudit.reporting.pdf import PdfError, browser


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    """One browser for all tests of this folder."""
    try:
        program = browser()
        from playwright.sync_api import sync_playwright
    except (PdfError, ImportError) as error:
        if os.environ.get("FMAUDIT_NEED_BROWSER"):
            raise
        pytest.skip(f"no browser to look at pages with: {error}")
    with sync_playwright() as playwright:
        # Root has no sandbox; the pages are the tests' own.
        found = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="package")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """(Page, language) → its file, every page in English and one in every language."""
    folder = tmp_path_factory.mktemp("pages")
    wanted = [(name, "en") for name in PAGES] + [
        (name, code) for name in ("plain", "example", "spoken") for code in languages()
    ]
    return {(name, code): written(folder, name, code) for name, code in dict.fromkeys(wanted)}


@dataclass
class Opened:
    """A page, and what it tried: requests, messages of the console, errors, dialogs."""

    page: Any
    url: str
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def do(self, script: str, *values: Any) -> Any:
        """Run a script of the test in the page."""
        return self.page.evaluate(script, *values)

    def seen(self, selector: str) -> int:
        """How many elements that fit are drawn."""
        return self.page.locator(selector).locator("visible=true").count()

    def open_all(self) -> None:
        """Open every fold."""
        self.do("document.querySelectorAll('details').forEach(d => d.open = true)")

    def calm(self) -> None:
        """Nothing was loaded, nothing was said, nothing popped up."""
        assert set(self.requests) <= {self.url}
        assert self.said == []
        assert self.dialogs == []


@pytest.fixture
def look(chromium: Any, files: dict[tuple[str, str], Path]) -> Iterator[Callable[..., Opened]]:
    """Open a page: `look("plain", width=390, dark=True)`; it must have kept calm in the end."""
    contexts, pages = [], []

    def opened(
        name: str = "plain",
        lang: str = "en",
        *,
        width: int = 1440,
        dark: bool = False,
        script: bool = True,
        anchor: str = "",
    ) -> Opened:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
            reduced_motion="reduce",
        )
        contexts.append(context)
        page, url = context.new_page(), files[name, lang].as_uri()
        page.set_default_timeout(5000)
        found = Opened(page, url)
        pages.append(found)
        page.on("request", lambda request: found.requests.append(request.url.split("#")[0]))
        page.on("console", lambda message: found.said.append(message.text))
        page.on("pageerror", lambda error: found.said.append(str(error)))
        page.on("dialog", lambda box: (found.dialogs.append(box.message), box.dismiss()))
        page.goto(url + anchor)
        return found

    yield opened
    for found in pages:
        found.calm()
    for context in contexts:
        context.close()
