from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers as hf
from captum.attr import LayerIntegratedGradients
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from fmaudit.errors import OutOfMemory
from fmaudit.models.gradients import marks
from fmaudit.models.torchmodel import TorchClassifier
from fmaudit.types import NO_GRADIENTS, Attribute, Attributions, Classify, Failure, Logits, Pair

TEXT = "the film was good and the service clean"


class Bag(torch.nn.Module):
    """No transformers class: a mean of embeddings, a bend, bare logits."""

    def __init__(self, words: int, classes: int = 2) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed = torch.nn.Embedding(words, 8)
        self.head = torch.nn.Linear(8, classes)

    def pooled(self, input_ids, attention_mask):
        weights = attention_mask.unsqueeze(-1).to(self.head.weight.dtype)
        return (self.embed(input_ids) * weights).sum(1) / weights.sum(1)

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        del token_type_ids
        return self.head(torch.tanh(3 * self.pooled(input_ids, attention_mask)))


class Deaf(Bag):
    def forward(self, input_ids, attention_mask, token_type_ids=None):
        return super().forward(torch.ones_like(input_ids), attention_mask)


class Hard(Bag):
    """Rounds its way to a decision: no gradient flows."""

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        return self.head(self.pooled(input_ids, attention_mask).detach())


class Twice(Bag):
    """Looks its tokens up a second time."""

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        once, again = (self.pooled(input_ids, attention_mask) for _ in range(2))
        return self.head(torch.tanh(3 * once) + 3 * again)


class Stubborn(Bag):
    def forward(self, input_ids, attention_mask, token_type_ids=None):
        if torch.is_grad_enabled():
            raise RuntimeError("this kernel has no backward pass")
        return super().forward(input_ids, attention_mask)


@pytest.fixture
def tokenizer(tiny):
    return AutoTokenizer.from_pretrained(tiny)


@pytest.fixture
def bert(tiny, tokenizer):
    return loaded(tiny, tokenizer)


def loaded(folder, tokenizer, classes=("no", "yes")):
    module = AutoModelForSequenceClassification.from_pretrained(folder)
    return TorchClassifier(module, tokenizer, classes)


def attribute(model, inputs, rows=None, **options):
    requests = [i if isinstance(i, Attribute) else Attribute(i, **options) for i in inputs]
    prepared = model.prepare(requests)
    length = min(max(p.length for p in prepared) + 1, model.facts.window)
    return model.run(prepared, length=length, rows=rows or len(prepared))


def reference(model, text, blank, layer):
    """captum's own integrated gradients of the margin, 200 steps, in full."""
    found = model.tokenizer(text, return_tensors="pt")
    ids, mask = found["input_ids"], found["attention_mask"]
    special = torch.tensor(model.tokenizer.get_special_tokens_mask(ids[0].tolist(), None, True))
    base = torch.where(special.bool(), ids[0], torch.tensor(blank))[None]

    def logits(ids, mask):
        out = model.module(input_ids=ids, attention_mask=mask)
        return getattr(out, "logits", out)

    with torch.no_grad():
        order = logits(ids, mask)[0].argsort(descending=True)

    def margin(ids, mask):
        values = logits(ids, mask)
        return values[:, order[0]] - values[:, order[1]]

    whole = LayerIntegratedGradients(margin, layer).attribute(
        ids, base, additional_forward_args=(mask,), n_steps=200, method="gausslegendre"
    )
    difference = (margin(ids, mask) - margin(base, mask)).item()
    return whole.sum(2)[0].detach().double().numpy(), difference, order.tolist()


def close(found, expected):
    """The L1 distance as a share of the expected map."""
    return np.abs(np.array(found) - expected).sum() / np.abs(expected).sum()


def test_it_is_captums_map_to_one_percent(bert, tokenizer):
    (found,) = attribute(bert, [TEXT], tolerance=0.01, keep_special=True)
    layer = bert.module.get_input_embeddings()
    expected, difference, order = reference(bert, TEXT, tokenizer.mask_token_id, layer)
    assert close(found.scores, expected) < 0.01
    assert found.difference == pytest.approx(difference, abs=1e-5)
    assert [found.target, found.against] == order[:2]
    assert found.converged
    assert found.baseline == "[MASK]"


