from __future__ import annotations

import csv
import random
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from fmaudit.cli import main


@dataclass
class Said:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def fmaudit_cli(monkeypatch, capsys, tmp_path):
    """Run the command line in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["fmaudit", *map(str, words)])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


def people(path: Path, rows: int = 400, seed: int = 0) -> Path:
    """A CSV of short sentences about people, with labels and two attributes."""
    rng = random.Random(seed)
    with path.open("w", newline="", encoding="utf-8") as stream:
        out = csv.writer(stream)
        out.writerow(["text", "label", "sex", "race"])
        for k in range(rows):
            sex, race = rng.choice(["male", "female"]), rng.choice(["white", "black", "asian"])
            job = rng.choice(["nurse", "teacher", "engineer"])
            text = f"a {race} {sex} works as {job} about {k} hours per week"
            out.writerow([text, rng.choice(["no", "yes"]), sex, race])
    return path


@pytest.fixture
def spec(tiny, tmp_path) -> Path:
    """A spec of three lines over a real (random-weight) transformers classifier."""
    people(tmp_path / "people.csv")
    file = tmp_path / "audit.yaml"
    file.write_text(
        f"model: {tiny}\n"
        "data: {source: file:people.csv, text: text, label: label, groups: [sex, race]}\n"
        "probes: [performance, bias]\n"
    )
    return file
