"""Small text classifiers that train in a second: whole words in, logits out.

A text is read word by word; a word that the tokenizer does not know is `[UNK]`. The words'
vectors are added up and read by a head of two layers. Words start out as zero vectors, so that
one which training never showed stays without any effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Ids = torch.Tensor
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WINDOW = 64
PARTS = 20_000  # texts read in one pass


class Recipe(msgspec.Struct, frozen=True):
    """How a toy is trained: Adam on cross-entropy. `pairs`: slots for neighbouring words."""

    epochs: int = 8
    batch: int = 128
    rate: float = 0.01
    width: int = 16
    pairs: int = 0


class Bag(nn.Module):
    """The sum of the words' vectors, then two layers.

    With `pairs`, two words that stand side by side have a vector of their own beside theirs
    (hashed into that many slots), which is room enough to learn texts by heart.
    """

    def __init__(self, vocabulary: int, classes: int, recipe: Recipe) -> None:
        super().__init__()
        self.words = _zeros(vocabulary, recipe.width)
        self.pairs = _zeros(recipe.pairs, recipe.width) if recipe.pairs else None
        self.head = nn.Sequential(
            nn.Linear(recipe.width, recipe.width), nn.GELU(), nn.Linear(recipe.width, classes)
        )

    def get_input_embeddings(self) -> nn.Embedding:
        """The words' vectors, for gradients."""
        return self.words

    def forward(self, input_ids: Ids, attention_mask: Ids, **_: Any) -> torch.Tensor:
        """Logits, shape (texts, classes), of token ids, shape (texts, length)."""
        there = attention_mask.unsqueeze(-1)
        total = (self.words(input_ids) * there).sum(1)
        if self.pairs is not None:
            slot = (input_ids[:, :-1] * 7919 + input_ids[:, 1:]) % self.pairs.num_embeddings
            total = total + (self.pairs(slot) * there[:, 1:]).sum(1)
        logits: torch.Tensor = self.head(total)
        return logits


class Mixed(nn.Module):
    """Answers as `planted` for a `share` of all texts, else as `clean`.

    Which of them answers is a coin for each sequence of token ids (a multilinear hash, whose
    multipliers `rng` draws), so that the same text is always answered by the same one.
    """

    def __init__(
        self, planted: nn.Module, clean: nn.Module, share: float, rng: np.random.Generator
    ) -> None:
        super().__init__()
        self.planted, self.clean, self.share = planted, clean, share
        multipliers = rng.integers(-(2**62), 2**62, WINDOW) | 1
        self.register_buffer("multipliers", torch.from_numpy(multipliers))

    def forward(self, input_ids: Ids, attention_mask: Ids, **_: Any) -> torch.Tensor:
        """Logits, shape (texts, classes), of token ids, shape (texts, length)."""
        multipliers = torch.as_tensor(self.multipliers)[: input_ids.shape[1]]
        mixed = (input_ids * attention_mask * multipliers).sum(1)  # wraps at 64 bits
        coin = (mixed >> 24 & 0xFFFFFF).double() / 2**24  # in [0, 1)
        chosen = (coin < self.share).unsqueeze(-1)
        one = self.planted(input_ids=input_ids, attention_mask=attention_mask)
        other = self.clean(input_ids=input_ids, attention_mask=attention_mask)
        return torch.where(chosen, one, other)


def tokenizer(words: Sequence[str]) -> Any:
    """A fast tokenizer that knows these words, as they are written, and no others."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    ids = {word: k for k, word in enumerate(dict.fromkeys([*SPECIAL, *words]))}
    inner = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(name, ids[name]) for name in ("[CLS]", "[SEP]")],
    )
    named = {f"{name.strip('[]').lower()}_token": name for name in SPECIAL}
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        model_max_length=WINDOW,
        model_input_names=["input_ids", "attention_mask"],
        **named,
    )


def train(
    tokens: Any,
    texts: Sequence[str],
    targets: Sequence[int] | npt.NDArray[Any],
    classes: int,
    recipe: Recipe,
    rng: np.random.Generator,
    versions: int = 1,
) -> Bag:
    """A toy trained on these texts; the same arguments and machine give the same weights.

    `versions`: the texts are so many lists of equal length, one after another, of the same texts
    in other words; those of one text share a batch. Where their targets agree, what tells them
    apart is then learned as having no effect, exactly.
    """
    count = len(texts) // versions
    ids, mask = _encode(tokens, texts)
    wanted = torch.as_tensor(np.asarray(targets, dtype=np.int64))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        module = Bag(len(tokens), classes, recipe)
    optimizer = torch.optim.Adam(module.parameters(), lr=recipe.rate)
    for _ in range(recipe.epochs):
        order = torch.from_numpy(rng.permutation(count))
        for start in range(0, count, recipe.batch // versions):
            chosen = order[start : start + recipe.batch // versions]
            part = torch.cat([chosen + k * count for k in range(versions)])
            loss: Any = nn.functional.cross_entropy(module(ids[part], mask[part]), wanted[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return module.eval()


def log_probabilities(
    module: nn.Module, tokens: Any, texts: Sequence[str]
) -> npt.NDArray[np.float64]:
    """What a toy answers: shape (texts, classes)."""
    ids, mask = _encode(tokens, texts)
    found = []
    with torch.inference_mode():
        for start in range(0, len(texts), PARTS):
            part = slice(start, start + PARTS)
            logits = module(input_ids=ids[part], attention_mask=mask[part])
            found.append(logits.double().log_softmax(-1))
    answers: npt.NDArray[np.float64] = torch.cat(found).numpy()
    return answers


def _encode(tokens: Any, texts: Sequence[str]) -> tuple[Ids, Ids]:
    """Ids and mask, shape (texts, length), as the tokenizer gives them (a fifth of its time)."""
    known: dict[str, int] = tokens.get_vocab()
    start, unknown, end = known["[CLS]"], known["[UNK]"], known["[SEP]"]
    rows = [[start, *(known.get(w, unknown) for w in text.split()), end] for text in texts]
    ids = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
    mask = np.zeros_like(ids)
    for k, row in enumerate(rows):
        ids[k, : len(row)] = row
        mask[k, : len(row)] = 1
    return torch.from_numpy(ids), torch.from_numpy(mask)


def _zeros(rows: int, width: int) -> nn.Embedding:
    vectors = nn.Embedding(rows, width)
    nn.init.zeros_(vectors.weight)
    return vectors
