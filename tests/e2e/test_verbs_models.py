"""`fmaudit models`: what it prints, what it refuses, its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support_cli import refused
from support_language import save_language, tokenizer_of

from fmaudit import registry


def test_models_list_and_show(fmaudit_cli):
    said = fmaudit_cli("models", "list")
    assert said.code == 0
    for name in registry.known("adapters"):
        assert name in said.out
        assert len(fmaudit_cli("models", "show", name).out) > 40
    refused(fmaudit_cli("models", "show", "clasifier"), "'classifier'")


def test_models_check_says_what_was_found(fmaudit_cli, tiny):
    said = fmaudit_cli("models", "check", tiny)
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["classes"] == ["no", "yes"]
    assert found["capabilities"] == ["attribute", "classify", "embed", "tokenize"]
    assert found["window"] == 64
    assert len(found["digest"]) == 64


def test_models_check_of_a_callable(fmaudit_cli, tmp_path):
    (tmp_path / "ours_to_check.py").write_text("def f(texts): return [[0.5, 0.5]] * len(texts)\n")
    said = fmaudit_cli("models", "check", "ours_to_check:f", "--labels", "low, high")
    assert said.code == 0, said.err
    assert json.loads(said.out)["classes"] == ["low", "high"]


def test_models_check_of_nothing(fmaudit_cli, tmp_path):
    refused(fmaudit_cli("models", "check", tmp_path / "nowhere"), "nowhere")
    (tmp_path / "empty").mkdir()
    refused(fmaudit_cli("models", "check", tmp_path / "empty"), "empty")


@pytest.fixture(scope="module")
def llama(tmp_path_factory) -> Path:
    return save_language(tmp_path_factory.mktemp("llama"), "llama")


def test_models_check_of_a_tuned_model_with_its_base(fmaudit_cli, llama, tmp_path):
    base = save_language(tmp_path / "base", "llama", seed=1)
    said = fmaudit_cli("models", "check", llama, "--base", base)
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["before"]["name"] == "base"
    assert found["before"]["digest"] not in ("", found["digest"])
    assert found["before"]["same_tokenizer"] is True
    assert "token_logprobs" in found["before"]["capabilities"]
    assert "before" not in json.loads(fmaudit_cli("models", "check", llama).out)


def test_models_check_of_a_base_that_reads_other_tokens(fmaudit_cli, llama, tmp_path):
    base = save_language(tmp_path / "base", "gpt2")
    tokenizer_of(both=True).save_pretrained(base)
    found = json.loads(fmaudit_cli("models", "check", llama, "--base", base).out)
    assert found["before"]["same_tokenizer"] is False


def save_lora(base: Path, out: Path) -> Path:
    """An adapter over a base that it names where nothing lies."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    config = LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")
    tuned = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    tuned.peft_config["default"].base_model_name_or_path = "/gone/llama"
    tuned.save_pretrained(out)
    return out


def test_models_check_of_a_lora_folder(fmaudit_cli, llama, tmp_path):
    lora = save_lora(llama, tmp_path / "lora")
    refused(fmaudit_cli("models", "check", lora), "LoRA", "`base:`")
    said = fmaudit_cli("models", "check", lora, "--base", llama)
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["parameters"] == found["before"]["parameters"]
    assert found["before"]["same_tokenizer"] is True


def test_models_check_refuses_the_bases_that_an_audit_refuses(fmaudit_cli, llama, tmp_path):
    check = ("models", "check", llama, "--base")
    refused(fmaudit_cli(*check, tmp_path / "nowhere"), "model.base", "nowhere", "no such")
    bert = save_language(tmp_path / "bert", "bert")
    refused(fmaudit_cli(*check, bert), "a masked model", "a causal one")


def test_models_check_says_that_no_base_is_asked_beside_a_classifier(fmaudit_cli, tiny, llama):
    said = fmaudit_cli("models", "check", tiny, "--base", llama)
    assert said.code == 0
    assert "before" not in json.loads(said.out)
    assert "without its base" in said.err
