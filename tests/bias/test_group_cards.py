"""The cards of group fairness that only measure."""

from __future__ import annotations

import pytest

from fmaudit import catalog
from fmaudit.matching import check
from fmaudit.stats import measures

CARDS = (
    "group_errors",
    "group_scores",
    "group_numbers",
    "adverse_impact",
    "conditional_outcomes",
    "local_law_144",
)


@pytest.mark.parametrize("name", CARDS)
def test_nothing_gates_and_everything_is_there(name: str) -> None:
    card = catalog.probe(f"bias.{name}")
    check(card)
    assert card.gated == 0
    shown = {m for e in card.exhibits for m in _named(e.options)}
    assert shown <= {entry.measure for entry in card.measures}


@pytest.mark.parametrize("name", CARDS)
def test_a_figure_that_compares_groups_is_taken_over_attributes(name: str) -> None:
    for entry in catalog.probe(f"bias.{name}").measures:
        compares = "group" in measures.get(entry.measure).columns
        assert compares == (set(entry.over) <= {"attributes", "crossed"}), entry.measure


def _named(options: dict[str, object]) -> list[str]:
    many = options.get("measures", [])
    one = options.get("measure")
    assert isinstance(many, list)
    return [*many, *([str(one)] if one else [])]
