"""`fmaudit datasets list | show | check | fetch`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The datasets: list, show, check, fetch.", no_args_is_help=True)


@app.command("list")
def list_() -> None:
    """The dataset cards, with their licences."""
    from fmaudit import catalog
    from fmaudit.cli.shown import show_table

    cards = catalog.datasets().values()
    show_table(
        ("dataset", "title", "kind", "licence", "files"),
        ((c.id, c.title, c.kind, c.licence, len(c.files)) for c in cards),
    )


@app.command()
def show(dataset: Annotated[str, typer.Argument(help="A dataset's id.")]) -> None:
    """A dataset's whole card."""
    import yaml

    from fmaudit import catalog

    card = catalog.dataset(dataset)
    print(yaml.safe_dump(card.model_dump(mode="json"), sort_keys=False, allow_unicode=True))


@app.command()
def check(
    folder: Annotated[
        Path | None, typer.Argument(help="A folder with your own probes/ and datasets/.")
    ] = None,
) -> None:
    """Check every dataset card, the files on this machine and the templates beside it.

    Nothing is fetched: files that lie elsewhere are checked when they are.
    """
    from fmaudit import catalog
    from fmaudit.data import opening
    from fmaudit.data.tables import WRITTEN

    extra = [folder] if folder else []
    cards = catalog.datasets(extra)
    for card in cards.values():
        for file in card.files:
            if all(s.startswith("file:") for s in (file.source, file.beside) if s):
                opening.fetch(file, card)
        if card.format in WRITTEN:
            opening.check_templates(card, extra)
    own = [c.id for c in cards.values() if folder and c.file.is_relative_to(folder)]
    print(f"{len(cards)} dataset cards are in order{', yours: ' if own else '.'}{', '.join(own)}")


@app.command()
def fetch(dataset: Annotated[str, typer.Argument(help="A dataset's id.")]) -> None:
    """Fetch a dataset's files and check their digests, so that an audit needs no network."""
    from fmaudit import catalog
    from fmaudit.data import opening

    card = catalog.dataset(dataset)
    for file in card.files:
        for path in opening.fetch(file, card):
            if path is not None:
                print(path)
