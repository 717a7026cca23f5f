"""Model adapters: from what a spec names to what answers requests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fmaudit import registry, sources
from fmaudit.errors import ModelError, UserError
from fmaudit.models.base import Handle
from fmaudit.models.language import LanguageHandle, kind_of
from fmaudit.models.weights import adapter_config

if TYPE_CHECKING:
    from fmaudit.spec import ModelSpec


def open_handle(spec: ModelSpec, cache: Path | None = None) -> Handle:
    """The handle of the model that a spec names; its source is fetched, nothing is loaded.

    `cache` is the folder for fetched files, by default the user's. A LoRA adapter is opened over
    `model.base`, or over the base that it names itself where that lies there.

    Raises:
        ModelError, SourceError, UnknownName: with the cure.
    """
    if spec.callable:
        path = Path(spec.python_path) if spec.python_path else None
        return _opened(spec, "callable" if spec.adapter == "auto" else spec.adapter, path)
    if spec.adapter not in ("auto", *FROM_FILES):
        return _opened(spec, spec.adapter, None)
    path = sources.resolve(_revised(spec), cache=cache)
    base = _lora_base(spec, path, cache)
    kind = kind_of(path, base) if spec.adapter == "auto" else spec.adapter
    if kind == "classifier" and path.is_dir() and adapter_config(path) is not None:
        raise ModelError(
            f"model: {path} holds a LoRA adapter of a classifier, and of language models alone is "
            "one read over its base. Merge it (`merge_and_unload` of peft) and save the whole."
        )
    return _opened(spec, kind, path, base)


def open_base(spec: ModelSpec, handle: Handle, cache: Path | None = None) -> Handle | None:
    """The handle of the model before its fine-tuning, for requests `on` "base".

    None where the spec names none and the model is no LoRA adapter, and for models that answer
    with classes: without its head a base gives none.
    """
    if not isinstance(handle, LanguageHandle):
        return None
    path = handle.base
    if path is None:
        path = sources.resolve(spec.base, cache=cache) if spec.base else None
    if path is None:
        return None
    named = spec.base or str(path)
    alone = spec.model_copy(update={"path": named, "base": None, "revision": None})
    under = _lora_base(alone, path, cache)
    kind = kind_of(path, under)
    if kind != handle.kind:
        raise ModelError(
            f"model: base: {named} is a {kind} model, and {spec.path} a {handle.kind} one. Name "
            "the model that it was tuned from."
        )
    return _opened(alone, kind, path, under)


FROM_FILES = ("classifier", "causal", "masked", "seq2seq")
"""Adapters whose models lie in files."""


def _opened(spec: ModelSpec, name: str, path: Path | None, base: Path | None = None) -> Handle:
    adapter = registry.load("adapters", name, "model: adapter")
    more = {"base": base} if base is not None else {}
    handle: Handle = adapter(spec, path, _name(spec, path), **more)
    return handle


def _lora_base(spec: ModelSpec, path: Path, cache: Path | None) -> Path | None:
    """What a LoRA adapter at `path` was tuned from; None where it is none, or that is not there."""
    found = adapter_config(path) if path.is_dir() else None
    if found is None:
        return None
    if spec.base is not None:
        return sources.resolve(spec.base, cache=cache)
    named = str(found.get("base_model_name_or_path") or "")
    for source in (named, f"hub:{named}"):
        try:
            return sources.resolve(source, cache=cache)
        except UserError:
            continue
    return None


def _name(spec: ModelSpec, path: Path | None) -> str:
    """What the report calls the model: its source, or the last part of a local folder."""
    named = spec.path or spec.callable or ""
    return path.name if path is not None and named == str(path) else named


def _revised(spec: ModelSpec) -> str:
    """The model's source with the revision that the spec names apart from it."""
    source = spec.path or ""
    return f"{source}@{spec.revision}" if spec.revision and "@" not in source else source
