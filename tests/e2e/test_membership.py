"""Training rows beside the audited data, from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from support_rows import write

TEXT = "a person works as {job} about {k} hours per week"
JOBS = ("nurse", "teacher", "engineer")


def some(path: Path, first: int, count: int) -> Path:
    """That many different texts, from a number on."""
    numbers = range(first, first + count)
    found = [(TEXT.format(job=JOBS[k % 3], k=k), ("no", "yes")[k % 2]) for k in numbers]
    write(path, found, ("text", "label"))
    return path


@pytest.fixture
def spec(tiny, tmp_path) -> Path:
    some(tmp_path / "in.csv", 0, 60)
    some(tmp_path / "out.csv", 1000, 60)
    file = tmp_path / "audit.yaml"
    file.write_text(
        f"model: {tiny}\n"
        "data: {source: file:rows.csv, text: text, label: label}\n"
        "membership: {members: file:in.csv, nonmembers: file:out.csv}\n"
        "probes: [performance, privacy]\n"
    )
    return file


def test_data_that_hold_training_rows_are_refused(spec, tmp_path, fmaudit_cli):
    some(tmp_path / "rows.csv", 54, 100)
    said = fmaudit_cli("audit", spec, "--out", "run")
    assert said.code == 2
    told = " ".join(said.err.split())
    assert "6 of 100 rows (6.0%) hold a text of" in told
    assert "name data that the model was not trained on" in told
    assert not list((tmp_path / "run").glob("evidence/*"))


def test_a_few_training_rows_are_on_record_and_verified(spec, tmp_path, fmaudit_cli):
    import fmaudit

    some(tmp_path / "rows.csv", 55, 100)
    assert fmaudit_cli("audit", spec, "--out", "run").code == 3
    assert fmaudit.load(tmp_path / "run").record.data["membership"]["trained_in_data"] == 5
    assert fmaudit_cli("verify", "run").code == 0