def test_three_classes_go_against_the_runner_up(tiny_three, tokenizer):
    model = loaded(tiny_three, tokenizer, ("no", "yes", "maybe"))
    (found,) = attribute(model, [TEXT], keep_special=True)
    (answer,) = model.run(model.prepare([Classify(TEXT)]), length=16, rows=1)
    order = np.argsort(answer.values)[::-1]
    assert (found.target, found.against) == (order[0], order[1])
    expected, _, _ = reference(
        model, TEXT, tokenizer.mask_token_id, model.module.get_input_embeddings()
    )
    assert close(found.scores, expected) < 0.01
    (named,) = attribute(model, [TEXT], target=int(order[2]))
    assert (named.target, named.against) == (order[2], order[0])


def test_a_bare_module_is_attributed_through_its_embedding(tokenizer):
    model = TorchClassifier(Bag(len(tokenizer)), tokenizer, ["a", "b"])
    (found,) = attribute(model, [TEXT], tolerance=0.01, keep_special=True)
    expected, _, _ = reference(model, TEXT, tokenizer.mask_token_id, model.module.embed)
    assert close(found.scores, expected) < 0.01


SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "pad_token_id": 0}
SIZES = {**SMALL, "intermediate_size": 16, "max_position_embeddings": 64}


def architectures(words):
    bart = {
        "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
        "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16,
        "max_position_embeddings": 64, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3,
        "decoder_start_token_id": 3, "forced_eos_token_id": 3,
    }  # fmt: skip
    t5 = {
        "d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_decoder_layers": 1,
        "num_heads": 2, "pad_token_id": 0, "eos_token_id": 3, "decoder_start_token_id": 0,
    }  # fmt: skip
    decoder = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 64, "pad_token_id": 0}
    distil = {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 16, "pad_token_id": 0}
    modern = {**SIZES, "cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
    llama = {**SIZES, "num_key_value_heads": 2}
    for kind, options in {
        "Albert": {**SIZES, "embedding_size": 8},
        "Bart": bart,
        "DebertaV2": {**SIZES, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
        "DistilBert": distil,
        "Electra": {**SIZES, "embedding_size": 8},
        "GPT2": decoder,
        "Llama": llama,
        "ModernBert": modern,
        "Roberta": SIZES,
        "T5": t5,
    }.items():
        yield pytest.param(kind, {"vocab_size": words, **options}, id=kind)


@pytest.mark.parametrize(("kind", "options"), list(architectures(200)))
def test_architectures_are_attributed_and_the_scores_add_up(kind, options, tokenizer):
    torch.manual_seed(3)
    config = getattr(hf, f"{kind}Config")(**options, initializer_range=0.3)
    module = getattr(hf, f"{kind}ForSequenceClassification")(config)
    model = TorchClassifier(module, tokenizer, ["a", "b"])
    found, other = attribute(model, [TEXT, "a quick brown nurse from town"], most_steps=512)
    assert isinstance(found, Attributions), found
    assert found.difference != 0
    assert found.converged
    assert sum(found.scores) == pytest.approx(found.difference, rel=0.05)
    (alone,) = attribute(model, ["a quick brown nurse from town"])
    assert other.scores == pytest.approx(alone.scores, abs=2e-3 * max(map(abs, alone.scores)))
    assert ("decoder" in found.baseline) == (kind in ("Bart", "T5"))


def test_special_tokens_are_kept_or_not(bert):
    kept, replaced = (attribute(bert, [TEXT], keep_special=keep)[0] for keep in (True, False))
    assert kept.special == replaced.special == (True, *[False] * 8, True)
    assert [s for s, mark in zip(kept.scores, kept.special, strict=True) if mark] == [0, 0]
    assert all(s for s, mark in zip(replaced.scores, replaced.special, strict=True) if mark)
    assert kept.difference != replaced.difference


def test_a_model_that_ignores_the_text_has_a_map_of_zeros(tokenizer):
    model = TorchClassifier(Deaf(len(tokenizer)), tokenizer, ["a", "b"])
    (found,) = attribute(model, [TEXT])
    assert isinstance(found, Failure)  # its embedding never sees the text
    assert "no embedding receives the token ids" in found.reason
    constant = Bag(len(tokenizer))
    with torch.no_grad():
        constant.head.weight.zero_()
    (flat,) = attribute(TorchClassifier(constant, tokenizer, ["a", "b"]), [TEXT])
    assert set(flat.scores) == {0.0}
    assert (flat.difference, flat.error, flat.change, flat.steps) == (0, 0, 0, 16)


def test_where_no_gradient_flows_there_is_no_map(tokenizer):
    (found,) = attribute(TorchClassifier(Hard(len(tokenizer)), tokenizer, ["a", "b"]), [TEXT])
    assert found == Failure(f"{NO_GRADIENTS}: each is 0, and the text moves the logits")


def test_a_model_that_reads_its_tokens_twice_has_no_map(tokenizer):
    """The gradients would converge, and be those of another decision than the model's."""
    model = TorchClassifier(Twice(len(tokenizer)), tokenizer, ["a", "b"])
    (found,) = attribute(model, [TEXT])
    assert isinstance(found, Failure)
    assert found.reason.startswith(NO_GRADIENTS)
    assert "elsewhere than through their embedding" in found.reason


def test_a_part_without_a_backward_pass_is_a_failure(tokenizer):
    model = TorchClassifier(Stubborn(len(tokenizer)), tokenizer, ["a", "b"])
    assert (
        attribute(model, [TEXT, "bad"])
        == [Failure("the model gives no gradients: this kernel has no backward pass")] * 2
    )


def test_not_finite_is_a_failure(tokenizer):
    bag = Bag(len(tokenizer))
    with torch.no_grad():
        bag.embed.weight[tokenizer.vocab["good"]] = float("nan")
    bad, good = attribute(TorchClassifier(bag, tokenizer, ["a", "b"]), [TEXT, "bad film"])
    assert bad == Failure("the logits or their gradients are not finite")
    assert isinstance(good, Attributions)


def test_memory_that_runs_out_is_told_apart(tokenizer, monkeypatch):
    model = TorchClassifier(Bag(len(tokenizer)), tokenizer, ["a", "b"])

    def full(*_args, **_kwargs):
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(model.module, "pooled", full)
    with pytest.raises(OutOfMemory, match="no room"):
        attribute(model, [TEXT])


def test_half_precision_is_attributed_in_float32(tiny, tokenizer):
    exact = AutoModelForSequenceClassification.from_pretrained(tiny)
    rounded = AutoModelForSequenceClassification.from_pretrained(tiny).to(torch.bfloat16)
    expected = TorchClassifier(exact, tokenizer, ["no", "yes"])
    with torch.no_grad():
        for p in exact.parameters():
            p.copy_(p.to(torch.bfloat16))
    model = TorchClassifier(rounded, tokenizer, ["no", "yes"])
    (one,), (other,) = attribute(model, [TEXT]), attribute(expected, [TEXT])
    assert one.scores == pytest.approx(other.scores, abs=1e-5)
    assert next(model.module.parameters()).dtype is torch.bfloat16


def test_the_module_is_left_as_it_was(bert):
    prepared = bert.prepare([Classify(TEXT)])
    before = bert.run(prepared, length=12, rows=1)
    flags = [p.requires_grad for p in bert.module.parameters()]
    attribute(bert, [TEXT])
    assert isinstance(before[0], Logits)
    assert bert.run(prepared, length=12, rows=1) == before
    assert [p.requires_grad for p in bert.module.parameters()] == flags
    assert all(not part._forward_hooks for part in bert.module.modules())
    assert all(p.grad is None for p in bert.module.parameters())


def test_doubling_reuses_every_pass_and_only_open_texts_go_on(bert):
    seen = []
    hook = bert.module.register_forward_hook(lambda *args: seen.append(len(args[2].logits)))
    loose, strict = attribute(
        bert, [Attribute(TEXT, tolerance=0.9), Attribute(TEXT + " bad", tolerance=1e-9)], rows=8
    )
    hook.remove()
    assert (loose.steps, strict.steps) == (16, 256)
    assert loose.converged
    assert not strict.converged
    assert (loose.passes, strict.passes) == (17 + 2, 257 + 2)
    assert sum(seen) == loose.passes + strict.passes + 1 + 2 * 4  # to find the embedding, to try it
    assert max(seen) <= 8


def test_batches_repeat_and_do_not_matter(bert):
    texts = [TEXT, "bad", "a man works as a nurse in the city", "great awful film"]
    first = attribute(bert, texts)
    assert attribute(bert, texts) == first
    for text, found in zip(texts, first, strict=True):
        for rows in (1, 3):
            (alone,) = attribute(bert, [text], rows=rows)
            assert alone.scores == pytest.approx(found.scores, abs=1e-4)
            assert alone.steps == found.steps


def shown(found, value):
    sides = (value.first, value.second) if isinstance(value, Pair) else (value,)
    rows = zip(found.parts, found.starts, found.ends, strict=True)
    return [sides[part][start:end] for part, start, end in rows]


def test_tokens_stand_where_they_were_read(bert):
    (found,) = attribute(bert, ["The  FILM was nursing"])
    assert shown(found, "The  FILM was nursing")[1:4] == ["The", "FILM", "was"]
    assert "".join(shown(found, "The  FILM was nursing")[4:-1]) == "nursing"
    pair = Pair("the film", "was good")
    (two,) = attribute(bert, [pair])
    assert shown(two, pair) == ["", "the", "film", "", "was", "good", ""]
    assert two.parts == (0, 0, 0, 0, 1, 1, 0)
    assert [k for k, mark in enumerate(two.special) if mark] == [0, 3, 6]
    arabic = "الفيلم جيد جدا"
    (right,) = attribute(bert, [arabic])
    assert shown(right, arabic)[1:-1] == arabic.split()


def test_odd_texts(bert):
    empty, one, long = attribute(bert, ["", "good", "good bad " * 200], keep_special=True)
    assert set(empty.scores) == {0.0}
    assert empty.difference == 0
    assert len(one.scores) == 3
    assert sum(one.scores) == pytest.approx(one.difference, rel=0.05)
    assert len(long.scores) == 64
    assert long.cut == 400 + 2 - 64
    assert sum(long.scores) == pytest.approx(long.difference, rel=0.05)


def test_a_text_without_a_token_is_a_failure(tokenizer):
    tokenizer.backend_tokenizer.post_processor = None
    model = TorchClassifier(Bag(len(tokenizer)), tokenizer, ["a", "b"])
    empty, good = attribute(model, ["", "good film"])
    assert empty == Failure("the text has no token")
    assert len(good.scores) == 2


def test_a_space_that_a_tokenizer_counts_in_is_left_out():
    from tokenizers import Tokenizer, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    ids = {letter: k for k, letter in enumerate([*alphabet, "Ġg", "<pad>"])}
    inner = Tokenizer(models.BPE(ids, [("Ġ", "g")]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = hf.PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>")
    text = "is  good"
    encoded = tokenizer([text], return_offsets_mapping=True, return_special_tokens_mask=True)
    parts, starts, ends, special = marks(encoded, 0, [text])
    assert [text[a:b] for a, b in zip(starts, ends, strict=True)] == list("is ") + list("good")
    assert set(parts) == {0}
    assert not any(special)
    model = TorchClassifier(Bag(len(ids)), tokenizer, ["a", "b"])
    (found,) = attribute(model, [text])
    assert found.baseline == "<pad>"  # there is no mask token


def test_what_it_takes_to_be_offered(tokenizer):
    assert "attribute" in TorchClassifier(Bag(len(tokenizer)), tokenizer, ["a", "b"]).capabilities

    class Slow:
        """A tokenizer that does not say where its tokens stand."""

        pad_token_id, mask_token_id, model_max_length = 0, 4, 64

        def get_vocab(self):
            return tokenizer.get_vocab()

    model = TorchClassifier(Bag(len(tokenizer)), Slow(), ["a", "b"])
    assert model.capabilities == {"classify", "tokenize"}
