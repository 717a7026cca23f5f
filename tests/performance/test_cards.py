"""What the cards for language models show is what their methods write."""

from __future__ import annotations

import msgspec
import pytest

from fmaudit import catalog
from fmaudit.registry import load_method
from fmaudit.reporting.exhibits.recipes import Recipe

CARDS = [
    card
    for card in catalog.probes().values()
    if card.family == "performance" and "classify" not in load_method(card.method).needs["target"]
]


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_examples_name_columns_that_the_method_writes(card: catalog.ProbeCard) -> None:
    written = {*load_method(card.method).columns, "case", "variant", "target", "input"}
    for shown in card.exhibits:
        if shown.kind == "examples":
            recipe = msgspec.convert(shown.options, Recipe)
            assert {*recipe.read, *recipe.where, *recipe.labels} <= written


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_views_of_figures_name_figures_that_the_card_has(card: catalog.ProbeCard) -> None:
    axes: dict[str, set[str]] = {}
    for entry in card.measures:
        axes.setdefault(entry.measure, set()).update(entry.over)
    for shown in card.exhibits:
        if shown.kind == "forest":
            over = shown.options["over"]
            wanted = {over} if isinstance(over, str) else set(over)
            assert wanted <= axes[shown.options["measure"]]


def test_there_are_three() -> None:
    assert len(CARDS) == 3
