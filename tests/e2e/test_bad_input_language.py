"""What a user gets wrong with language models, and odd inputs: told, counted, never absorbed."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from support_gguf import save_gguf
from support_language import save_language

import fmaudit
from fmaudit.errors import DataError
from fmaudit.reporting.verify import verify

PROBE = "performance.multiple_choice"


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return save_language(tmp_path_factory.mktemp("llama"), "llama")


@pytest.fixture
def refused(fmaudit_cli, tmp_path):
    """Audits a model by the command line, and reads what it says."""
    write(tmp_path / "data.csv", [["what is it", "a cat", "a dog", "a cat"]] * 3)

    def run(model, *words):
        spec = {"model": model, "data": DATA | {"source": "data.csv"}, "probes": [PROBE]}
        (tmp_path / "audit.yaml").write_text(json.dumps(spec))
        said = fmaudit_cli("audit", "audit.yaml")
        assert said.code == 2, said.out + said.err
        assert "Traceback" not in said.err
        for word in words:
            assert word in " ".join(said.err.split()), said.err
        assert not (tmp_path / "runs" / "audit" / "audit.json").exists()

    return run


DATA = {"text": "text", "options": ["a", "b"], "label": "label"}


def write(path: Path, rows) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["text", "a", "b", "label"], *rows])


def test_a_chat_model_without_a_template(llama, refused):
    model = {"path": str(llama), "chat": "always"}
    refused(model, "no chat template", "`chat_template`", "`chat: auto`")


def adapter(folder: Path, **config) -> Path:
    folder.mkdir()
    plain = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 2, "target_modules": ["q_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(plain | config))
    return folder


def test_a_lora_folder_whose_base_is_absent(tmp_path, refused):
    folder = adapter(tmp_path / "tuned", base_model_name_or_path="/gone/llama")
    refused(str(folder), "its base is not there", "'/gone/llama'", "`base:` under `model:`")


def test_a_lora_folder_without_weights(tmp_path, llama, refused):
    folder = adapter(tmp_path / "tuned", base_model_name_or_path=str(llama))
    refused(str(folder), "adapter_model.safetensors", "save_pretrained")


def test_a_gguf_file_that_nobody_reads(tmp_path, llama, refused):
    file = save_gguf(llama, tmp_path / "odd.gguf", architecture="rwkv7")
    refused(str(file), "odd.gguf", "rwkv7", "folder of safetensors")


def test_a_base_of_another_kind(tmp_path, llama, refused):
    base = save_language(tmp_path / "bert", "bert")
    refused({"path": str(llama), "base": str(base)}, "a masked model", "a causal one")


def test_a_base_that_is_not_there(llama, refused):
    refused({"path": str(llama), "base": "./nowhere"}, "audit.yaml: model.base: ", "nowhere")


def test_a_lora_folder_whose_named_base_is_not_there(tmp_path, refused):
    folder = adapter(tmp_path / "tuned")
    refused({"path": str(folder), "base": "file:nowhere"}, "audit.yaml: model.base: ", "nowhere")


def test_pickled_weights(tmp_path, llama, refused):
    folder = shutil.copytree(llama, tmp_path / "m")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    refused(str(folder), "pickled", "allow_pickle: true")


# ── odd inputs ───────────────────────────────────────────────────────────────────────────

ORDINARY = [[f"what sat on mat {k}", "the cat", "a good dog", "the cat"] for k in range(8)]


@pytest.fixture
def audit(llama, tmp_path):
    def run(rows, probes=(PROBE,), **model):
        write(tmp_path / "data.csv", [*ORDINARY, *rows])
        spec = {
            "model": {"path": str(llama), **model},
            "data": DATA | {"source": str(tmp_path / "data.csv")},
            "probes": list(probes),
        }
        done = fmaudit.audit(spec, out=tmp_path / "run", cache=tmp_path / "cache")
        assert verify(done.run).mismatches == ()
        return done

    return run


def test_an_empty_option(audit):
    with pytest.raises(DataError, match=r"option in column 'b' is empty: 1 row \(line 10\)"):
        audit([["what is it", "the cat", "", "the cat"]])


def test_an_option_of_nothing_but_spaces(audit):
    with pytest.raises(DataError, match="option in column 'b' is empty"):
        audit([["what is it", "the cat", "  ", "the cat"]])


def test_a_prompt_beyond_the_window(audit):
    """Its beginning is left out; the record counts it."""
    long = "the cat sat on the mat " * 60
    done = audit([[long, "the cat", "a dog", "the cat"]])
    assert done.record.data["cut_texts"] == 1
    frame = done.evidence(PROBE)
    assert len(frame) == len(ORDINARY) + 1
    assert not frame["reason"].fillna("").any()


def test_an_option_beyond_the_window(audit):
    long = "the cat sat on the mat " * 60
    frame = audit([["which", long.strip(), "a dog", "a dog"]]).evidence(PROBE)
    reasons = [reason for reason in frame["reason"].fillna("") if reason]
    assert len(reasons) == 1
    assert "window" in reasons[0]


def test_tokens_across_the_boundary(audit):
    """A prompt that ends within a word: the audit runs, and its figures can be verified."""
    done = audit([["it is a gre", "at day", "y day", "at day"]])
    assert all(c.failed_rows == 0 for c in done.record.coverage)


def test_answers_that_never_end_are_bounded_and_counted(llama, tmp_path):
    """No end token is ever written: each answer is cut at its bound, and the share is told."""
    folder = shutil.copytree(llama, tmp_path / "endless")
    config = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps(config | {"eos_token_id": 373}))
    with (tmp_path / "data.csv").open("w", newline="", encoding="utf-8") as stream:
        rows = [[f"what is number {k}", "a cat"] for k in range(30)]
        csv.writer(stream).writerows([["text", "ref"], *rows])
    spec = {
        "model": str(folder),
        "data": {"source": str(tmp_path / "data.csv"), "text": "text", "references": "ref"},
        "probes": ["performance.written_answers"],
    }
    done = fmaudit.audit(spec, out=tmp_path / "run", cache=tmp_path / "cache")
    (share,) = (
        f.estimate
        for f in done.record.findings
        if f.measure == "unfinished_share" and not f.slice and f.estimate
    )
    assert share.value > 0.5
    assert verify(done.run).mismatches == ()
