"""The paths that a spec names, made absolute, so that a resolved spec can be run from anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fmaudit.errors import UserError
from fmaudit.sources import anchor, parse, resolve
from fmaudit.specparts import ModelSpec

_SOURCED = ("auto", "classifier", "causal", "masked", "seq2seq")
"""Adapters whose models are sources; another may name them in its own way ("fake:fair")."""


def base_is_there(model: ModelSpec, where: str) -> None:
    """Raise `SourceError` where the base's path leads nowhere, and the model's does not.

    Of a model that is not there itself, whoever opens it tells; one that is in memory has no path.
    """
    if model.base is None or model.path is None or model.adapter not in _SOURCED:
        return
    own = parse(model.path)
    if parse(model.base).scheme == "file" and (own.scheme != "file" or Path(own.name).exists()):
        resolve(model.base, where=where)


def anchored_record(record: str | None, folder: Path, where: str) -> str | None:
    """A sentence as it is; the path of a file made absolute."""
    if record is None or not record.startswith("file:"):
        return record
    return f"file:{anchor(record, folder, where)}"


def anchored_model(model: ModelSpec, folder: Path, where: str) -> ModelSpec:
    """A model with its paths made absolute."""
    found: dict[str, Any] = {
        key: absolute(getattr(model, key), folder, f"{where}.{key}", model)
        for key in ("path", "base")
    }
    if model.callable is not None:
        found["python_path"] = str(folder / (model.python_path or ""))
    return model.model_copy(update=found)


def absolute(
    source: str | None, folder: Path, where: str, model: ModelSpec | None = None
) -> str | None:
    """A source with an absolute path; as it is where the model's adapter has names of its own."""
    if source is None:
        return None
    try:
        return anchor(source, folder, where)
    except UserError:
        if model is not None and model.adapter not in _SOURCED:
            return source
        raise
