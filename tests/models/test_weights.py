"""GGUF files, and LoRA adapters over a base: what they answer, and what is refused."""

from __future__ import annotations

import json
import shutil
import warnings

import pytest
import torch
from safetensors.torch import load_file, save_file
from support_gguf import save_gguf
from support_language import save_language

from fmaudit import spec
from fmaudit.errors import ModelError, SourceError
from fmaudit.models import open_base, open_handle
from fmaudit.models.weights import Gguf, Lora, weights_of
from fmaudit.types import Decoding, Generate, TokenLogprobs

NATS = 1e-4
REQUESTS = [
    TokenLogprobs("the cat", (" sat", " dog and the man")),
    TokenLogprobs("", ("ünïcode 12345 where is my parcel",)),
    TokenLogprobs("this film was", (" good", " bad")),
]


def model_spec(path, **options):
    return spec.from_mapping(
        {"model": {"path": str(path), **options}, "data": {"source": "file:x", "text": "text"}}
    ).model


def load(path, **options):
    return open_handle(model_spec(path, dtype="float32", **options)).load()


def asked(model, requests):
    prepared = model.prepare(requests)
    return model.run(prepared, length=max(p.length for p in prepared), rows=len(prepared))


def totals(model):
    return [scored.total for answer in asked(model, REQUESTS) for scored in answer.scored]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_language(tmp_path_factory.mktemp("base"), "llama", seed=3)


@pytest.fixture(scope="module")
def file(folder, tmp_path_factory):
    return save_gguf(folder, tmp_path_factory.mktemp("gguf") / "tiny.gguf")


class TestGguf:
    def test_its_answers_are_the_folders(self, folder, file):
        one, other = load(folder), load(file)
        assert other.facts.kind == "causal"
        assert other.facts.parameters == one.facts.parameters
        assert totals(other) == pytest.approx(totals(one), abs=NATS)
        written = [Generate("the cat", Decoding(most_tokens=8))]
        assert asked(other, written) == asked(one, written)

    def test_its_tokenizer_reads_alike(self, folder, file):
        one, other = load(folder).reader, load(file).reader
        texts = ["the cat sat", " ünï ☃", "12345\n\nparis  london", "<s>the</s>"]
        assert [other.texts([t])[t] for t in texts] == [one.texts([t])[t] for t in texts]

    def test_it_is_named_by_its_bytes(self, file, tmp_path):
        first = open_handle(model_spec(file))
        copied = shutil.copy(file, tmp_path / "other name.gguf")
        assert open_handle(model_spec(copied)).key == first.key
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        (tmp_path / "changed.gguf").write_bytes(data)
        assert open_handle(model_spec(tmp_path / "changed.gguf")).key != first.key

    def test_its_weights_are_counted_as_they_are_served(self, folder, tmp_path):
        """Read to floats of four bytes, however few a file takes for one."""
        tensors = load_file(folder / "model.safetensors").values()
        floats = 4 * sum(tensor.numel() for tensor in tensors)
        for kind in ("F32", "F16", "Q8_0"):
            file = save_gguf(folder, tmp_path / f"{kind}.gguf", kind=kind)
            assert open_handle(model_spec(file)).footprint == floats

    def test_what_cannot_be_read_has_no_weights_to_count(self, tmp_path):
        (tmp_path / "text.gguf").write_text("not a model")
        with pytest.raises(ModelError, match=r"text\.gguf.*copy or download it again"):
            _ = open_handle(model_spec(tmp_path / "text.gguf")).footprint

    def test_half_precision_is_compared_with_float32(self, folder, file):
        half = open_handle(model_spec(file, dtype="bfloat16")).load()
        (request,) = [TokenLogprobs("", ("the cat sat",), dtype="float32")]
        (full,) = asked(half, [request])
        (plain,) = asked(load(folder), [TokenLogprobs("", ("the cat sat",))])
        assert full.scored[0].total == pytest.approx(plain.scored[0].total, abs=NATS)

    def test_an_architecture_that_nobody_reads(self, folder, tmp_path):
        odd = save_gguf(folder, tmp_path / "odd.gguf", architecture="rwkv7")
        with pytest.raises(ModelError, match=r"odd\.gguf.*rwkv7.*Llama.*folder of safetensors"):
            load(odd)

    @pytest.mark.parametrize("kept", [0, 4, 1000, 0.5])
    def test_a_file_cut_short(self, file, tmp_path, kept):
        data = file.read_bytes()
        cut = tmp_path / "cut.gguf"
        cut.write_bytes(data[: int(kept if kept > 1 or not kept else kept * len(data))])
        with pytest.raises(ModelError, match=r"cut\.gguf.*copy or download it again"):
            load(cut)

    def test_something_else_by_that_name(self, tmp_path):
        (tmp_path / "text.gguf").write_text("not a model")
        with pytest.raises(ModelError, match=r"text\.gguf.*not a GGUF file"):
            load(tmp_path / "text.gguf")

    def test_one_that_is_not_there(self, tmp_path):
        with pytest.raises(SourceError, match=r"none\.gguf"):
            load(tmp_path / "none.gguf")


