"""`fmaudit models list | show | check | fetch`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
) -> None:
    """Load a model as an audit would, and print what was found."""
    import msgspec

    from fmaudit import spec
    from fmaudit.cli.shown import show_json
    from fmaudit.models import open_handle

    names = [name.strip() for name in labels.split(",") if name.strip()] or None
    key = "callable" if names and not Path(model).exists() else "path"
    chosen = spec.from_mapping(
        {"model": {key: model, "labels": names}, "data": {"source": "file:none", "text": "text"}},
        "models check",
    )
    loaded = open_handle(chosen.model).load()
    show_json(msgspec.to_builtins(loaded.facts) | {"capabilities": sorted(loaded.capabilities)})


@app.command()
def fetch(source: Annotated[str, typer.Argument(help="hub:…, pypi:… or https:…")]) -> None:
    """Fetch a model, so that an audit needs no network."""
    from fmaudit import sources

    print(sources.resolve(source))
