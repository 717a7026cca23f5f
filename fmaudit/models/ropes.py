"""Rotary positions that turn by other factors beyond a length (longrope: Phi-3 and its kin).

transformers chooses the factors by the longest row of a batch, its padding included. What stands
on both sides of that length must share no batch: a short text would be read otherwise than alone.
"""

from __future__ import annotations

from typing import Any

NEVER = 1 << 30


def turn_of(module: Any) -> int:
    """How many tokens a row may have before the factors are others; `NEVER` where they stay."""
    config = module.config.get_text_config()
    stated = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    name = "original_max_position_embeddings"
    turns = [
        int(layer.get(name) or getattr(config, name))
        for layer in (stated, *stated.values())  # one for all layers, or one for each kind of them
        if isinstance(layer, dict) and layer.get("rope_type", layer.get("type")) == "longrope"
    ]
    return min(turns, default=NEVER)
