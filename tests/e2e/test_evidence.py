"""`fmaudit evidence`: rows chosen, sorted and written; what it refuses."""

from __future__ import annotations

import csv
import io

import pytest

from fmaudit.evidence import Writer
from fmaudit.types import Case, Row

PROBE = "bias.some"
NASTY = "\x1b[31m\u202ered\nand =1+1"


@pytest.fixture
def run(tmp_path):
    """A run folder with the evidence of one probe."""
    rows = [
        Row(
            Case(f"c{k}", NASTY if k == 2 else f"text {k}", groups={"sex": "F"}),
            {"gap": gap, "kind": "even" if k % 2 == 0 else "odd", "scores": [0.5, k]},
            f"swap:{k}",
        )
        for k, gap in enumerate((0.1, -0.9, 0.5, None))
    ]
    path = tmp_path / "run" / "evidence" / f"{PROBE}.parquet"
    with Writer(path, {"gap": float, "kind": str, "scores": list[float]}) as out:
        out.write(rows)
    return tmp_path / "run"


def test_rows_are_sorted_and_counted(fmaudit_cli, run):
    said = fmaudit_cli("evidence", run, PROBE, "--sort", "gap", "--absolute", "--top", 2)
    assert said.code == 0
    assert said.out.index("c1  swap:1") < said.out.index("c2  swap:2")
    assert "c0" not in said.out
    assert '{"sex": "F"}' in said.out
    assert "2 of 3 rows of bias.some." in said.out
    assert "reason" not in said.out  # nothing to say


def test_nothing_hidden_reaches_the_terminal(fmaudit_cli, run):
    out = fmaudit_cli("evidence", run, PROBE, "--case", "c2", "--columns", "input").out
    assert "⟨U+001B⟩[31m⟨U+202E⟩red⏎and =1+1" in out
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_rows_are_narrowed_to_cases_and_values(fmaudit_cli, run):
    out = fmaudit_cli("evidence", run, PROBE, "--where", "kind=odd", "--columns", "gap").out
    assert "1 of" not in out
    assert "2 of 2 rows" in out
    assert "gap" in out
    assert "text" not in out
    out = fmaudit_cli("evidence", run, PROBE, "--case", "c0", "--case", "c3").out
    assert "2 of 2 rows" in out


def test_csv_holds_all_rows_as_they_are(fmaudit_cli, run, tmp_path):
    target = tmp_path / "rows.csv"
    said = fmaudit_cli("evidence", run, PROBE, "--csv", target)
    assert str(target) in said.out
    with target.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["case"] for row in rows] == ["c0", "c1", "c2", "c3"]
    assert rows[2]["input"] == NASTY
    assert (rows[1]["gap"], rows[3]["gap"]) == ("-0.9", "")
    assert rows[1]["scores"] == "[0.5, 1.0]"
    assert rows[1]["groups"] == '{"sex": "F"}'
    piped = fmaudit_cli("evidence", run, PROBE, "--columns", "case, gap", "--csv", "-", "--top", 1)
    assert list(csv.reader(io.StringIO(piped.out))) == [["case", "gap"], ["c0", "0.1"]]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["bias.sum"], "Did you mean 'bias.some'"),
        ([PROBE, "--sort", "gapp"], "Did you mean 'gap'"),
        ([PROBE, "--sort", "kind"], "kind holds no numbers. These do: weight, failed, gap."),
        ([PROBE, "--columns", "gap,kid"], "unknown column 'kid'"),
        ([PROBE, "--where", "kind"], "write COLUMN=VALUE"),
        ([PROBE, "--where", "kid=odd"], "Did you mean 'kind'"),
        ([PROBE, "--where", "scores=1"], "scores holds lists or groups"),
        ([PROBE, "--case", "c9"], "no row of bias.some is of case c9"),
    ],
)
def test_what_cannot_be_shown_is_named(fmaudit_cli, run, words, says):
    said = fmaudit_cli("evidence", run, *words)
    assert said.code == 2
    assert says in said.err
    assert "Traceback" not in said.err


def test_a_folder_that_is_no_run_is_named(fmaudit_cli, tmp_path):
    said = fmaudit_cli("evidence", tmp_path, PROBE)
    assert said.code == 2
    assert "holds no evidence" in said.err
