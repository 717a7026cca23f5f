"""Memory that runs out, told apart from what is broken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fmaudit.errors import OutOfMemory


@contextmanager
def fitting() -> Iterator[None]:
    """Turn torch's errors of too little memory, on any device, into `OutOfMemory`."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(str(error)) from error
    except RuntimeError as error:
        if "allocate memory" in str(error):
            raise OutOfMemory(str(error)) from error
        raise
