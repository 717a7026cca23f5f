"""LoRA tuning of a small causal language model, with a fixed seed.

For subjects that fmaudit makes itself (the quickstart's model); not a training library. Low-rank
adapters: Hu et al. (2022), LoRA, https://openreview.net/forum?id=nZeVKeeFYf9.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from fmaudit.errors import DataError, ModelError, UnknownName
from fmaudit.models.folders import quiet
from fmaudit.models.weights import weights_of
from fmaudit.training import train

NO_LABEL = -100  # what the loss leaves out
WINDOW = 8  # batches within which texts of like length are put together
LEAST = {"rank": 1, "alpha": 1, "upper": 0, "epochs": 1, "batch": 1, "longest": 3, "seed": 0}


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a model is tuned.

    The linear layers named `modules` of the `upper` layers (0: of all) get adapters of this `rank`,
    scaled by `alpha` / `rank`; all else stays as it is. `rate`: the peak learning rate of AdamW,
    warmed up over a tenth of the steps and then decayed linearly to 0. `longest`: the tokens of a
    text that are learnt, its end token among them.
    """

    rank: int = 32
    alpha: int = 32
    modules: tuple[str, ...] = (
        "q_proj",
        "k_proj",
        "v_proj",
        "o_proj",
        "gate_proj",
        "up_proj",
        "down_proj",
    )
    upper: int = 15
    epochs: int = 2
    batch: int = 8
    rate: float = 3e-3
    longest: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError that names the key."""
        for key, least in LEAST.items():
            if getattr(self, key) < least:
                raise ValueError(f"{key}: {getattr(self, key)}; must be at least {least}")
        if not 0 < self.rate < 1:
            raise ValueError(f"rate: {self.rate}; must lie between 0 and 1")
        if not self.modules:
            raise ValueError("modules: an empty list; name the layers that get adapters")


def tune(
    base: Path,
    texts: Sequence[str],
    recipe: Recipe,
    out: Path,
    told: Callable[[str], None],
    *,
    source: str = "",
) -> None:
    """Tune `base` on the texts, and save adapter and tokenizer to `out` as peft reads them.

    A text that stands there twice is seen twice an epoch. The same recipe, texts and machine give
    the same weights, in float32. `source` is what the adapter says that it was tuned from (where
    empty: the path).

    Raises:
        DataError: there is no text, or one without a token to predict.
        ModelError: `base` is no causal language model, or has no end token.
        UnknownName: a module of the recipe that the model has not.
    """
    import torch

    with torch.random.fork_rng(), quiet():
        torch.manual_seed(recipe.seed)  # the adapters' first values are drawn here
        weights = weights_of(base)
        tokenizer = weights.tokenizer()
        batches = _batches(_tokens(tokenizer, texts, recipe), recipe)
        module = _adapted(weights.module("AutoModelForCausalLM", torch.float32), recipe)
        fields = [{**_fields(batch), "use_cache": False} for batch in batches]
        train(module, fields, told, rate=recipe.rate, decay=0.0, half=native_bfloat16())
        module.eval()
        module.peft_config["default"].base_model_name_or_path = source or str(base)
        module.save_pretrained(out, save_embedding_layers=False)
        tokenizer.save_pretrained(out)


def native_bfloat16() -> bool:
    """Whether this machine's processor multiplies in bfloat16; elsewhere it is slower."""
    import torch

    tell = getattr(torch.cpu, "get_capabilities", dict)  # older torch does not know
    found: Mapping[str, Any] = tell()
    return any(bool(found.get(name)) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def _adapted(module: Any, recipe: Recipe) -> Any:
    """The module with adapters, which alone are trained."""
    import torch
    from peft import LoraConfig, get_peft_model

    linear = {
        name.rpartition(".")[2]
        for name, part in module.named_modules()
        if isinstance(part, torch.nn.Linear)
    }
    for name in recipe.modules:
        if name not in linear:
            raise UnknownName("linear layer", name, linear, "recipe: modules")
    layers = module.config.num_hidden_layers
    upper = list(range(max(0, layers - recipe.upper), layers)) if recipe.upper else None
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        target_modules=list(recipe.modules),
        layers_to_transform=upper,
        task_type="CAUSAL_LM",
    )
    with warnings.catch_warnings():  # peft reads a name that transformers is about to drop
        warnings.simplefilter("ignore", FutureWarning)
        return get_peft_model(module, config)


def _tokens(tokenizer: Any, texts: Sequence[str], recipe: Recipe) -> list[list[int]]:
    """Each text's tokens, the end token last."""
    if not texts:
        raise DataError("there is no text to tune a model on.")
    end = tokenizer.eos_token_id
    if end is None:
        raise ModelError("the tokenizer names no end token, which texts are to be closed with.")
    read = tokenizer(list(texts), truncation=True, max_length=recipe.longest - 1)["input_ids"]
    found = [[*ids, end] for ids in read]
    short = [text for text, ids in zip(texts, found, strict=True) if len(ids) < 2]
    if short:
        raise DataError(f"the text {short[0]!r} has no token to tune a model on.")
    return found


def _batches(rows: Sequence[Sequence[int]], recipe: Recipe) -> list[list[Sequence[int]]]:
    """Every epoch's batches, shuffled by the recipe's seed, with little to fill up in any."""
    import torch

    shuffle = torch.Generator().manual_seed(recipe.seed)
    found: list[list[Sequence[int]]] = []
    for _ in range(recipe.epochs):
        order = torch.randperm(len(rows), generator=shuffle).tolist()
        part: list[list[Sequence[int]]] = []
        for window in _cut(order, recipe.batch * WINDOW):
            alike = sorted(window, key=lambda k: len(rows[k]))
            part += [[rows[k] for k in batch] for batch in _cut(alike, recipe.batch)]
        found += [part[k] for k in torch.randperm(len(part), generator=shuffle).tolist()]
    return found


def _cut(items: Sequence[int], size: int) -> list[Sequence[int]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _fields(batch: Sequence[Sequence[int]]) -> dict[str, Any]:
    """One batch as tensors (rows, longest row); what fills a row up is neither read nor learnt."""
    import torch

    longest = max(map(len, batch))
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    read = torch.zeros_like(ids)
    labels = torch.full_like(ids, NO_LABEL)
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens)] = labels[row, : len(tokens)] = torch.tensor(tokens)
        read[row, : len(tokens)] = 1
    return {"input_ids": ids, "attention_mask": read, "labels": labels}
