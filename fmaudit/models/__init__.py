"""Model adapters: from what a spec names to what answers requests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fmaudit import registry, sources
from fmaudit.models.base import Handle

if TYPE_CHECKING:
    from fmaudit.spec import ModelSpec


def open_handle(spec: ModelSpec, cache: Path | None = None) -> Handle:
    """The handle of the model that a spec names; its source is fetched, nothing is loaded.

    `cache` is the folder for fetched files, by default the user's.

    Raises:
        ModelError, SourceError, UnknownName: with the cure.
    """
    name = spec.adapter
    if name == "auto":
        name = "callable" if spec.callable else "classifier"
    adapter = registry.load("adapters", name, "model: adapter")
    path: Path | None = None
    if spec.callable:
        path = Path(spec.python_path) if spec.python_path else None
    elif name == "classifier":
        path = sources.resolve(_revised(spec), cache=cache)
    handle: Handle = adapter(spec, path, _name(spec, path))
    return handle


def _name(spec: ModelSpec, path: Path | None) -> str:
    """What the report calls the model: its source, or the last part of a local folder."""
    named = spec.path or spec.callable or ""
    return path.name if path is not None and named == str(path) else named


def _revised(spec: ModelSpec) -> str:
    """The model's source with the revision that the spec names apart from it."""
    source = spec.path or ""
    return f"{source}@{spec.revision}" if spec.revision and "@" not in source else source
