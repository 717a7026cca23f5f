"""The likeliest words in a place: those of a plain forward pass, and of transformers' pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support_language import DEEP, save_language

from fmaudit import spec
from fmaudit.models import open_handle
from fmaudit.models.split import Split
from fmaudit.types import Failure, FillMask, Fills

NEAR = 1e-5
WORDS = ["the", "cat", "sat", "on", "mat", "dog", "she", "好", "我", ".", ",", "##s", "##ing"]
TEXTS = st.text(alphabet="thecat sodg.,é好", max_size=30)


def wordpiece() -> Any:
    """BERT's kind: pieces are marked."""
    from transformers import BertTokenizerFast

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    return BertTokenizerFast(vocab={word: k for k, word in enumerate(vocabulary)})


def bytelevel() -> Any:
    """RoBERTa's kind: spaces are marked, and the mask takes the one before it."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import AddedToken, RobertaTokenizerFast

    vocabulary = ["<s>", "<pad>", "</s>", "<unk>", *sorted(ByteLevel.alphabet())]
    merges = []
    for word in (" cat", " the", " sat", "the", "cat", "好", "我", "ing"):
        ((written, _),) = ByteLevel(add_prefix_space=False).pre_tokenize_str(word)
        for end in range(2, len(written) + 1):
            if written[:end] not in vocabulary:
                vocabulary.append(written[:end])
                merges.append((written[: end - 1], written[end - 1]))
    vocabulary.append("<mask>")
    return RobertaTokenizerFast(
        vocab={word: k for k, word in enumerate(vocabulary)},
        merges=merges,
        mask_token=AddedToken("<mask>", lstrip=True, special=True),
    )


def sentencepiece() -> Any:
    """XLM-R's kind: spaces are marked, one at the beginning of each text as well."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import AddedToken, PreTrainedTokenizerFast

    words = ["▁the", "▁cat", "▁sat", "ing", "s", ".", "好", "▁", "<mask>"]
    scored = [(word, -float(k)) for k, word in enumerate(["<s>", "</s>", "<unk>", *words])]
    inner = Tokenizer(models.Unigram(scored, unk_id=2))
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    inner.decoder = decoders.Metaspace()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="</s>",
        mask_token=AddedToken("<mask>", lstrip=True, special=True),
    )


def bert(vocabulary: int) -> Any:
    from transformers import BertConfig, BertForMaskedLM

    return BertForMaskedLM(BertConfig(vocab_size=vocabulary, **DEEP))


def roberta(vocabulary: int) -> Any:
    from transformers import RobertaConfig, RobertaForMaskedLM

    return RobertaForMaskedLM(RobertaConfig(vocab_size=vocabulary, **DEEP))


def write(
    folder: Path,
    tokenizer: Any,
    module_of: Callable[[int], Any],
    *,
    bias: Mapping[str, float] | None = None,
    more: int = 0,
) -> Path:
    """A model of random weights, `bias` added to tokens' logits, `more` logits than tokens."""
    torch.manual_seed(0)
    module = module_of(len(tokenizer) + more)
    head = module.cls.predictions if hasattr(module, "cls") else module.lm_head
    with torch.no_grad():
        for weights in module.parameters():
            if weights.ndim > 1:
                torch.nn.init.normal_(weights, std=0.15)
        for token, value in (bias or {}).items():
            head.bias[tokenizer.convert_tokens_to_ids(token)] += value
    tokenizer.model_max_length = 64
    module.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=["bert", "roberta"])