def adapter(base, out, *, layers=(0, 1), modules=("q_proj", "down_proj"), rank=4):
    """A LoRA adapter with random weights over a base's folder."""
    from peft import LoraConfig, get_peft_model

    module = weights_of(base).module("AutoModelForCausalLM", torch.float32)
    config = LoraConfig(
        r=rank,
        lora_alpha=8,
        target_modules=list(modules),
        layers_to_transform=list(layers),
        task_type="CAUSAL_LM",
        init_lora_weights=False,
    )
    torch.manual_seed(1)
    tuned = get_peft_model(module, config)
    tuned.peft_config["default"].base_model_name_or_path = str(base)
    tuned.save_pretrained(out)
    return out


def resized(base, out, **changes):
    """A Llama with another configuration and the base's tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig.from_pretrained(base, **changes)
    shutil.copytree(base, out)
    LlamaForCausalLM(config).save_pretrained(out)
    return out


def changed(folder, **changes):
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    return folder


@pytest.fixture(scope="module")
def lora(folder, tmp_path_factory):
    return adapter(folder, tmp_path_factory.mktemp("lora") / "adapter")


@pytest.fixture
def copied(lora, tmp_path):
    """A copy of the adapter that a test may break."""
    return shutil.copytree(lora, tmp_path / "adapter")


class TestLora:
    def test_merged_it_answers_as_beside_its_base(self, folder, lora):
        from peft import PeftModel

        merged = load(lora)
        beside = load(folder)
        untuned = totals(load(folder))
        module = PeftModel.from_pretrained(beside._loaded.module, str(lora))
        assert module.base_model.model is beside._loaded.module
        assert totals(beside) == pytest.approx(totals(merged), abs=NATS)
        assert totals(merged) != pytest.approx(untuned, abs=0.1)

    def test_loading_warns_of_nothing(self, lora):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            load(lora)

    def test_its_base_is_the_one_that_it_names(self, folder, lora):
        chosen = model_spec(lora, dtype="float32")
        handle = open_handle(chosen)
        assert handle.base == folder
        base = open_base(chosen, handle)
        assert base.key == open_handle(model_spec(folder, dtype="float32")).key
        assert totals(base.load()) == pytest.approx(totals(load(folder)), abs=NATS)

    def test_a_base_that_the_spec_names_goes_first(self, folder, copied, file):
        changed(copied, base_model_name_or_path="somewhere/that-is-not")
        chosen = model_spec(copied, dtype="float32", base=str(file))
        handle = open_handle(chosen)
        assert isinstance(handle.weights.base, Gguf)
        assert totals(handle.load()) == pytest.approx(
            totals(load(copied, base=str(folder))), abs=NATS
        )

    def test_its_tokenizer_is_its_own_or_its_bases(self, folder, copied):
        assert not (copied / "tokenizer.json").exists()
        assert len(load(copied).reader.tokenizer) == len(load(folder).reader.tokenizer)
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(folder / name, copied / name)
        config = json.loads((copied / "tokenizer_config.json").read_text())
        template = {"chat_template": "{{ messages[0]['content'] }}"}
        (copied / "tokenizer_config.json").write_text(json.dumps(config | template))
        assert load(copied).facts.chat
        assert not load(folder).facts.chat

    def test_tokens_that_were_added_in_tuning_are_its_own(self, folder, tmp_path):
        """Their embeddings come from the adapter, and none is drawn at random."""
        from peft import LoraConfig, PeftModel, get_peft_model

        def grown():
            module = weights_of(folder).module("AutoModelForCausalLM", torch.float32)
            module.resize_token_embeddings(len(tokenizer), mean_resizing=False)
            return module

        tokenizer = weights_of(folder).tokenizer()
        tokenizer.add_tokens(["<new>", "<newer>"])
        tuned = get_peft_model(grown(), LoraConfig(r=2, target_modules=["q_proj"]))
        tuned.peft_config["default"].base_model_name_or_path = str(folder)
        tuned.save_pretrained(tmp_path / "grown", save_embedding_layers=True)
        tokenizer.save_pretrained(tmp_path / "grown")
        saved = PeftModel.from_pretrained(grown(), str(tmp_path / "grown"))
        ids = torch.tensor([tokenizer("the <new> cat <newer>")["input_ids"]])
        merged = load(tmp_path / "grown")._loaded.module
        with torch.inference_mode():
            assert torch.allclose(merged(ids).logits, saved(ids).logits, atol=NATS)

    def test_a_larger_tokenizer_draws_no_embeddings(self, folder, copied):
        tokenizer = weights_of(folder).tokenizer()
        tokenizer.add_tokens(["<new>"])
        tokenizer.save_pretrained(copied)
        module = load(copied)._loaded.module
        assert module.get_input_embeddings().num_embeddings == len(tokenizer) - 1

    def test_its_digest_is_of_both(self, folder, lora, copied, file):
        keys = {
            open_handle(model_spec(lora)).key,
            open_handle(model_spec(lora, base=str(file))).key,
        }
        weights = load_file(copied / "adapter_model.safetensors")
        name = next(iter(weights))
        save_file(weights | {name: weights[name] + 1}, copied / "adapter_model.safetensors")
        keys.add(open_handle(model_spec(copied)).key)
        assert len(keys) == 3
        assert open_handle(model_spec(lora)).footprint == weights_of(folder).stored

    @pytest.mark.parametrize("named", ["/nowhere/base-model", "", None])
    def test_its_base_is_not_there(self, copied, named):
        changed(copied, base_model_name_or_path=named)
        with pytest.raises(
            ModelError, match="base is not there.*Write `base:` under `model:`"
        ) as e:
            load(copied)
        assert (named or "no model") in str(e.value)

    def test_the_base_that_the_spec_names_is_not_there(self, copied, tmp_path):
        with pytest.raises(SourceError, match="elsewhere"):
            load(copied, base=str(tmp_path / "elsewhere"))

    def test_its_base_is_an_adapter_itself(self, folder, lora, copied):
        changed(copied, base_model_name_or_path=str(lora))
        for options in ({}, {"base": str(lora)}):
            with pytest.raises(ModelError, match="is a LoRA adapter itself; merge it first"):
                load(copied, **options)

    def test_a_base_of_another_size(self, folder, lora, tmp_path):
        wide = resized(folder, tmp_path / "wide", hidden_size=48)
        with pytest.raises(ModelError, match=r"(?s)does not fit its base .*wide.*`model\.base`"):
            load(lora, base=str(wide))

    def test_a_base_of_another_architecture(self, lora, tmp_path):
        other = save_language(tmp_path / "gpt2", "gpt2")
        with pytest.raises(ModelError, match=r"does not fit its base .*gpt2.*`model\.base`"):
            load(lora, base=str(other))

    @pytest.mark.parametrize("layers", [1, 3])
    def test_a_base_of_fewer_or_more_layers(self, folder, tmp_path, layers):
        """The adapter of all its base's layers; peft would tune what is there, and warn at most."""
        whole = changed(adapter(folder, tmp_path / "whole"), layers_to_transform=None)
        other = resized(folder, tmp_path / "other", num_hidden_layers=layers)
        with pytest.raises(ModelError, match=r"does not fit its base .*layers\.[12]\."):
            load(whole, base=str(other))

    def test_another_kind_of_adapter(self, copied):
        changed(copied, peft_type="PREFIX_TUNING")
        with pytest.raises(ModelError, match="PREFIX_TUNING.*Merge it"):
            load(copied)

    def test_an_adapter_of_a_classifier(self, copied):
        changed(copied, task_type="SEQ_CLS")
        with pytest.raises(ModelError, match="adapter of a classifier.*merge_and_unload"):
            load(copied)

    def test_no_weights(self, copied):
        (copied / "adapter_model.safetensors").rename(copied / "adapter_model.bin")
        with pytest.raises(ModelError, match="holds no adapter_model.safetensors.*save_pretrained"):
            load(copied)

    def test_weights_cut_short(self, copied):
        weights = copied / "adapter_model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-100])
        with pytest.raises(ModelError, match="the adapter in"):
            load(copied)

    def test_a_broken_config(self, copied):
        (copied / "adapter_config.json").write_text("{")
        with pytest.raises(ModelError, match=r"adapter_config\.json is no JSON.*Save the adapter"):
            load(copied)

    def test_an_adapter_of_a_masked_model(self, tmp_path):
        from peft import LoraConfig, get_peft_model

        base = save_language(tmp_path / "bert", "bert")
        module = weights_of(base).module("AutoModelForMaskedLM", torch.float32)
        config = LoraConfig(r=2, target_modules=["query"], init_lora_weights=False)
        tuned = get_peft_model(module, config)
        tuned.peft_config["default"].base_model_name_or_path = str(base)
        tuned.save_pretrained(tmp_path / "adapter")
        handle = open_handle(model_spec(tmp_path / "adapter"))
        assert isinstance(handle.weights, Lora)
        assert handle.load().facts.kind == "masked"


