"""The page on paper: by the machine's browser where there is one, with a clear word where not."""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path

import pytest
from support_pdf import words

from fmaudit.reporting import pdf
from fmaudit.reporting.formats import write_pdf
from fmaudit.reporting.pdf import NAMED, PdfError, browser, print_page
from fmaudit.reporting.record import write

PAGE = "<!DOCTYPE html><html><head><title>A page</title></head><body><p>Words.</p></body></html>"


def program(folder: Path, name: str, lines: str) -> Path:
    """A program of the test's, in the place of a browser."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport os, sys, time\n{lines}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def alone(tmp_path, monkeypatch) -> Path:
    """The only folder on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(NAMED, raising=False)
    monkeypatch.setattr(pdf, "APPS", ())
    return tmp_path


def test_the_browser_that_is_named_comes_first(alone, monkeypatch):
    program(alone, "google-chrome", "")
    assert browser() == alone / "google-chrome"
    mine = program(alone, "mine", "")
    monkeypatch.setenv(NAMED, str(mine))
    assert browser() == mine


def test_no_browser_says_where_it_looked_and_what_to_do(alone, monkeypatch):
    with pytest.raises(PdfError, match=r"chromium, .*PATH.*print it to a file.*FMAUDIT_CHROMIUM"):
        browser()
    monkeypatch.setenv(NAMED, "/no/such/program")
    with pytest.raises(PdfError, match=r"FMAUDIT_CHROMIUM names '/no/such/program'"):
        browser()


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("sys.stderr.write('gone\\nNo usable sandbox!'); sys.exit(1)", r"ended with 1: No usable"),
        ("", r"printed no PDF \(it ended with 0\)"),
        (
            "open([a for a in sys.argv if 'pdf=' in a][0][15:], 'w').write('<html>')",
            "printed no PDF",
        ),
        ("time.sleep(60)", "not print the page within 0.5 seconds"),
    ],
)
def test_a_browser_that_fails_is_told_of_and_leaves_nothing(alone, lines, says):
    program(alone, "chromium", lines)
    out = alone / "report.pdf"
    with pytest.raises(PdfError, match=says):
        print_page(PAGE, out, patience=0.5 if "sleep" in lines else 20)
    assert not out.exists()
    assert not list(alone.glob("*.partial"))


def test_a_browser_that_does_not_end_is_stopped_with_its_helpers(alone):
    wrote = alone / "helper"
    lines = (
        f"child = os.fork()\nopen({str(wrote)!r} + str(os.getpid()), 'w').close()\ntime.sleep(60)"
    )
    program(alone, "chromium", lines)
    with pytest.raises(PdfError, match="within 1 seconds"):
        print_page(PAGE, alone / "report.pdf", patience=1)
    helpers = [int(path.name.removeprefix("helper")) for path in alone.glob("helper*")]
    assert len(helpers) == 2
    for helper in helpers:
        assert not Path(f"/proc/{helper}/cmdline").exists() or not (
            Path(f"/proc/{helper}/cmdline").read_bytes()
        ), "still at work"


def test_the_html_stands_where_the_pdf_fails(alone, record):
    run = alone / "run"
    write(run, record)
    with pytest.raises(PdfError, match=r"The HTML report was written: .*report\.html"):
        write_pdf(run)
    assert (run / "report.html").is_file()
    assert not (run / "report.pdf").exists()


def test_what_the_browser_is_given(alone):
    """The page on its paper, a profile that goes again, and no network."""
    program(
        alone,
        "chromium",
        f"""
from urllib.parse import unquote, urlparse
page = open(unquote(urlparse(sys.argv[-1]).path)).read()
open({str(alone / "seen")!r}, "w").write("\\n".join([*sys.argv, page]))
out = [a for a in sys.argv if a.startswith("--print-to-pdf=")][0].split("=", 1)[1]
open(out, "wb").write(b"%PDF-1.4 ... %%EOF")""",
    )
    made = print_page(PAGE, alone / "report.pdf", paper="letter")
    assert made.read_bytes().startswith(b"%PDF")
    seen = (alone / "seen").read_text()
    assert "@page { size: letter }" in seen
    assert "--proxy-server=127.0.0.1:9" in seen
    profile = re.search("--user-data-dir=(.*)", seen)
    assert profile
    assert not os.path.exists(profile[1])
    with pytest.raises(PdfError, match="unknown paper 'a3'"):
        print_page(PAGE, made, paper="a3")


def pages(data: bytes) -> list[tuple[int, int]]:
    """Width and height of a PDF's pages in points, where it names them in plain."""
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data)
    return [(round(float(w)), round(float(h))) for w, h in boxes]


def test_a_real_browser_prints_the_report(record, tmp_path):
    try:
        browser()
    except PdfError as error:
        if os.environ.get("FMAUDIT_NEED_BROWSER"):
            raise
        pytest.skip(str(error))
    write(tmp_path, record)
    made = write_pdf(tmp_path)
    found = pages(made.read_bytes())
    assert made.name == "report.pdf"
    assert 3 <= len(found) <= 20
    assert set(found) == {(595, 842)}
    texts = words(made.read_bytes())
    assert len(texts) == len(found)
    for number, text in enumerate(texts, 1):
        assert "income-model" in text
        assert re.search(rf"\b{number} / {len(texts)}\b", text), text[:200]
    whole = " ".join(texts)
    assert "Equal opportunity difference" in whole
    assert "7 rows with the positive label" in whole  # it lies in a fold
    letter = write_pdf(tmp_path, paper="letter", out=tmp_path / "letter.pdf")
    assert set(pages(letter.read_bytes())) == {(612, 792)}
