"""What an audit makes of a model whose answers hang on how they are batched."""

from __future__ import annotations

import pytest
from support_models import Heedless
from support_rows import mapping, rows, write
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import fmaudit
from fmaudit.models.torchmodel import TorchClassifier
from fmaudit.reporting.verify import verify


@pytest.fixture
def audit(tiny, tmp_path):
    """Audits the tiny classifier with as much of its mask unheeded as `heard` says."""
    write(tmp_path / "rows.csv", rows(300, "a {sex} person works as nurse {k} hours"))
    rule = {"op": ">=", "value": 0.01}
    named = {"id": "performance.classification", "rules": {"accuracy": rule}}

    def run(heard):
        inner = AutoModelForSequenceClassification.from_pretrained(tiny)
        tokenizer = AutoTokenizer.from_pretrained(tiny)
        model = TorchClassifier(Heedless(inner, heard), tokenizer, ["no", "yes"])
        return fmaudit.audit(mapping(tmp_path, probes=[named]), out=tmp_path / "run", model=model)

    return run


def gated(done):
    (found,) = [f for f in done.record.findings if f.rule is not None]
    return found


def test_a_mask_that_is_not_heeded_lets_no_rule_pass(audit):
    done = audit(heard=1.0)
    floor = done.record.floor["target"]["classify"]
    assert floor["flips"]["padded"] > 0.05
    assert gated(done).estimate.p_pass < 0.025, "the figure alone would pass"
    assert gated(done).verdict == "inconclusive"
    assert "changes its class in up to" in gated(done).reason
    assert done.exit_code == 3
    said = (done.run / "report.html").read_text(encoding="utf-8")
    assert "The model is not steady" in said
    assert "heeds its attention mask" in said
    assert verify(done.run).mismatches == ()


def test_a_slight_leak_is_reported_and_lets_a_clear_verdict_stand(audit):
    done = audit(heard=0.02)
    floor = done.record.floor["target"]["classify"]
    assert floor["flips"]["padded"] <= 0.05 < 50 * floor["largest"]["padded"]
    assert gated(done).verdict == "pass"
    said = (done.run / "report.html").read_text(encoding="utf-8")
    assert any(words in said for words in ("always got the same class", "not always answered"))
    assert "heeds its attention mask" in said
    assert verify(done.run).mismatches == ()
