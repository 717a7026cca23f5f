"""What a user gets wrong: a clear message, exit code 2, nothing written over."""

from __future__ import annotations

import json
import shutil
import threading

import pytest

from fmaudit.runs import open_run


@pytest.fixture
def model(tiny, spec, tmp_path):
    """A copy of the model that a test may break."""
    folder = shutil.copytree(tiny, tmp_path / "model")
    spec.write_text(spec.read_text().replace(str(tiny), "./model"))
    return folder


def refused(said, *words):
    assert said.code == 2, said.out + said.err
    assert "Traceback" not in said.err
    for word in words:
        assert word in said.err, said.err


def test_an_unknown_key(spec, fmaudit_cli):
    spec.write_text(spec.read_text().replace("groups:", "group:"))
    refused(fmaudit_cli("audit", spec), "audit.yaml", "'group'", "groups")


def test_an_unknown_probe(spec, fmaudit_cli):
    spec.write_text(spec.read_text().replace("bias]", "bias.group_outcome]"))
    refused(fmaudit_cli("audit", spec), "bias.group_outcome", "bias.group_outcomes")


def test_a_missing_column(spec, fmaudit_cli):
    spec.write_text(spec.read_text().replace("label: label", "label: labels"))
    refused(fmaudit_cli("audit", spec), "labels", "'label'")


@pytest.mark.parametrize(
    ("sign", "words"), [(";", ["';'", "commas", "delimiter"]), ("\t", ["tabs", "`format: tsv`"])]
)
def test_a_csv_of_another_separator(spec, fmaudit_cli, tmp_path, sign, words):
    file = tmp_path / "people.csv"
    file.write_text(file.read_text().replace(",", sign))
    refused(fmaudit_cli("audit", spec), "people.csv", "'label'", "one column", *words)


def test_data_that_are_not_there(spec, fmaudit_cli, tmp_path):
    (tmp_path / "people.csv").rename(tmp_path / "peoples.csv")
    said = fmaudit_cli("audit", spec)
    refused(said, "audit.yaml: data.source: ", "people.csv: no such file", "'peoples.csv'")


def test_an_empty_file(spec, fmaudit_cli, tmp_path):
    (tmp_path / "people.csv").write_text("")
    refused(fmaudit_cli("audit", spec), "people.csv", "empty")


def test_a_header_without_rows(spec, fmaudit_cli, tmp_path):
    (tmp_path / "people.csv").write_text("text,label,sex,race\n")
    refused(fmaudit_cli("audit", spec), "people.csv", "no rows")


def test_labels_that_the_model_does_not_know(spec, fmaudit_cli, tmp_path):
    file = tmp_path / "people.csv"
    file.write_text(file.read_text().replace(",yes,", ",yess,"))
    refused(fmaudit_cli("audit", spec), "yess", "yes")


def test_weights_cut_short(model, spec, fmaudit_cli):
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-500])
    refused(fmaudit_cli("audit", spec), "cannot be loaded")


def test_pickled_weights_without_the_flag(model, spec, fmaudit_cli):
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    refused(fmaudit_cli("audit", spec), "pickled", "allow_pickle: true")


def test_a_csv_that_is_not_utf_8(spec, fmaudit_cli, tmp_path):
    file = tmp_path / "people.csv"
    file.write_bytes(file.read_bytes().replace(b"nurse", b"n\xe9rse", 1))
    refused(fmaudit_cli("audit", spec), "people.csv", "utf-8", "encoding")


def test_a_model_folder_without_a_tokenizer(model, spec, fmaudit_cli):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (model / name).unlink()
    refused(fmaudit_cli("audit", spec), "no tokenizer")


def test_two_runs_at_once_in_one_folder(spec, fmaudit_cli, tmp_path):
    from fmaudit import spec as specs

    plain = specs.resolved(specs.load(spec))
    held, release = threading.Event(), threading.Event()

    def hold():
        with open_run(tmp_path / "runs" / "audit", plain):
            held.set()
            release.wait(60)

    other = threading.Thread(target=hold)
    other.start()
    try:
        assert held.wait(10)
        refused(fmaudit_cli("audit", spec), "another run is in this folder", "--out")
    finally:
        release.set()
        other.join()


def test_another_specs_run_folder(spec, fmaudit_cli, tmp_path):
    assert fmaudit_cli("audit", spec).code in (0, 1, 3)
    record = tmp_path / "runs" / "audit" / "audit.json"
    before = {p: p.read_bytes() for p in record.parent.rglob("*") if p.is_file()}
    spec.write_text(spec.read_text() + "seed: 7\n")
    refused(fmaudit_cli("audit", spec), "another spec", "seed", "--out")
    assert {p: p.read_bytes() for p in record.parent.rglob("*") if p.is_file()} == before


def test_a_folder_of_something_else(spec, fmaudit_cli, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("years of work")
    refused(fmaudit_cli("audit", spec, "--out", "thesis"), "chapter1.tex", "--out")
    assert [p.name for p in (tmp_path / "thesis").iterdir()] == ["chapter1.tex"]


def test_a_spec_that_is_not_there(fmaudit_cli):
    refused(fmaudit_cli("audit", "nowhere.yaml"), "nowhere.yaml")


def test_a_run_that_is_none(fmaudit_cli, tmp_path):
    refused(fmaudit_cli("verify", tmp_path / "nothing"), "nothing")
    refused(fmaudit_cli("report", tmp_path / "nothing"), "nothing")


def test_a_record_of_another_schema(spec, fmaudit_cli, tmp_path):
    fmaudit_cli("audit", spec)
    file = tmp_path / "runs" / "audit" / "audit.json"
    data = json.loads(file.read_text()) | {"schema": "fmaudit.record/9"}
    file.write_text(json.dumps(data))
    refused(fmaudit_cli("report", tmp_path / "runs" / "audit"), "fmaudit.record/9")
