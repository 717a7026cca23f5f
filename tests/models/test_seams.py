"""Where a prompt and what follows it meet: the first tokens, the spaces, the windows."""

from __future__ import annotations

import math

import pytest
import torch
from support_language import save_language, tokenizer_of

from fmaudit.errors import ModelError
from fmaudit.models.inmemory import language_model
from fmaudit.types import (
    Chat,
    Decoding,
    Failure,
    Generate,
    Generated,
    Message,
    TokenLogprobs,
)


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


# ── what a chat template writes before an answer ─────────────────────────────────────────

TURNS = (
    "{% for m in messages %}{% if m['role'] == 'user' %}<s>[INST] {{ m['content'] }} [/INST]"
    "{% else %}ANSWER</s>{% endif %}{% endfor %}"
)
TEMPLATES = {
    "a space of the answer's": TURNS.replace("ANSWER", " {{ m['content'] }} "),
    "a space, and the rest stripped": TURNS.replace("ANSWER", " {{ m['content'] | trim }} "),
    "a space of the prompt's": (
        "{% for m in messages %}<s>{{ m['role'] }}: {{ m['content'] }}</s>\n{% endfor %}"
        "{% if add_generation_prompt %}<s>assistant: {% endif %}"
    ),
    "no space": TURNS.replace("ANSWER", "{{ m['content'] }}"),
    "a line": (
        "{% for m in messages %}<s>{{ m['role'] }}\n{{ m['content'] }}</s>\n{% endfor %}"
        "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
    ),
    "an empty thought": (
        "{% for m in messages %}<s>{{ m['role'] }}\n"
        "{% if m['role'] == 'assistant' %}<think>\n\n</think>\n\n{% endif %}"
        "{{ m['content'] }}</s>\n{% endfor %}"
        "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
    ),
}
ASKED = Chat((Message("user", "the cat and good"),))


def templated(template, tokenizer=None):
    tokenizer = tokenizer or tokenizer_of()
    tokenizer.chat_template = template
    return language_model(llama(len(tokenizer)), tokenizer)


def rendered(tokenizer, answer):
    """A conversation with its answer as the template writes it, up to the answer's end."""
    turns = [{"role": "user", "content": "the cat and good"}]
    turns.append({"role": "assistant", "content": answer})
    whole = tokenizer.apply_chat_template(turns, tokenize=False)
    return whole[: whole.rindex(answer) + len(answer)]


def plainly(model, ids, n):
    with torch.inference_mode():
        logs = model._loaded.module(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    return [logs[len(ids) - n + k - 1, token].item() for k, token in enumerate(ids[-n:])]


@pytest.mark.parametrize("name", TEMPLATES)
def test_an_answer_is_read_as_the_template_writes_it(name):
    model = templated(TEMPLATES[name])
    tokenizer = model.reader.tokenizer
    options = ("good food", "a man", "cat")
    answer = answered(model, TokenLogprobs(ASKED, options))
    assert answer.split == 0
    for option, scored in zip(options, answer.scored, strict=True):
        ids = tokenizer(rendered(tokenizer, option), add_special_tokens=False)["input_ids"]
        n = len(scored.ids)
        assert tuple(ids[-n:]) == scored.ids
        assert tokenizer.decode(scored.ids).strip(" ") == option
        assert scored.logprobs == pytest.approx(plainly(model, ids, n), abs=1e-4)
        assert option[scored.starts[0] : scored.ends[0]] == tokenizer.decode(scored.ids[:1]).strip()
        assert scored.ends[-1] == len(option)


@pytest.mark.parametrize(
    "name", ["a space of the answer's", "a space, and the rest stripped", "a space of the prompt's"]
)
def test_a_space_that_the_template_writes_is_not_doubled(name):
    """An answer as a model writes it has its space; one of the data has none."""
    model = templated(TEMPLATES[name])
    bare = answered(model, TokenLogprobs(ASKED, ("good food",)))
    spaced = answered(model, TokenLogprobs(ASKED, (" good food",)))
    assert spaced.scored[0].logprobs == bare.scored[0].logprobs
    assert spaced.scored[0].ids == bare.scored[0].ids
    assert spaced.scored[0].ends[-1] == len(" good food")


def test_a_space_that_no_template_writes_is_kept():
    model = templated(TEMPLATES["no space"])
    bare, spaced = answered(model, TokenLogprobs(ASKED, ("good", " good"))).scored
    assert bare.ids != spaced.ids


def test_a_thought_that_the_model_wrote_itself_is_not_written_before_it():
    model = templated(TEMPLATES["an empty thought"])
    tokenizer = model.reader.tokenizer
    own = "<think>\nthe cat"
    answer = answered(model, TokenLogprobs(ASKED, (own,)))
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "the cat and good"}],
        tokenize=False,
        add_generation_prompt=True,
    )
    ids = tokenizer(asked + own, add_special_tokens=False)["input_ids"]
    n = len(answer.scored[0].ids)
    assert answer.scored[0].logprobs == pytest.approx(plainly(model, ids, n), abs=1e-4)


