"""`fmaudit probes list | show | check`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fmaudit.cards import ProbeCard

MODELS = {
    "classifier": "classifiers",
    "masked": "masked",
    "language": "language",
    "any": "any with hidden states",
}


class Models(StrEnum):
    """A kind of model that probes are for."""

    classifier = "classifier"
    language = "language"
    masked = "masked"


app = typer.Typer(help="The probes: list, show, check.", no_args_is_help=True)


@app.command("list")
def list_(
    family: Annotated[str, typer.Argument(help="Only this family.")] = "",
    models: Annotated[
        Models | None, typer.Option(help="Only what runs on models of this kind.")
    ] = None,
) -> None:
    """What there is to measure: of which models, on what data, what gates and what it costs."""
    from fmaudit import catalog, registry
    from fmaudit.cli.shown import show_table

    cards = catalog.select([family] if family else None)
    kinds = {c.id: registry.load_method(c.method).kind for c in cards}
    wanted = (models, "any") if models else tuple(MODELS)
    show_table(
        ("probe", "title", "models", "gated", "data", "cost"),
        (
            (c.id, c.title, MODELS[kinds[c.id]], c.gated, _data(c), c.cost)
            for c in cards
            if kinds[c.id] in wanted
        ),
    )


def _data(card: ProbeCard) -> str:
    """Whose cases a probe tries; of a set of its own the licence, and whether it is to fetch."""
    if card.data.card is None:
        return "yours"
    from fmaudit import catalog
    from fmaudit.ownsets import at_hand

    own = catalog.dataset(card.data.card)
    return f"{own.id} ({own.licence}){'' if at_hand(own) else ', to fetch'}"


@app.command()
def show(probe: Annotated[str, typer.Argument(help="A probe's id.")]) -> None:
    """A probe's whole card."""
    import yaml

    from fmaudit import catalog, measured, registry
    from fmaudit.reporting.measured import sentence

    card = catalog.probe(probe)
    method = registry.load_method(card.method)
    print(yaml.safe_dump(card.model_dump(mode="json"), sort_keys=False, allow_unicode=True))
    print(f"method: {method.summary}")
    known = measured.known(card, method)
    for figure in known.found.figures if known else ():
        print(f"{figure.measure} {figure.op} {figure.value:g}: {sentence(figure.error(False))}")
    for reason in known.stale if known else ():
        print(f"stale: {reason}")
    if card.gated and known is None:
        print("How often its rules err has not been measured.")


@app.command()
def check(
    folder: Annotated[
        Path | None, typer.Argument(help="A folder with your own probes/ and datasets/.")
    ] = None,
) -> None:
    """Check every card, its method, its parameters and its measures."""
    from fmaudit import catalog
    from fmaudit.matching import check as checked

    extra = [folder] if folder else []
    cards = catalog.probes(extra)
    for card in cards.values():
        checked(card, extra)
    own = [c.id for c in cards.values() if folder and c.file.is_relative_to(folder)]
    print(f"{len(cards)} probe cards are in order{', yours: ' if own else '.'}{', '.join(own)}")
