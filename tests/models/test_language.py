"""Which kind of model a path is, by what its files say; and its chat template."""

from __future__ import annotations

import json

import pytest
from support_language import save_language

from fmaudit import spec
from fmaudit.errors import ModelError
from fmaudit.models import open_handle
from fmaudit.models.language import kind_of
from fmaudit.types import Chat, Message, TokenLogprobs

KINDS = [
    ("BertForMaskedLM", {}, "masked"),
    ("RobertaForMaskedLM", {}, "masked"),
    ("BertForPreTraining", {}, "masked"),
    ("ModernBertForMaskedLM", {}, "masked"),
    ("LlamaForCausalLM", {}, "causal"),
    ("Qwen2ForCausalLM", {}, "causal"),
    ("GPT2LMHeadModel", {}, "causal"),
    ("BloomForCausalLM", {}, "causal"),
    ("T5ForConditionalGeneration", {"is_encoder_decoder": True}, "seq2seq"),
    ("BartForConditionalGeneration", {"is_encoder_decoder": True}, "seq2seq"),
    ("T5WithLMHeadModel", {"is_encoder_decoder": True}, "seq2seq"),
    ("Gemma3ForConditionalGeneration", {}, "causal"),
    ("BertForSequenceClassification", {}, "classifier"),
    ("LlamaForSequenceClassification", {}, "classifier"),
    ("BertModel", {}, "classifier"),
]


def described(folder, config, name="config.json"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(config if isinstance(config, str) else json.dumps(config))
    return folder


@pytest.mark.parametrize(("architecture", "more", "kind"), KINDS)
def test_a_folder_is_what_its_config_says(tmp_path, architecture, more, kind):
    folder = described(tmp_path / "m", {"architectures": [architecture], **more})
    assert kind_of(folder) == kind


@pytest.mark.parametrize("config", [{}, {"architectures": None}, {"architectures": []}, "{", "[]"])
def test_a_config_that_says_nothing_is_a_classifiers(tmp_path, config):
    """Whose adapter says what is wrong."""
    assert kind_of(described(tmp_path / "m", config)) == "classifier"


def test_what_is_no_folder(tmp_path):
    assert kind_of(tmp_path) == "classifier"
    assert kind_of(tmp_path / "nowhere") == "classifier"
    assert kind_of(tmp_path / "model.gguf") == "causal"


@pytest.mark.parametrize(
    ("task", "kind"),
    [("CAUSAL_LM", "causal"), ("SEQ_2_SEQ_LM", "seq2seq"), ("SEQ_CLS", "classifier")],
)
def test_an_adapter_is_what_it_was_tuned_for(tmp_path, task, kind):
    base = described(tmp_path / "base", {"architectures": ["BertForMaskedLM"]})
    folder = described(tmp_path / "m", {"task_type": task}, "adapter_config.json")
    assert kind_of(folder, base) == kind


@pytest.mark.parametrize("task", [None, "FEATURE_EXTRACTION"])
def test_an_adapter_without_a_task_is_what_its_base_is(tmp_path, task):
    base = described(tmp_path / "base", {"architectures": ["BertForMaskedLM"]})
    folder = described(tmp_path / "m", {"task_type": task}, "adapter_config.json")
    assert kind_of(folder, base) == "masked"
    assert kind_of(folder) == "causal"


def test_a_whole_model_with_an_adapters_config_beside_it_is_itself(tmp_path):
    folder = described(tmp_path / "m", {"architectures": ["BertForMaskedLM"]})
    described(folder, {"task_type": "CAUSAL_LM"}, "adapter_config.json")
    assert kind_of(folder) == "masked"


# ── the chat template ────────────────────────────────────────────────────────────────────


def handle(folder, **options):
    chosen = spec.from_mapping(
        {"model": {"path": str(folder), **options}, "data": {"source": "file:x", "text": "text"}}
    )
    return open_handle(chosen.model)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return save_language(tmp_path_factory.mktemp("plain"), "llama")


@pytest.fixture(scope="module")
def chatty(tmp_path_factory):
    return save_language(tmp_path_factory.mktemp("chatty"), "llama", chat=True)


CHAT = Chat((Message("user", "the cat"),))


def ids(model):
    prepared = model.prepare([TokenLogprobs(CHAT, ("sat",))])
    (tree,) = prepared[0].payload.trees
    return model.reader.tokenizer.decode(tree.tokens)


def test_a_template_is_used_where_there_is_one(chatty):
    for chat in ("auto", "always"):
        model = handle(chatty, chat=chat).load()
        assert model.facts.chat
        assert model.facts.notes == ()
        assert ids(model).startswith("<s>user: the cat</s>\n<s>assistant:")


def test_never_means_never(chatty):
    model = handle(chatty, chat="never").load()
    assert not model.facts.chat
    assert "not through the chat template" in model.facts.notes[0]
    assert "user:" not in ids(model)


def test_without_one_prompts_are_given_as_they_are_and_that_is_noted(plain):
    for chat in ("auto", "never"):
        model = handle(plain, chat=chat).load()
        assert not model.facts.chat
        assert model.facts.notes == ("no chat template: prompts are given as they are",)
        assert ids(model).endswith("the cat\n")


def test_always_without_one_is_refused_with_the_cure(plain):
    with pytest.raises(ModelError, match=r"no chat template.*`chat_template`.*`chat: auto`"):
        handle(plain, chat="always").load()


def test_the_template_is_part_of_the_key(plain, chatty):
    keys = {handle(f, chat=c).key for f in (plain, chatty) for c in ("auto", "always", "never")}
    assert len(keys) == 6


def test_a_masked_model_has_no_conversations(tmp_path):
    model = handle(save_language(tmp_path / "m", "bert", chat=True)).load()
    assert not model.facts.chat
    assert model.facts.notes == ()


def test_a_masked_model_without_a_mask_token(tmp_path):
    folder = save_language(tmp_path / "m", "bert")
    file = folder / "tokenizer_config.json"
    config = json.loads(file.read_text())
    file.write_text(json.dumps({k: v for k, v in config.items() if k != "mask_token"}))
    with pytest.raises(ModelError, match=r"no mask token.*`mask_token`"):
        handle(folder).load()


def test_a_decoder_that_begins_with_nothing(tmp_path):
    folder = save_language(tmp_path / "m", "t5")
    config = json.loads((folder / "config.json").read_text())
    config.pop("decoder_start_token_id")
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "generation_config.json").unlink()
    with pytest.raises(ModelError, match=r"decoder_start_token_id.*config\.json"):
        handle(folder).load()
