"""From the command line to a record, on a real transformers classifier."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest

import fmaudit
from fmaudit.reporting import record
from fmaudit.types import AuditRecord, decode, encode


@pytest.fixture
def audited(fmaudit_cli, spec, tmp_path):
    said = fmaudit_cli("audit", spec)
    assert said.code in (0, 1, 3), said.err
    return said, tmp_path / "runs" / "audit"


def test_an_audit_leaves_a_whole_run_folder(audited):
    said, run = audited
    names = {p.name for p in run.iterdir()}
    assert {"audit.json", "report.html", "spec.yaml", "log.jsonl", "evidence"} <= names
    assert "report.html" in said.out
    made = json.loads((run / "audit.json").read_text())
    assert made["schema"] == "fmaudit.record/1"
    assert made["audit"]["exit_code"] == said.code
    ran = {c["probe"] for c in made["coverage"] if c["status"] == "ran"}
    on_the_data = {
        "performance.classification",
        "bias.group_outcomes",
        "bias.counterfactual_terms",
    }
    on_their_own = {"bias.embedding_association", "bias.sentence_embedding_association"}
    assert ran >= on_the_data | on_their_own
    for probe in on_the_data:
        assert pq.read_table(run / "evidence" / f"{probe}.parquet").num_rows >= 400
    assert made["costs"]["requests"]["merged"] >= 400
    assert set(made["floor"]["target"]["classify"]["largest"]) == {"alone", "padded", "again"}


def test_every_finding_has_an_interval_or_a_reason(audited):
    done = fmaudit.load(audited[1])
    assert len(done.record.findings) > 100
    for finding in done.record.findings:
        if finding.estimate is None:
            assert finding.reason
            assert finding.verdict in ("not_tested", "error")
        elif finding.estimate.low is None:
            assert finding.estimate.details["no_interval"]
        else:
            assert finding.estimate.low <= finding.estimate.value + 1e-12
            assert finding.estimate.value <= finding.estimate.high + 1e-12


def test_the_record_reads_back_equal(audited):
    data = (audited[1] / "audit.json").read_bytes()
    again = decode(data, AuditRecord)
    assert decode(encode(again), AuditRecord) == again


def test_findings_and_evidence_are_frames(audited):
    done = fmaudit.load(audited[1])
    assert {"probe", "measure", "value", "low", "high", "verdict"} <= set(done.findings.columns)
    frame = done.evidence("bias.group_outcomes")
    assert len(frame) == 400
    assert set(frame["predicted"]) <= {0, 1}


def test_verify_agrees(audited, fmaudit_cli):
    said = fmaudit_cli("verify", audited[1])
    assert said.code == 0, said.out
    assert "0 do not agree" in said.out


def test_one_changed_digit_is_found_even_where_the_seal_was_made_anew(audited, fmaudit_cli):
    from fmaudit.reporting import seal

    run = audited[1]
    made = record.load(run)
    import msgspec

    k = next(i for i, f in enumerate(made.findings) if f.measure == "accuracy" and f.estimate)
    old = made.findings[k]
    forged = msgspec.structs.replace(
        old, estimate=msgspec.structs.replace(old.estimate, value=old.estimate.value + 0.001)
    )
    findings = (*made.findings[:k], forged, *made.findings[k + 1 :])
    again = seal.seal(run, msgspec.structs.replace(made, findings=findings))
    record.write(run, again)
    said = fmaudit_cli("verify", run)
    assert said.code == 1
    assert "accuracy" in said.out


def test_rows_cut_from_the_evidence_are_found(audited, fmaudit_cli):
    from fmaudit.reporting import seal

    run = audited[1]
    path = run / "evidence" / "bias.group_outcomes.parquet"
    pq.write_table(pq.read_table(path).slice(0, 390), path)
    record.write(run, seal.seal(run, record.load(run)))
    said = fmaudit_cli("verify", run)
    assert said.code == 1
    assert "bias.group_outcomes" in said.out


def costs_of_the_last(run):
    return json.loads((run / "log.jsonl").read_text().splitlines()[-1])["costs"]


def test_a_rerun_loads_no_model_and_gives_the_same_record(audited, spec, fmaudit_cli, monkeypatch):
    from fmaudit.models.classifier import ClassifierHandle

    run = audited[1]
    before = record.load(run)

    def refuse(self):
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(ClassifierHandle, "load", refuse)
    assert fmaudit_cli("audit", spec).code == audited[0].code
    assert record.load(run) == before  # a finished record keeps its times and costs
    assert costs_of_the_last(run)["requests"]["run"] == 0


def test_a_fresh_run_gives_the_same_record(audited, spec, fmaudit_cli, tmp_path, monkeypatch):
    monkeypatch.setenv("FMAUDIT_CACHE", str(tmp_path / "another"))
    fmaudit_cli("audit", spec, "--out", tmp_path / "again")
    one, two = record.load(audited[1]), record.load(tmp_path / "again")
    assert two.costs["requests"]["run"] > 0
    assert one.findings == two.findings
    assert one.seal["content"] == two.seal["content"]


def test_kill_9_and_the_same_command_give_an_undisturbed_record(spec, tmp_path, audited):
    environment = {**os.environ, "FMAUDIT_CACHE": str(tmp_path / "killed-cache")}
    command = [sys.executable, "-m", "fmaudit", "audit", str(spec), "--quiet"]
    command += ["--out", str(tmp_path / "killed")]
    answers = tmp_path / "killed-cache" / "answers"
    kills = 0
    for wait in (0.0, 0.4, 1.1):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not list(answers.glob("*.sqlite-wal")):
            time.sleep(0.02)
        time.sleep(wait)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills >= 1
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, timeout=300, check=False)
    killed, whole = record.load(tmp_path / "killed"), record.load(audited[1])
    assert killed.findings == whole.findings
    assert killed.seal["content"] == whole.seal["content"]


def test_python_and_the_command_line_are_the_same(audited, spec, tmp_path):
    done = fmaudit.audit(spec, out=tmp_path / "python")
    assert done.exit_code == audited[0].code
    assert done.record.seal["content"] == record.load(audited[1]).seal["content"]


def test_texts_can_be_left_out(spec, tmp_path, fmaudit_cli):
    spec.write_text(spec.read_text() + "evidence: {texts: hash}\n")
    assert fmaudit_cli("audit", spec).code in (0, 1, 3)
    for path in (tmp_path / "runs" / "audit" / "evidence").glob("*.parquet"):
        table = pq.read_table(path)
        assert all(t.startswith("sha256:") for t in table["input"].to_pylist())
    everything = b"".join(
        p.read_bytes() for p in (tmp_path / "runs").rglob("*") if p.suffix in (".json", ".html")
    )
    assert b"works as" not in everything
    assert fmaudit_cli("verify", tmp_path / "runs" / "audit").code == 0


def test_an_audit_opens_no_socket(spec, fmaudit_cli, monkeypatch):
    import socket

    def refuse(*args, **kwargs):
        raise AssertionError("an audit opened a socket")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert fmaudit_cli("audit", spec).code in (0, 1, 3)
