"""`fmaudit models list | show | check | fetch`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fmaudit.models.base import Model

app = typer.Typer(help="The model adapters: list, show, check, fetch.", no_args_is_help=True)


@app.command("list")
def list_() -> None:
    """The adapters: what kinds of model can be audited."""
    from fmaudit import registry
    from fmaudit.cli.shown import show_table

    show_table(("adapter", "where"), sorted(registry.known("adapters").items()))


@app.command()
def show(adapter: Annotated[str, typer.Argument(help="An adapter's name.")]) -> None:
    """What an adapter reads."""
    import importlib
    import inspect

    from fmaudit import registry

    opened = registry.load("adapters", adapter)
    print(inspect.getdoc(importlib.import_module(opened.__module__)))


@app.command()
def check(
    model: Annotated[str, typer.Argument(help="A folder, hub:…, pypi:… or package.module:f.")],
    labels: Annotated[str, typer.Option(help="Class names of a callable, with commas.")] = "",
    base: Annotated[
        str | None, typer.Option(help="The model before fine-tuning, as `model.base` of a spec.")
    ] = None,
) -> None:
    """Load a model as an audit would, its base after it, and print what was found."""
    from fmaudit import spec
    from fmaudit.cli.shown import show_json
    from fmaudit.models import open_base, open_handle

    names = [name.strip() for name in labels.split(",") if name.strip()] or None
    key = "callable" if names and not Path(model).exists() else "path"
    chosen = spec.from_mapping(
        {
            "model": {key: model, "labels": names, "base": base},
            "data": {"source": "file:none", "text": "text"},
        },
        "models check",
    )
    handle = open_handle(chosen.model)
    before = open_base(chosen.model, handle)
    found = _told(handle.load())
    if before is not None:
        beside = _told(before.load())
        same = beside["tokenizer"] == found["tokenizer"]
        chat = beside["chat"] and found["chat"]
        found["before"] = beside | {"chat": chat, "same_tokenizer": same}
    elif base is not None:
        print(
            "fmaudit: a model that answers with classes is asked without its base.", file=sys.stderr
        )
    show_json(found)


def _told(model: Model) -> dict[str, Any]:
    """What a loaded model says of itself; it is let go of before another is loaded."""
    import msgspec

    facts: dict[str, Any] = msgspec.to_builtins(model.facts)
    return facts | {"capabilities": sorted(model.capabilities)}


@app.command()
def fetch(source: Annotated[str, typer.Argument(help="hub:…, pypi:… or https:…")]) -> None:
    """Fetch a model, so that an audit needs no network."""
    from fmaudit import sources

    print(sources.resolve(source))
