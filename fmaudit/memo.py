"""Finished work, remembered: a rerun repeats no bootstrap and loads no model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from fmaudit import evidence
from fmaudit.engine.cache import Cache
from fmaudit.engine.floor import Floor
from fmaudit.models.base import Facts, Model
from fmaudit.types import Coverage, Finding, decode, digest, encode

T = TypeVar("T")
Result = tuple[list[Finding], Coverage]


class _Known(msgspec.Struct, frozen=True):
    facts: Facts
    capabilities: list[str]


class _Kept(msgspec.Struct, frozen=True):
    evidence: list[str]
    findings: list[Finding]
    coverage: Coverage


class Memo:
    """What this machine has finished under this code, kept in the model's cache.

    Args:
        cache: where it is kept.
        base: what every key holds beside its own parts: the code and the machine.
    """

    def __init__(self, cache: Cache, base: Sequence[str]) -> None:
        self._cache = cache
        self._base = list(base)

    def facts(self, key: str, load: Callable[[], Model]) -> tuple[Facts, frozenset[str]]:
        """What is known of the model, loading it only the first time.

        A model without a digest (`key` is "") is always loaded.
        """
        if not key:
            model = load()
            return model.facts, model.capabilities

        def look() -> _Known:
            model = load()
            return _Known(model.facts, sorted(model.capabilities))

        known = self._once(["facts", key], _Known, look)
        return known.facts, frozenset(known.capabilities)

    def floor(self, where: Sequence[Any], measure: Callable[[], Floor]) -> Floor:
        """The noise floor of this model on these data."""
        return self._once(["floor", *where], Floor, measure)

    def probe(self, key: str, paths: Sequence[Path]) -> Result | None:
        """A finished probe's result, where its evidence still stands as it was written."""
        stored = self._cache.memo(self._key(["probe", key]))
        if stored is None:
            return None
        kept = decode(stored, _Kept)
        if not kept.evidence[0] or _digests(paths) != kept.evidence:
            return None
        return kept.findings, kept.coverage

    def keep(self, key: str, paths: Sequence[Path], result: Result) -> None:
        """Remember a finished probe beside the digests of its evidence, the served one first."""
        kept = _Kept(_digests(paths), *result)
        self._cache.remember(self._key(["probe", key]), encode(kept))

    def _once(self, parts: Sequence[Any], kind: type[T], compute: Callable[[], T]) -> T:
        key = self._key(parts)
        stored = self._cache.memo(key)
        if stored is not None:
            return decode(stored, kind)
        found = compute()
        self._cache.remember(key, encode(found))
        return found

    def _key(self, parts: Sequence[Any]) -> str:
        return digest([*self._base, *parts])


def _digests(paths: Sequence[Path]) -> list[str]:
    """sha256 of each file, "" of one that is not there."""
    return [evidence.file_digest(path) if path.is_file() else "" for path in paths]
