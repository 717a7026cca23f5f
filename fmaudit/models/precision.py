"""What a module is served in, and the module in float32 beside it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from fmaudit.errors import ModelError

if TYPE_CHECKING:
    import torch


def served(module: torch.nn.Module) -> torch.dtype:
    """The coarsest floating dtype of a module's parameters: what its answers are rounded to.

    One half-precision layer rounds what all others computed. float32 where none is floating.
    """
    import torch

    kinds = {tensor.dtype for tensor in module.parameters() if tensor.dtype.is_floating_point}
    return max(kinds, key=_step, default=torch.float32)


def check_logits(logits: torch.Tensor, weights: torch.dtype, name: str) -> None:
    """See that a module does not round more coarsely than its weights say.

    Where it does (`torch.autocast` in `forward`, a cast), its module in float32 would round as
    well, and nothing could be told of the rounding. Autocast whose logits are cast back to
    float32 cannot be seen here.

    Raises:
        ModelError: the logits are of a coarser dtype than weights and float32 are.
    """
    import torch

    found = logits.dtype
    if found.is_floating_point and _step(found) > max(_step(weights), _step(torch.float32)):
        raise ModelError(
            f"{name}: its weights are in {_name(weights)}, but its logits come in {_name(found)}: "
            "it changes the dtype on its way (torch.autocast, or a cast), so that it cannot be "
            f"compared with float32. Give the module without that, converted with "
            f"`.to(torch.{_name(found)})` where it is to be audited in {_name(found)}."
        )


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

        if served(self._served) in (torch.float32, torch.float64):
            return self._served
        first = next(self._served.parameters())
        full = copy.deepcopy(self._served) if self._load is None else self._load()
        return full.float().to(first.device).eval()


def _step(dtype: torch.dtype) -> float:
    """The relative distance of two neighbours around 1."""
    import torch

    return torch.finfo(dtype).eps


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