class TestBase:
    """The model before fine-tuning."""

    def test_a_classifiers_base_is_left_out(self, tiny, folder):
        chosen = model_spec(tiny, base=str(folder))
        assert open_base(chosen, open_handle(chosen)) is None

    def test_none_is_named(self, folder):
        chosen = model_spec(folder)
        assert open_base(chosen, open_handle(chosen)) is None

    @pytest.mark.parametrize(("name", "kind"), [("bert", "masked"), ("t5", "seq2seq")])
    def test_of_another_kind(self, folder, tmp_path, name, kind):
        other = save_language(tmp_path / name, name)
        chosen = model_spec(folder, base=str(other))
        with pytest.raises(ModelError, match=f"base: .*{name} is a {kind} model.*a causal one"):
            open_base(chosen, open_handle(chosen))

    def test_a_classifier(self, folder, tiny):
        chosen = model_spec(folder, base=str(tiny))
        with pytest.raises(ModelError, match="is a classifier model"):
            open_base(chosen, open_handle(chosen))

    def test_an_adapter_may_be_a_base(self, folder, lora):
        """A model that was tuned further from merged weights."""
        chosen = model_spec(folder, base=str(lora), dtype="float32")
        base = open_base(chosen, open_handle(chosen))
        assert totals(base.load()) == pytest.approx(totals(load(lora)), abs=NATS)
