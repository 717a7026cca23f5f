"""What goes on and is shown, and what breaks a run and is named."""

from __future__ import annotations

import json

import pytest
import yaml
from support_rows import audit, found, mapping, rows, write

import fmaudit
from fmaudit.engine.cache import Cache
from fmaudit.errors import DiskFull
from fmaudit.models.fakes import FakeClassifier, hashed
from fmaudit.reporting import record


def test_text_beyond_the_window_is_cut_counted_and_shown(tmp_path):
    long = [("word " * 40, "yes", "F", "A") for _ in range(7)]
    write(tmp_path / "rows.csv", [*rows(200), *long])
    done = audit(tmp_path, window=20)
    assert done.record.data["cut_texts"] == 7
    assert "7" in (tmp_path / "run" / "report.html").read_text()
    assert all(f.verdict != "error" for f in done.record.findings)


def test_a_group_with_three_members_is_not_tested(tmp_path):
    few = [(f"one of three {k}", "yes", "X", "A") for k in range(3)]
    write(tmp_path / "rows.csv", [*rows(400), *few])
    done = audit(tmp_path, probes=["bias.group_outcomes"])
    (rate,) = found(done, "true_positive_rate", sex="X")
    assert rate.verdict == "not_tested"
    assert rate.reason
    (left,) = [
        f
        for f in found(done, "equal_opportunity_difference", attribute="sex", **{"left out": "X"})
        if f.verdict == "not_tested"
    ]
    assert left.reason
    (gap,) = found(done, "equal_opportunity_difference", attribute="sex")
    assert gap.estimate is not None


def test_labels_of_one_class_leave_what_needs_two_untested(tmp_path):
    write(tmp_path / "rows.csv", rows(200, labels=("yes",)))
    done = audit(tmp_path)
    (accuracy,) = found(done, "accuracy")
    assert accuracy.estimate is not None
    untested = {f.measure for f in done.record.findings if f.verdict == "not_tested"}
    assert {"auroc", "false_positive_rate", "false_positive_rate_difference"} <= untested
    assert all(f.reason for f in done.record.findings if f.verdict == "not_tested")
    assert not any(f.verdict == "error" for f in done.record.findings)


def test_markup_in_texts_groups_and_labels_is_inert(tmp_path):
    evil = '<script>alert(1)</script><img src=x onerror="alert(2)">'
    write(
        tmp_path / "rows.csv",
        rows(300, text=f"{evil} a male person {{k}}", sexes=(evil, "M\u202eF")),
    )
    audit(tmp_path)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "\u202e" not in page


def test_logits_that_are_not_finite_are_an_error_with_exit_code_4(tmp_path):
    write(tmp_path / "rows.csv", rows(200))
    done = audit(tmp_path, lambda t: (0.0, float("nan")) if "F" in t else (0.0, 1.0), key="nan")
    assert done.exit_code == 4
    broken = [f for f in done.record.findings if f.probe == "performance.classification"]
    assert {f.verdict for f in broken} == {"error"}
    assert "not finite" in broken[0].reason
    assert "100 of 200 rows failed" in broken[0].reason


def test_a_few_failures_are_counted_and_the_rest_is_measured(tmp_path):
    write(tmp_path / "rows.csv", rows(200))
    done = audit(
        tmp_path, lambda t: (0.0, float("nan")) if t.endswith(" 8") else hashed(t), key="few"
    )
    (coverage,) = [c for c in done.record.coverage if c.probe == "performance.classification"]
    assert coverage.failed_rows == 1
    (accuracy,) = found(done, "accuracy")
    assert accuracy.estimate.n == 199


def test_a_full_disk_keeps_what_was_done_and_is_resumed(tmp_path, monkeypatch):
    write(tmp_path / "rows.csv", rows(600))
    puts = []
    put = Cache.put

    def full_after_three(self, answers):
        puts.append(1)
        if len(puts) == 4:
            raise DiskFull(self.path)
        put(self, answers)

    monkeypatch.setattr(Cache, "put", full_after_three)
    with pytest.raises(DiskFull, match="goes on where it stopped"):
        audit(tmp_path, batch_tokens=64)
    assert not (tmp_path / "run" / "audit.json").exists()
    assert list((tmp_path / "run" / "evidence").glob("*")) == []
    monkeypatch.setattr(Cache, "put", put)
    done = audit(tmp_path, batch_tokens=64)
    assert done.record.costs["requests"]["cached"] > 0
    assert done.exit_code in (0, 1, 3)


def test_a_full_disk_has_exit_code_4(tmp_path, monkeypatch, fmaudit_cli, spec):
    def full(self, answers):
        raise DiskFull(self.path)

    monkeypatch.setattr(Cache, "put", full)
    said = fmaudit_cli("audit", spec)
    assert said.code == 4
    assert "no room left" in said.err
    assert "Traceback" not in said.err


def test_a_probe_that_breaks_is_an_error_and_the_others_go_on(tmp_path, monkeypatch):
    from fmaudit.bias import group_outcomes

    def broken(*args, **kwargs):
        raise ZeroDivisionError("no such group")

    monkeypatch.setattr(group_outcomes, "score", broken)
    write(tmp_path / "rows.csv", rows(200))
    done = audit(tmp_path)
    assert done.exit_code == 4
    by_probe = {c.probe: c for c in done.record.coverage}
    assert by_probe["bias.group_outcomes"].status == "error"
    assert "ZeroDivisionError" in by_probe["bias.group_outcomes"].reason
    assert by_probe["performance.classification"].status == "ran"
    assert "ZeroDivisionError" in (tmp_path / "run" / "log.jsonl").read_text()


