from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fmaudit import catalog
from fmaudit.bias.conditional_outcomes import (
    NO_CONTROL,
    ControlParams,
    conditional_outcomes,
)
from fmaudit.matching import check
from fmaudit.registry import Context
from fmaudit.seeds import Seeds
from fmaudit.types import Case, Failure, Logits

CONTEXT = Context(Seeds(0), classes=("no", "yes"), positive=1)


def test_rows_name_the_control(drive: Callable[..., Any]) -> None:
    cases = [
        Case("1", "a", "yes", {"sex": "F", "education": "college"}),
        Case("2", "b", "yes", {"sex": "F"}),
        Case("3", "c", None, {"sex": "F", "education": "college"}),
        Case("4", "d", "no", {"sex": "M", "education": "none"}),
    ]
    rows = drive(
        conditional_outcomes.run(cases, ControlParams("education"), CONTEXT),
        lambda r: Failure("gone") if r.input == "d" else Logits((0.0, 1.0)),
    )
    assert [row.values.get("predicted") for row in rows] == [1, None, None, None]
    assert rows[0].values["control"] == "college"
    assert rows[1].reason == "the case has no value of education"
    assert "no label" in rows[2].reason
    assert (rows[3].failed, rows[3].reason) == (True, "gone")
    assert rows[3].values == {"control": "none"}


def test_without_a_control_nothing_is_asked(drive: Callable[..., Any]) -> None:
    def answer(_: Any) -> Any:
        raise AssertionError("nothing is to be asked")

    cases = [Case("1", "a", "yes", {"sex": "F"})]
    rows = drive(conditional_outcomes.run(cases, ControlParams(), CONTEXT), answer)
    assert [(row.reason, row.failed) for row in rows] == [(NO_CONTROL, False)]


def test_the_card_gates_nothing() -> None:
    card = catalog.probe("bias.conditional_outcomes")
    assert check(card) is conditional_outcomes
    assert card.gated == 0
