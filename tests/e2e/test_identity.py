"""Whose answers they are: no model is reported with another's, or with its own earlier ones."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from support_rows import audit, found, mapping, rows, write
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import fmaudit
from fmaudit.errors import ModelError, RunFolderError
from fmaudit.models.callable import CallableClassifier
from fmaudit.models.torchmodel import module_digest
from fmaudit.reporting import record


@pytest.fixture
def data(tmp_path):
    write(tmp_path / "rows.csv", rows(200))
    return tmp_path


def share(p):
    return lambda texts: [[1 - p, p] for _ in texts]


def test_closures_of_one_source_share_no_answers(data):
    accuracies = []
    for p in (0.9, 0.1):
        model = CallableClassifier(share(p), ["no", "yes"], name=f"always {p}")
        done = fmaudit.audit(mapping(data), out=data / f"run{p}", model=model)
        assert done.record.model["name"] == f"always {p}"
        (log_loss,) = found(done, "log_loss")
        accuracies.append(log_loss.estimate.value)
    assert accuracies[0] == pytest.approx(accuracies[1])  # half of the labels are of either class
    rates = [
        record.evidence_frame(data / f"run{p}", "performance.classification")["predicted"].mean()
        for p in (0.9, 0.1)
    ]
    assert rates == [1.0, 0.0]


def test_a_callable_that_changed_is_refused_in_its_run_folder(data, fmaudit_cli):
    import yaml

    (data / "switch.py").write_text(
        "from pathlib import Path\n"
        "def predict(texts):\n"
        "    p = float((Path(__file__).parent / 'p.txt').read_text())\n"
        "    return [[1 - p, p] for _ in texts]\n"
    )
    (data / "p.txt").write_text("0.9")
    spec = mapping(data, model={"callable": "switch:predict", "labels": ["no", "yes"]})
    (data / "odd.yaml").write_text(yaml.safe_dump(spec))
    assert fmaudit_cli("audit", "odd.yaml").code in (0, 1, 3)
    before = (data / "runs" / "odd" / "audit.json").read_bytes()
    assert fmaudit_cli("audit", "odd.yaml").code in (0, 1, 3)
    (data / "p.txt").write_text("0.1")
    said = fmaudit_cli("audit", "odd.yaml")
    assert said.code == 2
    assert "answers otherwise" in said.err
    assert (data / "runs" / "odd" / "audit.json").read_bytes() == before


def test_two_callables_of_one_module_name(data):
    rates = []
    for name, p in (("one", 0.9), ("two", 0.1)):
        folder = data / name
        folder.mkdir()
        (folder / "namesake.py").write_text(
            f"def predict(t):\n    return [[1 - {p}, {p}]] * len(t)\n"
        )
        model = {
            "callable": "namesake:predict",
            "labels": ["no", "yes"],
            "python_path": str(folder),
        }
        done = fmaudit.audit(mapping(data, model=model), out=data / f"run-{name}")
        rates.append(done.evidence("performance.classification")["predicted"].mean())
    assert rates == [1.0, 0.0]


def test_classes_and_window_of_a_module_in_memory_are_its_own(data, tiny):
    module = AutoModelForSequenceClassification.from_pretrained(tiny)
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    values = []
    for name, classes, window in (
        ("a", ["no", "yes"], None),
        ("b", ["yes", "no"], None),
        ("c", ["no", "yes"], 5),
    ):
        model = fmaudit.TorchClassifier(module, tokenizer, classes, name=name, window=window)
        done = fmaudit.audit(mapping(data), out=data / f"run-{name}", model=model)
        assert done.record.model["name"] == name
        assert done.record.model["classes"] == classes
        assert done.record.model["window"] == (window or 64)
        values.append(found(done, "log_loss")[0].estimate.value)
    assert len(set(values)) == 3


def test_a_modules_digest_does_not_follow_the_tokenizers_last_call(tiny):
    module = AutoModelForSequenceClassification.from_pretrained(tiny)
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    before = module_digest(module, tokenizer)
    tokenizer(["the film"], truncation=True, max_length=3, padding="max_length")
    assert module_digest(module, tokenizer) == before


def test_a_renamed_folder_has_its_new_name(spec, tiny, tmp_path, fmaudit_cli):
    assert fmaudit_cli("audit", spec).code in (0, 1, 3)
    shutil.copytree(tiny, tmp_path / "renamed")
    spec.write_text(spec.read_text().replace(str(tiny), "./renamed"))
    done = fmaudit.audit(spec, out=tmp_path / "other")
    assert done.record.model["name"] == "renamed"


def test_changed_weights_do_not_write_over_a_finished_record(spec, tiny, tmp_path, fmaudit_cli):
    folder = shutil.copytree(tiny, tmp_path / "model")
    spec.write_text(spec.read_text().replace(str(tiny), "./model"))
    assert fmaudit_cli("audit", spec).code in (0, 1, 3)
    before = (tmp_path / "runs" / "audit" / "audit.json").read_bytes()
    module = AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.no_grad():
        module.classifier.bias[0] += 3.0
    module.save_pretrained(folder)
    said = fmaudit_cli("audit", spec)
    assert said.code == 2
    assert "the model has changed" in said.err
    assert (tmp_path / "runs" / "audit" / "audit.json").read_bytes() == before


def test_changed_data_do_not_write_over_a_finished_record(data):
    audit(data)
    write(data / "rows.csv", rows(201))
    with pytest.raises(RunFolderError, match="the data has changed"):
        audit(data)


def test_a_model_that_answers_at_random_decides_nothing(data):
    import random

    rng = random.Random(0)
    done = audit(
        data, lambda t: (0.0, rng.choice([-1.0, 1.0])), key="random", probes=["bias.group_outcomes"]
    )
    gated = [f for f in done.record.findings if f.rule is not None and f.estimate is not None]
    assert gated
    assert {f.verdict for f in gated} == {"inconclusive"}
    assert done.exit_code == 3
    assert fmaudit.verify(data / "run").ok
    with pytest.raises(ModelError, match="answers at random"):
        audit(
            data,
            lambda t: (0.0, rng.choice([-1.0, 1.0])),
            key="random",
            probes=["bias.group_outcomes"],
        )


def test_group_names_that_hold_the_sign_of_crossing(data):
    table = [
        (f"person {k}", ["no", "yes"][k % 2], ["A", "A & B"][k % 3 % 2], ["B & C", "C"][k % 5 % 2])
        for k in range(900)
    ]
    write(data / "rows.csv", table, header=("text", "label", "a", "a & b"))
    spec = mapping(data, probes=["bias.group_outcomes"])
    spec["data"]["groups"] = ["a", "a & b"]
    from fmaudit.models.fakes import FakeClassifier, hashed

    done = fmaudit.audit(spec, out=data / "run", model=FakeClassifier(hashed))
    keys = [
        (f.probe, f.measure, tuple(sorted(f.slice.items())), f.positive)
        for f in done.record.findings
    ]
    assert len(keys) == len(set(keys))
    (single,) = found(done, "demographic_parity_difference", attribute="a && b")
    (crossed,) = found(done, "demographic_parity_difference", attribute="a & a && b")
    assert set(single.estimate.details["by_group"]) == {"B & C", "C"}
    assert len(crossed.estimate.details["by_group"]) == 4
    frame = done.evidence("bias.group_outcomes")
    from fairlearn.metrics import demographic_parity_difference

    cells = [(g["a"], g["a & b"]) for g in frame["groups"]]
    names = ["|".join(cell) for cell in cells]
    expected = demographic_parity_difference(
        frame["label"], frame["predicted"], sensitive_features=names
    )
    assert crossed.estimate.value == pytest.approx(expected, rel=1e-12)
    assert fmaudit.verify(data / "run").mismatches == ()


def test_nothing_decided_is_exit_code_3(tmp_path):
    write(tmp_path / "rows.csv", rows(60))
    done = audit(tmp_path, probes=["bias.group_outcomes"])
    gated = [f for f in done.record.findings if f.rule is not None]
    assert {f.verdict for f in gated} == {"not_tested"}
    assert done.exit_code == 3
    assert fmaudit.verify(tmp_path / "run").ok


def test_a_users_own_rule_gates_with_three_classes(tmp_path, tiny_three):
    write(tmp_path / "rows.csv", rows(400, labels=("no", "yes", "maybe")))
    rule = {"op": "<=", "value": 0.0001}
    spec = mapping(
        tmp_path,
        model={"path": str(tiny_three)},
        probes=[{"id": "bias.group_outcomes", "rules": {"equal_opportunity_difference": rule}}],
    )
    spec["data"]["positive"] = "yes"
    done = fmaudit.audit(spec, out=tmp_path / "three")
    gaps = [f for f in done.record.findings if f.measure == "equal_opportunity_difference"]
    assert any(f.rule is not None and f.rule.origin == "policy" for f in gaps)
    assert done.exit_code != 0
    assert fmaudit.verify(tmp_path / "three").ok


def test_a_record_with_a_key_of_somebodys_own_is_refused(data, fmaudit_cli):
    audit(data)
    file = data / "run" / "audit.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"approved_by": "the board"}))
    said = fmaudit_cli("verify", data / "run")
    assert said.code == 2
    assert "approved_by" in said.err


def test_failed_rows_are_printed(data, fmaudit_cli, capsys):
    import yaml

    (data / "picky.py").write_text(
        "def predict(texts):\n"
        "    return [[float('nan'), 1.0] if t.endswith(' 8') else [0.3, 0.7] for t in texts]\n"
    )
    spec = mapping(data, model={"callable": "picky:predict", "labels": ["no", "yes"]})
    (data / "odd.yaml").write_text(yaml.safe_dump(spec))
    assert "1 of 200 rows of performance.classification" in fmaudit_cli("audit", "odd.yaml").out