@pytest.mark.parametrize("other", ["{{ raise_exception('no') }}", "something else"])
def test_a_template_that_writes_no_answers_is_used_for_prompts(other):
    """What stands before an answer is then the prompt's own end."""
    template = TURNS.replace("ANSWER", other).replace("[INST] ", "")
    model = templated(template)
    tokenizer = model.reader.tokenizer
    answer = answered(model, TokenLogprobs(ASKED, (" good",)))
    ids = tokenizer("<s>the cat and good [/INST] good", add_special_tokens=False)["input_ids"]
    n = len(answer.scored[0].ids)
    assert answer.scored[0].logprobs == pytest.approx(plainly(model, ids, n), abs=1e-4)


def test_an_empty_answer_behind_a_space_has_no_likelihood():
    model = templated(TEMPLATES["a space of the answer's"])
    assert isinstance(answered(model, TokenLogprobs(ASKED, ("good", ""))), Failure)
    assert isinstance(answered(model, TokenLogprobs("the cat ", ("",))), Failure)


# ── a continuation that its tokenizer runs together with the prompt ──────────────────────


def metaspace(scheme):
    """A tokenizer of subwords that sets a space before a text.

    `scheme`: Metaspace's own ("always", "first"), "legacy" by rewriting the text, as Llama's
    first ones do, or "bytes" as RoBERTa's may.
    """
    from support_language import CORPUS, SPECIALS
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    if scheme == "bytes":
        found = tokenizer_of()
        found.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        return found
    inner = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    if scheme == "legacy":
        inner.normalizer = normalizers.Sequence(
            [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        )
        spaces = [f" {line}".replace(" ", "▁") for line in CORPUS]
        inner.normalizer, kept = None, inner.normalizer
        inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    else:
        spaces, kept = CORPUS, None
        inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    bytes_ = [f"<0x{k:02X}>" for k in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=[*SPECIALS, *bytes_], show_progress=False
    )
    inner.train_from_iterator(spaces, trainer)
    if kept is not None:
        inner.normalizer, inner.pre_tokenizer = kept, None
    inner.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        unk_token="<unk>", model_max_length=64,
    )  # fmt: skip


@pytest.mark.parametrize("scheme", ["always", "first", "legacy", "bytes"])
@pytest.mark.parametrize("continuation", ["e cat", "e", "e .", "e\ncat"])
def test_a_forced_split_puts_no_space_in(scheme, continuation):
    tokenizer = metaspace(scheme)
    model = language_model(llama(len(tokenizer)), tokenizer)
    answer = answered(model, TokenLogprobs("sat on th", (continuation,)))
    (scored,) = answer.scored
    assert answer.split == 1
    assert tokenizer.decode(scored.ids) == continuation
    before = tokenizer("sat on th", add_special_tokens=False)["input_ids"]
    ids = [*before, *scored.ids]
    assert scored.logprobs == pytest.approx(plainly(model, ids, len(scored.ids)), abs=1e-4)
    assert (scored.starts[0], scored.ends[-1]) == (0, len(continuation))
    assert list(scored.ends) == sorted(scored.ends)


def test_a_split_keeps_the_tokens_of_a_tokenizer_that_sets_no_space():
    tokenizer = tokenizer_of()
    model = language_model(llama(len(tokenizer)), tokenizer)
    for continuation in ("e cat", "e\n\n ", "e  \n."):
        answer = answered(model, TokenLogprobs("th", (continuation,)))
        assert answer.split == 1
        own = tokenizer(continuation, add_special_tokens=False)["input_ids"]
        assert answer.scored[0].ids == tuple(own)


def test_a_split_word_of_a_vocabulary_of_words_is_read_as_it_can_be():
    """No token of it lacks its space; none is made up."""
    tokenizer = pieces()
    model = language_model(llama(len(tokenizer)), tokenizer)
    answer = answered(model, TokenLogprobs("the c", ("at mat",)))
    assert answer.split == 1
    assert answer.scored[0].ids == tuple(tokenizer("at mat", add_special_tokens=False)["input_ids"])
