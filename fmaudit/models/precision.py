"""A module in float32 beside the one that is served in half precision."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class Float32:
    """The module in float32, made when it is first asked for.

    Args:
        served: the module as it is served, on its device.
        load: gives the weights before they were rounded; without it the rounded ones are taken,
            and only the arithmetic is in float32.
    """

    def __init__(
        self, served: torch.nn.Module, load: Callable[[], torch.nn.Module] | None = None
    ) -> None:
        self._served = served
        self._load = load

    @cached_property
    def module(self) -> torch.nn.Module:
        """The served module itself where all its weights are float32 or wider."""
        import torch

        kinds = {tensor.dtype for tensor in self._served.parameters()}
        if kinds <= {torch.float32, torch.float64}:
            return self._served
        first = next(self._served.parameters())
        full = copy.deepcopy(self._served) if self._load is None else self._load()
        return full.float().to(first.device).eval()
