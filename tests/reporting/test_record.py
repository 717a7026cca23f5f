from __future__ import annotations

import json

import msgspec
import pytest

from fmaudit.errors import DiskFull, RunFolderError, UnknownName
from fmaudit.evidence import Writer
from fmaudit.reporting.record import (
    ESTIMATE_COLUMNS,
    evidence_frame,
    findings_frame,
    load,
    put,
    write,
)
from fmaudit.types import Case, Row


def test_a_record_comes_back_equal(tmp_path, record):
    path = write(tmp_path, record)
    assert path == tmp_path / "audit.json"
    assert load(tmp_path) == record
    assert [p.name for p in tmp_path.iterdir()] == ["audit.json"]


def test_a_folder_without_a_record_names_the_ones_near_by(tmp_path, record):
    write(tmp_path / "income", record)
    with pytest.raises(RunFolderError, match=r"is no folder.*Did you mean .*income\?"):
        load(tmp_path / "incone")
    with pytest.raises(RunFolderError, match=r"holds no audit.json.*Did you mean .*income\?"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"schema": "fmaudit.record/7"}', "fmaudit.record/7.*the version of fmaudit that wrote"),
        ('{"schema": 1}', "not a record of fmaudit"),
        ("[]", "not a record of fmaudit"),
        ('{"schema": "fmaudit.rec', "not readable as JSON.*Give the audit's command again"),
        ('{"schema": "fmaudit.record/1"}', "does not fit.*audit"),
    ],
)
def test_a_record_that_cannot_be_read_says_why_and_the_cure(text, says, tmp_path):
    (tmp_path / "audit.json").write_text(text, encoding="utf-8")
    with pytest.raises(RunFolderError, match=says):
        load(tmp_path)


def test_a_full_disk_keeps_the_record_that_stood_there(tmp_path, record, monkeypatch):
    write(tmp_path, record)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DiskFull):
        write(tmp_path, msgspec.structs.replace(record, costs={}))
    monkeypatch.undo()
    assert load(tmp_path) == record
    assert [p.name for p in tmp_path.iterdir()] == ["audit.json"]


def test_put_replaces_whole_files(tmp_path):
    put(tmp_path / "deep" / "a.html", b"one")
    put(tmp_path / "deep" / "a.html", b"two")
    assert (tmp_path / "deep" / "a.html").read_bytes() == b"two"


def test_findings_as_a_frame(record):
    frame = findings_frame(record)
    assert len(frame) == len(record.findings)
    failed = frame[frame.verdict == "fail"].iloc[0]
    assert (failed.rule_op, failed.rule_value, failed.value) == ("<=", 0.1, 0.22)
    assert json.loads(failed.slice) == {"attribute": "sex"}
    assert frame[frame.verdict == "not_tested"].value.isna().all()
    empty = findings_frame(msgspec.structs.replace(record, findings=()))
    assert len(empty) == 0
    assert set(ESTIMATE_COLUMNS) < set(empty.columns)


def test_evidence_as_a_frame(tmp_path):
    case = Case("a", "text", groups={"sex": "F"}, target="yes")
    with Writer(tmp_path / "evidence" / "bias.x.parquet", {"flip": bool}) as writer:
        writer.write([Row(case, {"flip": True}), Row(case, {}, reason="none", variant="b")])
    frame = evidence_frame(tmp_path, "bias.x")
    assert frame.groups[0] == {"sex": "F"}
    assert frame.flip.tolist() == [True, None]
    with pytest.raises(UnknownName, match=r"Did you mean 'bias.x'\?"):
        evidence_frame(tmp_path, "bias.y")