def test_without_labels_or_groups_what_needs_them_is_said_to_be_untested(tmp_path):
    write(tmp_path / "rows.csv", [(f"a male person {k}",) for k in range(60)], header=("text",))
    data = {"source": f"file:{tmp_path / 'rows.csv'}", "text": "text"}
    done = audit(tmp_path, data=data)
    untested = {c.probe: c.reason for c in done.record.coverage if c.status == "not_tested"}
    assert "data.label" in untested["performance.classification"]
    assert "data.groups" in untested["bias.group_outcomes"]
    assert found(done, "excess_flip_rate", attribute="sex")


def test_a_probe_named_by_id_and_not_tested_is_exit_code_3(tmp_path):
    write(tmp_path / "rows.csv", [(f"person {k}",) for k in range(60)], header=("text",))
    data = {"source": f"file:{tmp_path / 'rows.csv'}", "text": "text"}
    assert audit(tmp_path, data=data, probes=["bias.group_outcomes"]).exit_code == 3


def test_more_than_two_classes_are_measured_and_never_gated(tmp_path, tiny_three):
    write(tmp_path / "rows.csv", rows(300, labels=("no", "yes", "maybe")))
    spec = mapping(tmp_path, model={"path": str(tiny_three)})
    spec["data"]["positive"] = "yes"
    done = fmaudit.audit(spec, out=tmp_path / "three")
    gaps = found(done, "equal_opportunity_difference", attribute="sex")
    assert [g.verdict for g in gaps] == ["measured"]
    assert gaps[0].positive == "yes"


def test_an_unfair_rule_fails_and_a_fair_one_passes(tmp_path):
    def rule(share_of_women):
        def answer(text):
            unit = (hashed(text)[1] / 6.0 + 0.5) % 1.0
            share = share_of_women if " F " in text else 0.8
            return (0.0, 1.0 if unit < share else -1.0)

        return answer

    write(tmp_path / "rows.csv", rows(4000, labels=("no", "yes")))
    for name, share, verdict, code in (("unfair", 0.5, "fail", 1), ("fair", 0.8, "pass", 0)):
        done = fmaudit.audit(
            mapping(tmp_path, name=name, probes=["bias.group_outcomes"]),
            out=tmp_path / name,
            model=FakeClassifier(rule(share), key=name),
        )
        (gap,) = found(done, "equal_opportunity_difference", attribute="sex")
        assert gap.verdict == verdict, gap
        assert done.exit_code == code


def test_a_callable_is_audited_and_resumed_in_its_run_folder(tmp_path, fmaudit_cli):
    write(tmp_path / "rows.csv", rows(120))
    (tmp_path / "my_callable.py").write_text(
        "CALLS = []\n"
        "def predict(texts):\n"
        "    CALLS.append(len(texts))\n"
        "    return [[0.3, 0.7] if 'F' in t else [0.6, 0.4] for t in texts]\n"
    )
    spec = mapping(tmp_path, model={"callable": "my_callable:predict", "labels": ["no", "yes"]})
    (tmp_path / "odd.yaml").write_text(yaml.safe_dump(spec))
    assert fmaudit_cli("audit", "odd.yaml").code in (0, 1, 3)
    assert (tmp_path / "runs" / "odd" / "answers.sqlite").is_file()
    first = record.load(tmp_path / "runs" / "odd")
    assert fmaudit_cli("audit", "odd.yaml").code in (0, 1, 3)
    log = (tmp_path / "runs" / "odd" / "log.jsonl").read_text().splitlines()
    assert json.loads(log[-1])["costs"]["requests"]["run"] == 0
    assert record.load(tmp_path / "runs" / "odd") == first


def test_a_users_own_card_runs(tmp_path):
    write(tmp_path / "rows.csv", rows(120))
    folder = tmp_path / "mine" / "probes" / "performance"
    folder.mkdir(parents=True)
    (folder / "floor.yaml").write_text(
        json.dumps(
            {
                "id": "performance.floor",
                "title": "Accuracy that we ask for",
                "claim": "At least nine of ten are right.",
                "method": "predictions",
                "data": {"target": True},
                "measures": [
                    {"measure": "accuracy", "rule": {"op": ">=", "value": 0.9, "origin": "policy"}}
                ],
                "harm": "Wrong decisions.",
                "citation": [{"text": "Our own policy, 2026"}],
            }
        )
    )
    done = audit(tmp_path, cards=[str(tmp_path / "mine")], probes=["performance.floor"])
    (accuracy,) = found(done, "accuracy")
    assert accuracy.verdict == "fail"
    assert accuracy.rule.origin == "policy"
    assert done.exit_code == 1


def test_that_a_cards_rules_are_for_two_classes_is_said(fmaudit_cli, tmp_path):
    (tmp_path / "three.py").write_text(
        "def model(texts):\n    return [[0.2, 0.3, 0.5] for _ in texts]\n"
    )
    rows = "".join(f"text {k},{['no', 'maybe', 'yes'][k % 3]},{'AB'[k % 2]}\n" for k in range(300))
    (tmp_path / "rows.csv").write_text("text,label,side\n" + rows)
    (tmp_path / "spec.yaml").write_text(
        "model: {callable: 'three:model', labels: ['no', maybe, 'yes']}\n"
        "data: {source: file:rows.csv, text: text, label: label, groups: [side], positive: 'yes'}\n"
        "probes: [bias.group_outcomes]\n"
    )
    said = fmaudit_cli("audit", "spec.yaml")
    assert said.code == 0
    assert "the cards' rules are for a model of two classes" in said.out
