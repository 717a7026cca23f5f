"""`fmaudit report`: its formats, what it leaves out of what is shared, what it refuses."""

from __future__ import annotations

import json

import pytest
import yaml
from support_report import plain
from support_rows import mapping, rows
from support_rows import write as write_rows

from fmaudit.reporting.pdf import NAMED
from fmaudit.reporting.record import write


@pytest.fixture
def run(tmp_path):
    """A run folder with the record made by hand."""
    folder = tmp_path / "runs" / "income"
    folder.mkdir(parents=True)
    write(folder, plain())
    return folder


def test_every_format_stands_in_the_run_folder(fmaudit_cli, run):
    for words, name in (
        ((), "report.html"),
        (("--share",), "report-share.html"),
        (("--lang", "zh"), "report.zh.html"),
        (("--format", "json"), "report.json"),
        (("--format", "json", "--share"), "report-share.json"),
    ):
        said = fmaudit_cli("report", run, *words)
        assert (said.code, said.out.strip()) == (0, str(run / name)), said.err
        assert (run / name).stat().st_size > 1000
    assert json.loads((run / "report.json").read_text())["audit"]["name"] == "income"
    assert '<html lang="zh' in (run / "report.zh.html").read_text(encoding="utf-8")


def test_out_names_a_file_or_a_folder(fmaudit_cli, run, tmp_path):
    said = fmaudit_cli("report", run, "--out", "board.html")
    assert said.out.strip() == "board.html"
    assert (tmp_path / "board.html").is_file()
    (tmp_path / "there").mkdir()
    assert fmaudit_cli("report", run, "--out", "there", "--share").code == 0
    assert (tmp_path / "there" / "report-share.html").is_file()
    assert not (run / "report.html").exists()


def test_what_cannot_be_written_is_refused(fmaudit_cli, run, monkeypatch):
    said = fmaudit_cli("report", run, "--lang", "xx")
    assert (said.code, "'xx'" in said.err, "zh" in said.err) == (2, True, True)
    assert fmaudit_cli("report", run, "--format", "docx").code == 2
    monkeypatch.setenv(NAMED, "no-such-browser")
    said = fmaudit_cli("report", run, "--format", "pdf")
    assert said.code == 2
    assert "Traceback" not in said.err
    for word in (NAMED, "no-such-browser", "print it to a file", str(run / "report.html")):
        assert word in said.err
    assert (run / "report.html").is_file()


def test_what_is_shared_of_an_audit_quotes_no_text(fmaudit_cli, tmp_path):
    """A model whose errors quote the texts that it was asked about, as many do."""
    write_rows(tmp_path / "rows.csv", rows(120, text="Ms. Ada Example {k}"))
    (tmp_path / "quoting.py").write_text(
        "class Refused(Exception): pass\n"
        "def predict(texts):\n"
        "    if any('7' in text for text in texts):\n"
        "        raise Refused(f'cannot answer {texts}')\n"
        "    return [[0.3, 0.7] for text in texts]\n"
    )
    spec = mapping(tmp_path, model={"callable": "quoting:predict", "labels": ["no", "yes"]})
    (tmp_path / "odd.yaml").write_text(yaml.safe_dump(spec))
    fmaudit_cli("audit", "odd.yaml")
    run = tmp_path / "runs" / "odd"
    assert "Ada" in (run / "audit.json").read_text()
    for kind in ("html", "json"):
        fmaudit_cli("report", run, "--share", "--format", kind)
        text = (run / f"report-share.{kind}").read_text(encoding="utf-8")
        assert "Ada" not in text, text[text.index("Ada") - 300 :][:500]
