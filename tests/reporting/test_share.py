"""What is handed on quotes no text: not in the page, not in the record."""

from __future__ import annotations

import msgspec
import pytest

from fmaudit.evidence import Writer
from fmaudit.reporting.formats import write_json
from fmaudit.reporting.html import write_report
from fmaudit.reporting.record import load, write
from fmaudit.reporting.share import shareable
from fmaudit.types import AuditRecord, Case, Coverage, Row, decode

replace = msgspec.structs.replace

SECRET = "Ms. Ada Example, 12 Some Street"
RAISED = f"Refused: cannot answer {SECRET!r}"
SWAPS = "bias.counterfactual_terms"


@pytest.fixture
def quoting(record) -> AuditRecord:
    """The record with a text of the data in every reason that an error's message can get into."""
    gated = next(f for f in record.findings if f.verdict == "fail")
    plain = next(f for f in record.findings if f.probe == SWAPS and f.verdict == "not_tested")
    assert gated.estimate is not None
    compared = {"float32": {"reason": RAISED}}
    failed = {"float32": {"reason": f"in float32 3 of 9 rows failed; most often: {RAISED}"}}
    return replace(
        record,
        findings=(
            *record.findings,
            replace(plain, verdict="error", reason=RAISED),
            replace(plain, verdict="error", reason=f"ValueError: {SECRET}; most often: {SECRET}"),
            replace(plain, verdict="error", reason=f"3 of 9 rows failed; most often: {RAISED}"),
            replace(plain, reason=f"no rows: {RAISED} (2 of 2 rows)"),
            replace(plain, reason="no rows: the text has no sex term (7 of 9 rows)"),
            replace(
                gated,
                verdict="inconclusive",
                reason=f"fail as served in float16, and not compared with float32: {RAISED}",
                estimate=replace(gated.estimate, details=compared),
            ),
            replace(gated, estimate=replace(gated.estimate, details=failed)),
        ),
        coverage=(*record.coverage, Coverage("bias.broken", "bias", "error", RAISED)),
    )


@pytest.fixture
def run(tmp_path, quoting):
    """A run folder whose evidence holds texts, and the reason of a failed row."""
    with Writer(tmp_path / "evidence" / f"{SWAPS}.parquet", {"gap": float}) as out:
        out.write(
            [
                Row(Case("a", SECRET), {}, reason=RAISED, failed=True),
                Row(Case("b", SECRET), {}, reason="the text has no sex term"),
                Row(Case("c", SECRET), {"gap": 0.5}),
            ]
        )
    write(tmp_path, quoting)
    return tmp_path


def test_the_record_and_the_page_quote_no_text(run):
    assert SECRET in write_report(run).read_text(encoding="utf-8")
    assert SECRET in write_json(run).read_text(encoding="utf-8")
    for made in (write_report(run, share=True), write_json(run, share=True)):
        text = made.read_text(encoding="utf-8")
        assert "Ada" not in text, text[text.index("Ada") - 300 :][:400]
        assert "Some Street" not in text


def test_the_kind_of_an_error_and_all_other_reasons_stay(run, quoting):
    shown = shareable(quoting, run)
    reasons = [f.reason for f in shown.findings]
    assert reasons[:-7] == [f.reason for f in quoting.findings[:-7]]
    assert reasons[-7:] == [
        "the model failed",
        "ValueError",
        "3 of 9 rows failed; most often: the model failed",
        "no rows: the model failed (2 of 2 rows)",
        "no rows: the text has no sex term (7 of 9 rows)",
        "fail as served in float16, and not compared with float32: Refused",
        quoting.findings[-1].reason,
    ]
    details = [f.estimate.details for f in shown.findings[-2:] if f.estimate]
    assert details == [
        {"float32": {"reason": "Refused"}},
        {"float32": {"reason": "in float32 3 of 9 rows failed; most often: the model failed"}},
    ]
    assert shown.coverage[-1].reason == "the model failed"
    assert shown.coverage[:-1] == quoting.coverage[:-1]


def test_without_the_evidence_no_reason_of_a_row_is_kept(quoting):
    shown = shareable(quoting, None)
    assert shown.findings[-3].reason == "no rows: the model failed (7 of 9 rows)"


def test_nothing_else_is_changed(record, tmp_path):
    assert shareable(record, tmp_path) == record


def test_the_json_is_the_record(run, quoting):
    made = write_json(run)
    assert made == run / "report.json"
    assert decode(made.read_bytes(), AuditRecord) == load(run)
    shared = write_json(run, share=True)
    assert shared.name == "report-share.json"
    assert decode(shared.read_bytes(), AuditRecord) == shareable(load(run), run)


def test_it_is_written_where_one_asks(run, tmp_path):
    place = tmp_path / "elsewhere"
    place.mkdir()
    assert write_json(run, out=place) == place / "report.json"
    assert write_json(run, out=place / "new" / "a.json").is_file()
    assert write_report(run, share=True, out=place) == place / "report-share.html"


def test_what_a_model_said_when_its_gradients_broke_is_left_out(record):
    said = "no rows: the model gives no gradients: cannot embed 'a secret text' (9 of 9 rows)"
    finding = msgspec.structs.replace(record.findings[0], reason=said, verdict="not_tested")
    (kept,) = shareable(msgspec.structs.replace(record, findings=(finding,)), None).findings
    assert kept.reason == "no rows: the model gives no gradients (9 of 9 rows)"
