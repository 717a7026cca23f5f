from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fmaudit import catalog
from fmaudit.performance.predictions import predictions, score
from fmaudit.registry import Context, NoParams, load_method
from fmaudit.seeds import Seeds
from fmaudit.stats import measures
from fmaudit.types import Case, Classify, Failure, Logits, Pair, Request, Response

CONTEXT = Context(Seeds(0), classes=("no", "yes"), positive=1)
CASES = [
    Case("1", "good", "yes"),
    Case("2", "bad", "no"),
    Case("3", "broken", "no"),
    Case("4", Pair("good", "bad")),
]


def answer(request: Request) -> Response:
    assert isinstance(request, Classify)
    if request.input == "broken":
        return Failure("NaN logits")
    return Logits((0.0, 2.0) if request.input == "good" else (2.0, 0.0), tokens=3)


def test_one_row_a_case_in_order(drive: Callable[..., Any]) -> None:
    rows = drive(predictions.run(CASES, NoParams(), CONTEXT), answer)
    assert [row.case for row in rows] == CASES
    assert [row.values.get("predicted") for row in rows] == [1, 0, None, 0]
    assert [row.values.get("label") for row in rows] == [1, 0, None, None]
    assert [row.failed for row in rows] == [False, False, True, False]
    assert rows[2].reason == "NaN logits"


def test_it_is_the_registered_method() -> None:
    assert load_method("predictions") is predictions
    assert predictions.needs == {"target": {"classify"}}
    assert predictions.summary.startswith("The predicted class")


def test_no_cases_ask_nothing(drive: Callable[..., Any]) -> None:
    assert drive(predictions.run([], NoParams(), CONTEXT), answer) == []


def test_published_outputs_are_scored_without_an_engine() -> None:
    rows = score(CASES[:2], [Logits((0.0, 1.0)), Logits((0.0, 1.0))], ("no", "yes"))
    assert [row.values["label"] == row.values["predicted"] for row in rows] == [True, False]
    with pytest.raises(ValueError, match="shorter"):
        score(CASES, [Logits((0.0, 1.0))], ("no", "yes"))


def test_the_card_measures_what_the_rows_hold_and_gates_nothing() -> None:
    card = catalog.probe("performance.classification")
    assert load_method(card.method) is predictions
    assert card.gated == 0
    for entry in card.measures:
        assert set(measures.get(entry.measure).columns) <= {*predictions.columns, "group"}
    axes = {axis for entry in card.measures for axis in entry.over}
    assert axes == {"all", "groups", "classes"}
