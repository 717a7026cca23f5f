"""Which models are in memory at once: all, where they fit, else one after the other.

A second model is loaded beside the first where there is room for its weights and as much again to
work in; where there is not, the others are let go. They are loaded again when they are asked for.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

ROOM = 2.0
"""How much of a model's weights must be free for it to be loaded beside another."""


class Resident(Protocol):
    """What holds a model's weights and can let go of them."""

    def release(self) -> None:
        """Let go of the weights."""
        ...


def free_memory() -> int | None:
    """Bytes that are free where models are put: on the accelerator, else in the machine.

    None where nobody says.
    """
    import torch

    if torch.cuda.is_available():
        free, _ = torch.cuda.mem_get_info()
        return int(free)
    file = Path("/proc/meminfo")
    if file.is_file():
        for line in file.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


class Residents:
    """Who is in memory.

    Args:
        free: bytes that are free now, None where that is not known.
    """

    def __init__(self, free: Callable[[], int | None] = free_memory) -> None:
        self._free = free
        self._inside: list[Resident] = []

    def admit(self, newcomer: Resident, footprint: int) -> None:
        """Make room for a model whose weights take `footprint` bytes; none where that is 0."""
        others = [one for one in self._inside if one is not newcomer]
        if others and footprint:
            free = self._free()
            if free is not None and free < ROOM * footprint:
                for other in others:
                    other.release()
                others = []
                _swept()
        self._inside = [*others, newcomer]


def _swept() -> None:
    """Give back what was let go, so that the next model finds it free."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
