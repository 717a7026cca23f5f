"""How many tokens a model reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

LONGEST = 1_000_000  # tokenizers without a limit report about 1e30


def window_of(module: torch.nn.Module, tokenizer: Any) -> int:
    """The most tokens that both can do with; 512 where neither says."""
    limits = []
    stated = getattr(tokenizer, "model_max_length", None)
    if stated and stated < LONGEST:
        limits.append(int(stated))
    config = getattr(module, "config", None)
    positions = getattr(config, "max_position_embeddings", None)
    if positions and positions > 0:
        limits.append(int(positions) - _position_offset(module))
    return min(limits, default=512)


def _position_offset(module: torch.nn.Module) -> int:
    """RoBERTa and its kin count positions from `padding_idx` + 1: those slots are not usable."""
    for name, part in module.named_modules():
        padding = getattr(part, "padding_idx", None)
        if name.endswith("position_embeddings") and padding is not None:
            return int(padding) + 1
    return 0
