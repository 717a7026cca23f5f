"""Folders of language models: what is loaded, and what is refused with its cure."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from support_language import save_language

from fmaudit import spec
from fmaudit.errors import ModelError, SourceError
from fmaudit.models import open_handle
from fmaudit.models.folders import Folder
from fmaudit.types import TokenLogprobs


def load(path, **options):
    chosen = spec.from_mapping(
        {"model": {"path": str(path), **options}, "data": {"source": "file:x", "text": "text"}}
    )
    return open_handle(chosen.model).load()


def total(model):
    prepared = model.prepare([TokenLogprobs("", ("the cat sat",))])
    (answer,) = model.run(prepared, length=prepared[0].length, rows=1)
    return answer.scored[0].total


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return save_language(tmp_path_factory.mktemp("llama"), "llama")


@pytest.fixture
def copy(llama, tmp_path):
    """A copy that a test may break."""
    return shutil.copytree(llama, tmp_path / "model")


def without(folder, *names):
    """The folder without the weights of those names."""
    file = folder / "model.safetensors"
    kept = {k: v for k, v in load_file(file).items() if not k.startswith(names)}
    save_file(kept, file, metadata={"format": "pt"})


def test_pickled_weights_need_the_flag(llama, copy):
    torch.save(load_file(copy / "model.safetensors"), copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"pickled weights only.*allow_pickle: true"):
        load(copy)
    assert total(load(copy, allow_pickle=True)) == pytest.approx(total(load(llama)), abs=1e-4)


@pytest.mark.parametrize("lost", ["lm_head", "model.layers.1", "model.embed_tokens"])
def test_weights_that_are_missing_are_not_drawn_at_random(copy, lost):
    without(copy, lost)
    with pytest.raises(ModelError, match=rf"no weights for {lost}.*at random.*head included"):
        load(copy)


def test_a_tied_head_needs_none(tmp_path):
    """GPT-2's head is its embeddings, and no tensor of its own."""
    folder = save_language(tmp_path / "gpt2", "gpt2")
    assert not any("lm_head" in name for name in load_file(folder / "model.safetensors"))
    assert load(folder).facts.kind == "causal"


def test_weights_of_another_shape(copy):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"vocab_size": 400}))
    shapes = r"\(374, 32\), and the configuration asks for \(400, 32\).*saved together"
    with pytest.raises(ModelError, match=shapes):
        load(copy)


def test_weights_cut_short(copy):
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(ModelError, match=r"cannot be loaded.*copy or download it again"):
        load(copy)


def test_no_weights(copy):
    (copy / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"holds no weights"):
        load(copy)


def test_no_tokenizer(copy):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (copy / name).unlink()
    with pytest.raises(ModelError, match=r"holds no tokenizer.*save_pretrained"):
        load(copy)


def test_a_broken_tokenizer(copy):
    (copy / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="the tokenizer in"):
        load(copy)


def test_no_config(copy):
    (copy / "config.json").unlink()
    with pytest.raises(ModelError, match=r"holds no config\.json.*save_pretrained"):
        load(copy)


def test_a_broken_config(copy):
    (copy / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json"):
        load(copy)


def test_an_architecture_that_nobody_reads(copy):
    config = json.loads((copy / "config.json").read_text())
    changes = {"model_type": "of-tomorrow", "architectures": ["OfTomorrowForCausalLM"]}
    (copy / "config.json").write_text(json.dumps(config | changes))
    with pytest.raises(ModelError, match="of-tomorrow"):
        load(copy)


def test_nothing_there(tmp_path):
    with pytest.raises(SourceError, match="nowhere"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "adapter", "words"),
    [
        ("llama", "masked", "cannot be loaded|mask"),
        ("llama", "seq2seq", "cannot be loaded|Seq2Seq"),
        ("bert", "seq2seq", "cannot be loaded|Seq2Seq"),
    ],
)
def test_another_adapter_than_the_model_is_for(tmp_path, name, adapter, words):
    folder = save_language(tmp_path / name, name)
    with pytest.raises(ModelError, match=words):
        load(folder, adapter=adapter)


def test_the_digest_is_of_what_is_read(llama, copy):
    plain = Folder(llama).digest
    assert Folder(copy).digest == plain
    (copy / "README.md").write_text("notes")
    assert Folder(copy).digest == plain
    (copy / "chat_template.jinja").write_text("{{ messages }}")
    assert Folder(copy).digest != plain
    assert Folder(llama).stored == (llama / "model.safetensors").stat().st_size


def test_half_precision_is_kept_where_it_is_stored(tmp_path):
    from transformers import AutoModelForCausalLM

    folder = save_language(tmp_path / "m", "llama")
    module = AutoModelForCausalLM.from_pretrained(folder).to(torch.bfloat16)
    module.save_pretrained(folder)
    assert load(folder).facts.dtype == "bfloat16"
    assert load(folder, dtype="float32").facts.dtype == "float32"
