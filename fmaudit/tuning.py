"""Fine-tuning a small encoder as a text classifier, with a fixed seed.

For subjects that fmaudit makes itself (the quickstart's model, planted defects); not a training
library.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fmaudit.errors import DataError
from fmaudit.training import train
from fmaudit.types import Case, Pair

if TYPE_CHECKING:
    import torch


class Recipe(msgspec.Struct, frozen=True):
    """How a classifier is tuned.

    `frozen_layers`: the embeddings and so many of the lower layers stay as they are. `rate`:
    the peak learning rate of AdamW, warmed up over a tenth of the steps and then decayed
    linearly to 0.
    """

    epochs: int = 2
    batch: int = 32
    rate: float = 3e-4
    frozen_layers: int = 4
    longest: int = 128
    seed: int = 0


def tune(
    base: Path,
    cases: Sequence[Case],
    classes: Sequence[str],
    recipe: Recipe,
    out: Path,
    told: Callable[[str], None],
) -> None:
    """Tune `base` on the cases' texts and targets, and save it with its tokenizer to `out`.

    The same recipe, cases and machine give the same weights.
    """
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)  # the head is drawn here, dropout later
        tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True)
        module = AutoModelForSequenceClassification.from_pretrained(
            base,
            num_labels=len(classes),
            id2label=dict(enumerate(classes)),
            label2id={name: k for k, name in enumerate(classes)},
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
        )
        _freeze(module, recipe.frozen_layers)
        batches = _batches(tokenizer, cases, classes, recipe)
        train(module, batches, told, rate=recipe.rate, decay=0.01)
    module.eval()
    module.save_pretrained(out)
    tokenizer.save_pretrained(out)


def _freeze(module: Any, layers: int) -> None:
    body = module.base_model
    parts = [body.embeddings, *body.encoder.layer[:layers]]
    for part in parts:
        part.requires_grad_(False)


def _batches(
    tokenizer: Any, cases: Sequence[Case], classes: Sequence[str], recipe: Recipe
) -> list[dict[str, torch.Tensor]]:
    """Every epoch's batches, shuffled by the recipe's seed."""
    import torch

    shuffle = torch.Generator().manual_seed(recipe.seed)
    found = []
    for _ in range(recipe.epochs):
        order = torch.randperm(len(cases), generator=shuffle).tolist()
        for start in range(0, len(order), recipe.batch):
            part = [cases[k] for k in order[start : start + recipe.batch]]
            batch = dict(
                tokenizer(
                    *_sides(part),
                    padding=True,
                    truncation=True,
                    max_length=recipe.longest,
                    return_tensors="pt",
                )
            )
            batch["labels"] = torch.tensor([classes.index(str(c.target)) for c in part])
            found.append(batch)
    return found


def _sides(cases: Sequence[Case]) -> list[list[str]]:
    """The texts, or the first and the second halves where the cases are pairs."""
    pairs = [c.input for c in cases if isinstance(c.input, Pair)]
    if not pairs:
        return [[c.input for c in cases if isinstance(c.input, str)]]
    if len(pairs) < len(cases):
        raise DataError("texts and pairs of texts cannot be tuned on together.")
    return [[p.first for p in pairs], [p.second for p in pairs]]
