from __future__ import annotations

import msgspec
import pytest

from fmaudit.reporting.record import load, write
from fmaudit.reporting.seal import check, seal
from fmaudit.types import Coverage

replace = msgspec.structs.replace


@pytest.fixture
def run(tmp_path):
    (tmp_path / "spec.yaml").write_text("name: a\n", encoding="utf-8")
    for name in ("bias.x.parquet", "blobs/abc"):
        path = tmp_path / "evidence" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (tmp_path / "report.html").write_text("a", encoding="utf-8")
    return tmp_path


def test_a_sealed_run_checks(run, record):
    sealed = seal(run, record)
    assert set(sealed.seal["files"]) == {
        "spec.yaml",
        "evidence/bias.x.parquet",
        "evidence/blobs/abc",
    }
    write(run, sealed)
    assert check(run, load(run)) == []


def test_the_report_and_the_log_are_not_sealed(run, record):
    sealed = seal(run, record)
    (run / "report.html").write_text("changed", encoding="utf-8")
    (run / "log.jsonl").write_text("{}", encoding="utf-8")
    assert check(run, sealed) == []


def test_whole_numbers_in_the_place_of_floats_seal_as_they_are_read_back(run, record):
    """A figure of 0 is written as 0 and read back as 0.0: the seal holds."""
    finding = record.findings[0]
    whole = replace(finding, estimate=replace(finding.estimate, value=0, low=0, high=1))
    sealed = seal(run, replace(record, findings=(whole,)))
    write(run, sealed)
    assert check(run, load(run)) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("spec.yaml", "spec.yaml was changed"),
        ("evidence/bias.x.parquet", "evidence/bias.x.parquet was changed"),
        ("evidence/new", "evidence/new was added"),
    ],
)
def test_a_changed_file_is_named(change, says, run, record):
    sealed = seal(run, record)
    (run / change).write_text("other", encoding="utf-8")
    assert any(says in sentence for sentence in check(run, sealed))


def test_a_file_that_is_gone_is_named(run, record):
    sealed = seal(run, record)
    (run / "evidence" / "blobs" / "abc").unlink()
    assert any("was sealed and is gone" in sentence for sentence in check(run, sealed))


def test_a_changed_record_and_a_missing_seal_are_named(run, record):
    sealed = seal(run, record)
    changed = replace(sealed, coverage=(*sealed.coverage, Coverage("a.b", "a", "ran")))
    assert any("record was changed" in sentence for sentence in check(run, changed))
    assert check(run, record) == ["the record has no seal"]


def test_equal_runs_have_equal_content(run, record):
    """Costs and times may differ; nothing else."""
    first = seal(run, record).seal
    later = {**record.audit, "started": "2027", "finished": "2028"}
    second = seal(run, replace(record, costs={"tokens": 1}, audit=later)).seal
    assert first["content"] == second["content"]
    assert first["record"] != second["record"]
    assert first["sealed"] != second["sealed"]
    other = seal(run, replace(record, audit={**record.audit, "seed": 1})).seal
    assert other["content"] != first["content"]
