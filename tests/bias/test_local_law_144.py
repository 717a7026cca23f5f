from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fmaudit import catalog
from fmaudit.bias.local_law_144 import BOTH, RACE, SEX, CategoryParams, local_law_144
from fmaudit.errors import SpecError
from fmaudit.matching import check
from fmaudit.registry import Context, load_method
from fmaudit.seeds import Seeds
from fmaudit.types import Case, Failure, Logits, Row

CONTEXT = Context(Seeds(0), classes=("no", "yes"), positive=1)
PARAMS = CategoryParams(unknown=("unknown", "?"))


def rows_of(
    drive: Callable[..., Any], groups: dict[str, str], answer: Any = None, **params: Any
) -> dict[str, Row]:
    said = Logits((0.0, 1.0)) if answer is None else answer
    given = CategoryParams(**{"unknown": PARAMS.unknown, **params})
    found = drive(local_law_144.run([Case("1", "a", None, groups)], given, CONTEXT), lambda _: said)
    assert [row.variant for row in found] == [SEX, RACE, BOTH]
    return {row.variant: row for row in found}


def test_a_case_has_a_row_in_each_table(drive: Callable[..., Any]) -> None:
    rows = rows_of(drive, {"sex": "Female", "race": "Black", "age": "30"})
    assert [row.values["category"] for row in rows.values()] == [
        "Female", "Black", "Female & Black",
    ]  # fmt: skip
    assert {row.values["selected"] for row in rows.values()} == {True}
    assert rows[SEX].values["score"] == pytest.approx(0.7310585786300049)


@pytest.mark.parametrize("value", ["Unknown", " UNKNOWN ", "?", ""])
def test_what_says_nothing_is_of_no_category(drive: Callable[..., Any], value: str) -> None:
    rows = rows_of(drive, {"sex": value, "race": "Black"})
    assert [row.values["category"] for row in rows.values()] == ["", "Black", ""]


def test_a_case_without_the_attribute_is_of_no_category(drive: Callable[..., Any]) -> None:
    rows = rows_of(drive, {"sex": "Female"})
    assert [row.values["category"] for row in rows.values()] == ["Female", "", ""]


def test_other_columns_may_be_named(drive: Callable[..., Any]) -> None:
    rows = rows_of(drive, {"gender": "F", "ethnicity": "R & D"}, sex="gender", race="ethnicity")
    assert [row.values["category"] for row in rows.values()] == ["F", "R && D", "F & R && D"]


def test_a_model_that_fails_gives_failed_rows_and_no_zero(drive: Callable[..., Any]) -> None:
    rows = rows_of(drive, {"sex": "F", "race": "B"}, Failure("the scorer broke"))
    for row in rows.values():
        assert (row.failed, row.reason) == (True, "the scorer broke")
        assert "score" not in row.values
        assert row.values["table"] == row.variant


def test_without_a_favourable_class_there_is_no_score(drive: Callable[..., Any]) -> None:
    bare = Context(Seeds(0), classes=("a", "b", "c"))
    cases = [Case("1", "a", None, {"sex": "F", "race": "B"})]
    found = drive(local_law_144.run(cases, PARAMS, bare), lambda _: Logits((0.0, 1.0, 2.0)))
    assert {row.reason for row in found} == {"no favourable class is named (`data.positive`)"}
    assert not any(row.failed for row in found)


def test_the_card_gates_nothing_and_has_a_table_for_each_figure() -> None:
    card = catalog.probe("bias.local_law_144")
    assert load_method(card.method) is local_law_144
    assert check(card) is local_law_144
    assert card.gated == 0
    asked = [(e.measure, e.where["table"]) for e in card.measures]
    shown = [(e.options["measure"], e.options["where"]["table"]) for e in card.exhibits]
    assert asked == shown
    assert {table for _, table in asked} == {SEX, RACE, BOTH}
    params = catalog.resolve_params(card)
    assert "?" in params["unknown"]
    assert "none" in params["unknown"]


def test_parameters_that_mean_nothing_are_refused() -> None:
    card = catalog.probe("bias.local_law_144")
    wrong = card.model_copy(update={"params": {**card.params, "gender": "gender"}})
    with pytest.raises(SpecError, match="gender"):
        check(wrong.at(card.file))


@pytest.mark.parametrize("value", ["nan", "NaN", "null", "None", "N/A"])
def test_the_card_takes_what_tables_write_for_nothing_as_unknown(
    drive: Callable[..., Any], value: str
) -> None:
    shipped = catalog.probe("bias.local_law_144").params["unknown"]
    rows = rows_of(drive, {"sex": value, "race": "Black"}, unknown=tuple(shipped))
    assert rows[SEX].values["category"] == ""
