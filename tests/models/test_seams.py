"""Where a prompt and what follows it meet: the first tokens, the spaces, the windows."""

from __future__ import annotations

import math

import pytest
import torch
from support_language import save_language, tokenizer_of

from fmaudit.errors import ModelError
from fmaudit.models.inmemory import language_model
from fmaudit.types import Chat, Decoding, Generate, Generated, Message, TokenLogprobs


def answered(model, request):
    (prepared,) = model.prepare([request])
    return model.run([prepared], length=prepared.length, rows=1)[0]


def pieces():
    """A tokenizer of SentencePiece's kind: a word begins with its space, the first one too."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = [
        "<pad>",
        "<s>",
        "</s>",
        "<unk>",
        *(f"▁{w}" for w in ["the", "cat", "sat", "on", "a", "mat", "4"]),
    ]
    inner = Tokenizer(models.WordLevel({w: k for k, w in enumerate(words)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    inner.decoder = decoders.Metaspace()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        unk_token="<unk>", model_max_length=64,
    )  # fmt: skip


def llama(vocabulary, **more):
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=64, **more,
    )  # fmt: skip
    module = LlamaForCausalLM(config)
    for weights in module.parameters():
        if weights.ndim > 1:
            torch.nn.init.normal_(weights, std=0.2)
    return module


def test_bart_s_decoder_begins_as_its_labels_do():
    """BART is trained on `<s> … </s>` behind the start token: what it learned must come first."""
    from transformers import BartConfig, BartForConditionalGeneration

    tokenizer = tokenizer_of(both=True)
    torch.manual_seed(0)
    config = BartConfig(
        vocab_size=len(tokenizer), d_model=32, encoder_layers=1, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=64,
        decoder_ffn_dim=64, max_position_embeddings=64, pad_token_id=0, bos_token_id=1,
        eos_token_id=2, decoder_start_token_id=2, dropout=0.0,
    )  # fmt: skip
    module = BartForConditionalGeneration(config)
    asked = {"the cat": "good food", "the dog": "bad film", "a man": "good film"}
    read = tokenizer(list(asked), padding=True, return_tensors="pt")
    labels = tokenizer(list(asked.values()), padding=True, return_tensors="pt").input_ids
    labels[labels == 0] = -100
    steps = torch.optim.Adam(module.parameters(), lr=0.01)
    for _ in range(150):
        loss = module(
            input_ids=read.input_ids, attention_mask=read.attention_mask, labels=labels
        ).loss
        loss.backward()
        steps.step()
        steps.zero_grad()
    model = language_model(module, tokenizer)
    options = tuple(dict.fromkeys([*asked.values(), "bad food"]))
    for prompt, right in asked.items():
        answer = answered(model, TokenLogprobs(prompt, options))
        totals = [scored.total for scored in answer.scored]
        assert options[totals.index(max(totals))] == right
        assert max(totals) > math.log(0.5)


def test_an_answer_keeps_the_space_that_its_first_token_has():
    tokenizer = pieces()
    module = llama(len(tokenizer))
    with torch.no_grad():
        module.lm_head.weight[:4] = 0.0  # special tokens never come first
    model = language_model(module, tokenizer)
    found = answered(model, Generate("the cat", Decoding(most_tokens=5)))
    assert isinstance(found, Generated)
    assert len(found.ids) == found.written
    again = answered(model, TokenLogprobs("the cat", (found.text,)))
    assert not set(found.ids) & {0, 1, 2, 3}
    assert again.scored[0].ids == found.ids
    assert set(again.scored[0].ranks) == {0}


def test_a_prompt_of_spaces_is_none():
    tokenizer = tokenizer_of()
    model = language_model(llama(len(tokenizer)), tokenizer)
    spaces = answered(model, TokenLogprobs("  ", ("the cat",)))
    assert spaces.scored[0].ids
    assert math.isfinite(spaces.scored[0].total)


def test_a_cut_prompt_keeps_the_token_that_begins_a_text():
    tokenizer = tokenizer_of(both=True)
    module = llama(len(tokenizer))
    model = language_model(module, tokenizer)
    long = "the cat sat on the mat " * 30
    answer = answered(model, TokenLogprobs(long, ("good",)))
    assert answer.cut > 0
    ids = tokenizer(long.rstrip() + " good", add_special_tokens=False)["input_ids"]
    n = len(answer.scored[0].ids)
    read = [1, *ids[answer.cut : -1]]
    with torch.inference_mode():
        logs = module(torch.tensor([read])).logits[0].double().log_softmax(-1)
    plain = math.fsum(logs[len(read) - n + k, token].item() for k, token in enumerate(ids[-n:]))
    assert answer.scored[0].total == pytest.approx(plain, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "config"),
    [("GPTNeo", {"attention_types": [[["global", "local"], 1]], "window_size": 8})],
)
def test_a_local_window_by_any_name_is_heeded(name, config):
    import transformers

    tokenizer = tokenizer_of()
    made = getattr(transformers, f"{name}Config")(
        vocab_size=len(tokenizer), hidden_size=32, num_layers=2, num_heads=4,
        max_position_embeddings=64, **config,
    )  # fmt: skip
    torch.manual_seed(0)
    module = getattr(transformers, f"{name}ForCausalLM")(made).eval()
    for weights in module.parameters():
        if weights.ndim > 1:
            torch.nn.init.normal_(weights, std=0.2)
    model = language_model(module, tokenizer)
    prompt, options = "where is my parcel with the number 12345 please", (" cat", " a dog sat")
    together = answered(model, TokenLogprobs(prompt, options))
    for option, scored in zip(options, together.scored, strict=True):
        alone = answered(model, TokenLogprobs(prompt, (option,)))
        assert scored.total == pytest.approx(alone.scored[0].total, abs=1e-4)


@pytest.mark.parametrize(
    ("template", "word"),
    [
        ("{{ raise_exception('no such role') }}", "no such role"),
        ("{% for m in messages %}{{ m['role'] }}{% endfor %}", "leaves out"),
        ("{% for m in messages %}{{ m['content'] }", "cannot write"),
    ],
)
def test_a_chat_template_that_writes_no_prompt_is_refused(tmp_path, template, word):
    from transformers import AutoTokenizer

    from fmaudit import spec
    from fmaudit.models import open_handle

    folder = save_language(tmp_path / "m", "llama", chat=True)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    chosen = {"model": {"path": str(folder)}, "data": {"source": "file:x", "text": "t"}}
    with pytest.raises(ModelError, match=word) as said:
        open_handle(spec.from_mapping(chosen).model).load()
    assert "chat: never" in str(said.value)


def test_a_template_that_breaks_on_one_prompt_is_told(tmp_path):
    tokenizer = tokenizer_of()
    tokenizer.chat_template = (
        "{% for m in messages %}{% if 'bad' in m['content'] %}{{ raise_exception('refused') }}"
        "{% endif %}{{ m['content'] }}{% endfor %}"
    )
    model = language_model(llama(len(tokenizer)), tokenizer)
    with pytest.raises(ModelError, match="refused"):
        model.prepare([TokenLogprobs(Chat((Message("user", "bad"),)), ("yes",))])


def test_the_deviation_keeps_its_digits_near_a_uniform_prediction():
    tokenizer = tokenizer_of()
    module = llama(len(tokenizer))
    with torch.no_grad():
        module.lm_head.weight.mul_(1e-3)
    model = language_model(module, tokenizer)
    answer = answered(model, TokenLogprobs("", ("the cat",)))
    ids = [1, *answer.scored[0].ids[:-1]]
    with torch.inference_mode():
        logs = module.double()(torch.tensor([ids])).logits[0].log_softmax(-1)
    shares = logs.exp()
    means = (shares * logs).sum(-1, keepdim=True)
    expected = (shares * (logs - means) ** 2).sum(-1).sqrt().tolist()
    assert answer.scored[0].deviations == pytest.approx(expected, rel=1e-3)