def saved(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both with one byte-level tokenizer, whose mask leaves the space before it."""
    return save_language(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module", params=["wordpiece", "bytelevel"])
def own(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each with the tokenizer of its kind."""
    made = (wordpiece(), bert) if request.param == "wordpiece" else (bytelevel(), roberta)
    return write(tmp_path_factory.mktemp(request.param), *made)


def load(folder: Path) -> Any:
    chosen = {"model": {"path": str(folder), "dtype": "float32"}}
    data = {"data": {"source": "file:x", "text": "text"}}
    return open_handle(spec.from_mapping(chosen | data).model).load()


def run(model: Any, *requests: FillMask, rows: int = 0, more: int = 0) -> list[Any]:
    prepared = model.prepare(list(requests))
    longest = max(p.length for p in prepared)
    return model.run(prepared, length=longest + more, rows=rows or len(prepared))


def asked(folder: Path, *requests: FillMask) -> list[Any]:
    return run(load(folder), *requests)


def plainly(folder: Path, before: str, after: str) -> tuple[Any, torch.Tensor]:
    """The tokenizer, and the log-probability of each token at the place, by one plain pass."""
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    module = AutoModelForMaskedLM.from_pretrained(folder).eval()
    given = tokenizer(f"{before} {tokenizer.mask_token}{after}", return_tensors="pt")
    place = given["input_ids"][0].tolist().index(tokenizer.mask_token_id)
    with torch.inference_mode():
        logits = module(input_ids=given["input_ids"]).logits[0, place]
    return tokenizer, logits.double().log_softmax(-1)


def words_of(tokenizer: Any, line: torch.Tensor, most: int) -> dict[str, float]:
    """The likeliest words of a vocabulary without pieces."""
    expected: dict[str, float] = {}
    for token in line.argsort(descending=True).tolist():
        word = tokenizer.decode([token]).strip()
        special = token in tokenizer.all_special_ids
        if not special and word and "\ufffd" not in word and word not in expected:
            expected[word] = line[token].item()
    return dict(list(expected.items())[:most])


# ── the plain pass ───────────────────────────────────────────────────────────────────────


def test_it_is_the_plain_pass(saved: Path) -> None:
    expected = words_of(*plainly(saved, "the cat", " on the mat"), 6)
    (found,) = asked(saved, FillMask("the cat", " on the mat", 6))
    assert isinstance(found, Fills)
    assert list(found.words) == list(expected)
    assert list(found.logprobs) == pytest.approx(list(expected.values()), abs=NEAR)


def test_each_words_figure_is_its_tokens(own: Path) -> None:
    """Of a vocabulary with pieces: every word is a token that starts one, with its own figure."""
    tokenizer, line = plainly(own, "the cat", " the cat.")
    spaced = "Ġ" if tokenizer.mask_token == "<mask>" else ""
    (found,) = asked(own, FillMask("the cat", " the cat.", 500))
    for word, logprob in zip(found.words, found.logprobs, strict=True):
        if not (word.isascii() and word.isprintable()):
            continue  # bytes have other names in a vocabulary
        names = [f"{spaced}{word}", word]
        ids = [tokenizer.get_vocab()[name] for name in names if name in tokenizer.get_vocab()]
        assert logprob == pytest.approx(line[ids[0]].item(), abs=NEAR), word
    assert {"the", "cat", "sat"} <= set(found.words)
    assert not {"##s", "##ing", "ing"} & set(found.words)


def test_it_is_the_pipelines(saved: Path) -> None:
    """In its order and by its figures, without what is no word of its own."""
    from transformers import pipeline

    fill = pipeline("fill-mask", model=str(saved), tokenizer=str(saved), device="cpu")
    theirs = fill(f"the cat {fill.tokenizer.mask_token} on the mat", top_k=len(fill.tokenizer))
    known: dict[str, float] = {}
    for one in theirs:
        if one["token"] not in fill.tokenizer.all_special_ids:
            known.setdefault(one["token_str"].strip(), one["score"])
    expected = [word for word in known if word and "\ufffd" not in word][:8]
    (found,) = asked(saved, FillMask("the cat", " on the mat", 8))
    assert list(found.words) == expected
    scores = torch.tensor(found.logprobs).exp().tolist()
    assert scores == pytest.approx([known[word] for word in expected], rel=1e-4)


# ── what a word is ───────────────────────────────────────────────────────────────────────


def test_marked_pieces_are_no_words(tmp_path: Path) -> None:
    boosted = {"##s": 40.0, "##ing": 35.0, "[SEP]": 30.0, "dog": 20.0, ".": 15.0}
    folder = write(tmp_path, wordpiece(), bert, bias=boosted)
    behind, first = asked(folder, FillMask("the cat", " sat", 2), FillMask("", " sat", 2))
    assert behind.words == first.words == ("dog", ".")
    assert max(behind.logprobs) < -8, "over the whole vocabulary, pieces included"


def test_where_spaces_are_marked_a_piece_is_what_runs_on(tmp_path: Path) -> None:
    boosted = {"the": 40.0, "ing": 35.0, "</s>": 30.0, "Ġcat": 20.0, ".": 15.0}
    folder = write(tmp_path, bytelevel(), roberta, bias=boosted)
    behind, first, quoted = asked(
        folder, FillMask("the cat", ".", 2), FillMask("", ".", 3), FillMask("cat -", ".", 3)
    )
    assert behind.words == ("cat", "."), "and not «catthe»"
    assert first.words == ("the", "ing", "cat"), "nothing stands before"
    assert quoted.words == ("the", "ing", "cat"), "a dash is no letter"


def test_where_texts_begin_with_a_space_too(tmp_path: Path) -> None:
    boosted = {"ing": 40.0, "好": 30.0, "▁sat": 20.0, ".": 10.0}
    folder = write(tmp_path, sentencepiece(), roberta, bias=boosted)
    (behind,) = asked(folder, FillMask("the cat", ".", 3))
    assert behind.words == ("好", "sat", ".")


def test_scripts_without_spaces_have_no_pieces(tmp_path: Path) -> None:
    from tokenizers.pre_tokenizers import ByteLevel

    ((good, _),) = ByteLevel(add_prefix_space=False).pre_tokenize_str("好")
    folder = write(tmp_path, bytelevel(), roberta, bias={good: 20.0, "the": 15.0})
    chinese, mixed = asked(folder, FillMask("我", "。", 2), FillMask("cat", "。", 1))
    assert chinese.words == ("好", "the")
    assert mixed.words == ("好",)


def test_bytes_that_are_no_character_are_no_words(tmp_path: Path) -> None:
    folder = write(tmp_path, bytelevel(), roberta, bias={"å": 20.0, "Ġsat": 10.0})
    (found,) = asked(folder, FillMask("cat", ".", 400))
    assert found.words[0] == "sat"
    assert not any("\ufffd" in word for word in found.words)


def test_more_than_there_are_gives_all(tmp_path: Path) -> None:
    """Logits beyond the vocabulary, which models are padded with, are no words either."""
    folder = write(tmp_path, wordpiece(), bert, more=7)
    (found,) = asked(folder, FillMask("the cat", ".", 1000))
    assert sorted(found.words) == sorted(w for w in WORDS if not w.startswith("##"))


def test_what_can_never_come_is_left_out(tmp_path: Path) -> None:
    folder = write(tmp_path, wordpiece(), bert, bias={"dog": -torch.inf})
    (found,) = asked(folder, FillMask("the cat", ".", 1000))
    assert "dog" not in found.words
    assert len(found.words) == len(WORDS) - 3
    assert min(found.logprobs) > -100


# ── where the place is ───────────────────────────────────────────────────────────────────


def test_the_space_before_the_place_is_one(saved: Path) -> None:
    one, two, three = asked(saved, *(FillMask(f"the cat{s}", ".", 5) for s in ("", " ", " \n ")))
    assert one == two == three


def test_a_text_of_another_place_or_too_long_is_told(saved: Path) -> None:
    two, long, fine = asked(
        saved, FillMask("the <mask> sat"), FillMask("the cat " * 4000), FillMask("the cat")
    )
    assert isinstance(two, Failure)
    assert "2 places" in two.reason
    assert not two.beyond
    assert isinstance(long, Failure)
    assert long.beyond
    assert isinstance(fine, Fills)


def test_a_text_is_too_long_by_one_token(own: Path) -> None:
    """At the window's edge the end is what does not fit, and the place would still be there."""
    model = load(own)
    assert model.facts.window == 64
    for cats, kind in ((60, Fills), (61, Failure)):  # beside two special ones, "the" and the mask
        (found,) = run(model, FillMask("the", " cat" * cats, 1))
        assert isinstance(found, kind)
        assert found.beyond if isinstance(found, Failure) else found.tokens == 64


def test_the_place_may_be_all_there_is(own: Path) -> None:
    first, alone = asked(own, FillMask("", " sat on the mat", 2), FillMask("", "", 2))
    for found in (first, alone):
        assert isinstance(found, Fills)
        assert len(found.words) == 2


# ── any text, any batch ──────────────────────────────────────────────────────────────────


def test_the_batch_moves_nothing(own: Path) -> None:
    model = load(own)

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(TEXTS, TEXTS, st.integers(1, 12)), min_size=1, max_size=5))
    def same(texts: list[tuple[str, str, int]]) -> None:
        requests = [FillMask(before, after, most) for before, after, most in texts]
        together = run(model, *requests, rows=3, more=9)
        for request, found in zip(requests, together, strict=True):
            (alone,) = run(model, request)
            assert alone.words == found.words
            assert alone.tokens == found.tokens
            assert alone.logprobs == pytest.approx(found.logprobs, abs=NEAR)
            assert 0 < len(found.words) <= request.most
            assert len(set(found.words)) == len(found.words)
            assert found.logprobs[0] <= 0
            assert sorted(found.logprobs, reverse=True) == list(found.logprobs)
            (further,) = run(model, FillMask(request.input, request.after, request.most + 3))
            assert further.words[: request.most] == found.words

    same()


def test_what_the_vocabularys_size_leaves_room_for(own: Path, monkeypatch: Any) -> None:
    """However few places' logits may stand in memory at once."""
    model = load(own)
    requests = [FillMask("the cat", " sat" * k, 4) for k in range(5)]
    whole = run(model, *requests)
    sizes, logits = [], Split.logits

    def counted(split: Split, hidden: torch.Tensor) -> torch.Tensor:
        sizes.append(len(hidden))
        return logits(split, hidden)

    monkeypatch.setattr("fmaudit.models.split.LOGITS", 1)
    monkeypatch.setattr(Split, "logits", counted)
    for one, other in zip(run(model, *requests), whole, strict=True):
        assert one.words == other.words
        assert one.logprobs == pytest.approx(other.logprobs, abs=NEAR)
    assert sizes == [1] * 5
