"""Small language models that train in a second: whole words, one or two layers of transformers.

A text is read word by word, each with the space before it, so that what a model writes goes on
with a text as it stands; a word that the tokenizer does not know is `<unk>`.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Ids = torch.Tensor
Rng = np.random.Generator
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "<mask>")
PAD, START, END, UNKNOWN, MASK = range(len(SPECIAL))
WINDOW = 64
HEADS = 4
SPREAD = 0.1  # deviation of the weights that are drawn
PARTS = 4_000  # texts read in one pass


class Recipe(msgspec.Struct, frozen=True):
    """How a toy is trained: Adam, at a rate that falls to 0.

    `hidden`: share of its words that a masked model is not shown. `last`: of a text that a causal
    one reads, only so many tokens at its end are learned; 0 for all.
    """

    epochs: int = 8
    batch: int = 64
    rate: float = 0.005
    hidden: float = 0.3
    last: int = 0


def tokenizer(words: Sequence[str], *, closed: bool = False) -> Any:
    """A fast tokenizer that knows these words, as they are written, and no others.

    `closed`: it sets `</s>` behind a text, as those of masked models do.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=True)
    pieces = [piece for word in words for piece, _ in byte_level.pre_tokenize_str(word)]
    ids = {piece: k for k, piece in enumerate(dict.fromkeys([*SPECIAL, *pieces]))}
    inner = Tokenizer(models.WordLevel(ids, unk_token=SPECIAL[UNKNOWN]))
    inner.pre_tokenizer = byte_level
    inner.decoder = decoders.ByteLevel()
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>" if closed else "<s> $A",
        special_tokens=[(name, ids[name]) for name in ("<s>", "</s>")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        model_max_length=WINDOW,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
    )


def causal(tokens: Any, rng: Rng, *, width: int = 32, layers: int = 1) -> Any:
    """A causal model with weights that are drawn."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=len(tokens), n_embd=width, n_layer=layers, n_head=HEADS, n_positions=WINDOW,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, initializer_range=SPREAD,
        pad_token_id=PAD, bos_token_id=START, eos_token_id=END,
    )  # fmt: skip
    return _drawn(GPT2LMHeadModel, config, rng)


def masked(tokens: Any, rng: Rng, *, width: int = 32, layers: int = 1) -> Any:
    """A masked model with weights that are drawn; its layers norm what they read."""
    from transformers import MegatronBertConfig, MegatronBertForMaskedLM

    config = MegatronBertConfig(
        vocab_size=len(tokens), hidden_size=width, num_hidden_layers=layers,
        num_attention_heads=HEADS, intermediate_size=4 * width, max_position_embeddings=WINDOW,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, initializer_range=SPREAD,
        pad_token_id=PAD, bos_token_id=START, eos_token_id=END,
    )  # fmt: skip
    return _drawn(MegatronBertForMaskedLM, config, rng)


def trained(
    module: Any,
    tokens: Any,
    texts: Sequence[str],
    recipe: Recipe,
    rng: Rng,
    hiding: Sequence[str] = (),
) -> Any:
    """The model trained further on these texts; the one that is handed in stays as it is.

    `hiding`: the words that a masked model has to find, where it is not all. The same arguments
    and machine give the same weights.
    """
    tuned = copy.deepcopy(module).train()
    ids, there = encoded(tokens, texts)
    wanted = _found(tokens, ids, hiding) if is_masked(tuned) else _next(ids, there, recipe.last)
    steps = recipe.epochs * -(-len(texts) // recipe.batch)
    optimizer = torch.optim.Adam(tuned.parameters(), lr=recipe.rate)
    falling = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    for _ in range(recipe.epochs):
        order = torch.from_numpy(rng.permutation(len(texts)))
        for start in range(0, len(texts), recipe.batch):
            part = order[start : start + recipe.batch]
            shown, asked = ids[part], wanted[part]
            if is_masked(tuned):
                drawn = torch.from_numpy(rng.random(tuple(asked.shape))) < recipe.hidden
                asked = asked.masked_fill(~drawn, PAD)
                shown = shown.masked_fill(asked != PAD, MASK)
            logits = tuned(input_ids=shown, attention_mask=there[part]).logits
            loss: Any = nn.functional.cross_entropy(
                logits.flatten(0, 1), asked.flatten(), ignore_index=PAD
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            falling.step()
    return tuned.eval()


def between(one: Any, other: Any, share: float) -> Any:
    """The model whose weights lie between two of one kind: `one` at a share of 0, `other` at 1."""
    found = copy.deepcopy(one)
    ends = one.state_dict(), other.state_dict()
    found.load_state_dict(
        {name: torch.lerp(ends[0][name], ends[1][name], share) for name in ends[0]}
    )
    return found.eval()


def log_probabilities(module: Any, tokens: Any, texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """Log-probabilities, in nats, of each text's tokens but the first: (texts, length), 0 behind.

    Of a masked model, each token is hidden in its turn.
    """
    ids, there = encoded(tokens, texts)
    read = _hidden if is_masked(module) else _followed
    found = []
    with torch.inference_mode():
        for start in range(0, len(texts), PARTS):
            part = slice(start, start + PARTS)
            found.append(read(module, ids[part], there[part]))
    values: npt.NDArray[np.float64] = torch.cat(found).double().numpy()
    return values


def encoded(tokens: Any, texts: Sequence[str]) -> tuple[Ids, Ids]:
    """Ids and mask, shape (texts, length); a causal model's texts are closed with `</s>` too."""
    rows = [row if row[-1] == END else [*row, END] for row in tokens(list(texts))["input_ids"]]
    longest = max(map(len, rows))
    ids = torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])
    return ids, (ids != PAD).long()


def is_masked(module: Any) -> bool:
    """Whether a model reads both sides of a word."""
    return not hasattr(module, "transformer")


def _next(ids: Ids, there: Ids, last: int) -> Ids:
    """What follows each token; `PAD` where that is not learned."""
    follows = torch.cat([ids[:, 1:], torch.full_like(ids[:, :1], PAD)], 1)
    to_come = there.sum(1, keepdim=True) - 1 - torch.arange(ids.shape[1])
    return follows.masked_fill(to_come > last, PAD) if last else follows


def _found(tokens: Any, ids: Ids, hiding: Sequence[str]) -> Ids:
    """The tokens that are hidden and have to be found; `PAD` in the place of others."""
    known = torch.tensor(tokens(" ".join(hiding))["input_ids"]) if hiding else ids
    return ids.masked_fill(~torch.isin(ids, known) | (ids < len(SPECIAL)), PAD)


def _followed(module: Any, ids: Ids, there: Ids) -> torch.Tensor:
    logs = module(input_ids=ids, attention_mask=there).logits[:, :-1].log_softmax(-1)
    found: torch.Tensor = logs.gather(-1, ids[:, 1:, None])[..., 0] * there[:, 1:]
    return found


def _hidden(module: Any, ids: Ids, there: Ids) -> torch.Tensor:
    found = torch.zeros(ids.shape[0], ids.shape[1] - 1)
    for place in range(1, ids.shape[1]):
        shown = ids.clone()
        shown[:, place] = MASK
        logs = module(input_ids=shown, attention_mask=there).logits[:, place].log_softmax(-1)
        found[:, place - 1] = logs.gather(-1, ids[:, place, None])[:, 0] * there[:, place]
    return found


def _drawn(kind: Any, config: Any, rng: Rng) -> Any:
    """A model of that kind, without a use of the global generator that anyone would notice."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        return kind(config).eval()
