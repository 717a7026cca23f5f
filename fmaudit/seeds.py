"""Randomness by name: a generator from the audit's seed and a stable key.

The key names what the draw is for (a probe, a case id, a measure), never where or when it
is made, so that order, chunks and workers cannot change a figure.
"""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np


class Seeds(msgspec.Struct, frozen=True):
    """The audit's seed, and a path of names below it.

    >>> a = Seeds(7).rng("bias", "case-1").integers(100)
    >>> b = Seeds(7).child("bias").rng("case-1").integers(100)
    >>> bool(a == b)
    True
    """

    audit: int
    path: tuple[str, ...] = ()

    def child(self, *names: str) -> Seeds:
        """The same seed, deeper: ``seeds.child(a).rng(b)`` is ``seeds.rng(a, b)``."""
        return Seeds(self.audit, (*self.path, *names))

    def rng(self, *names: str) -> np.random.Generator:
        """A fresh generator for these names; the same names give the same stream."""
        words = (str(self.audit), *self.path, *names)
        digest = hashlib.sha256(msgspec.json.encode(words)).digest()
        return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little")))
