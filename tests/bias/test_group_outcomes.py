from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fmaudit import catalog
from fmaudit.bias.group_outcomes import group_outcomes
from fmaudit.registry import Context, NoParams, load_method
from fmaudit.seeds import Seeds
from fmaudit.stats import measures
from fmaudit.types import Case, Failure, Logits

CONTEXT = Context(Seeds(0), classes=("no", "yes"), positive=1)


def test_rows_for_cases_with_a_label_and_a_group(drive: Callable[..., Any]) -> None:
    cases = [
        Case("1", "a", "yes", {"sex": "F"}),
        Case("2", "b", None, {"sex": "F"}),
        Case("3", "c", "no"),
        Case("4", "d", "no", {"sex": "M"}),
    ]
    rows = drive(
        group_outcomes.run(cases, NoParams(), CONTEXT),
        lambda r: Failure("gone") if r.input == "d" else Logits((0.0, 1.0)),
    )
    assert [row.values.get("predicted") for row in rows] == [1, None, None, None]
    assert "no label" in rows[1].reason
    assert "no group" in rows[2].reason
    assert rows[3].reason == "gone"
    assert [row.failed for row in rows] == [False, False, False, True]


def test_the_card_gates_the_two_error_rate_gaps_over_attributes() -> None:
    card = catalog.probe("bias.group_outcomes")
    assert load_method(card.method) is group_outcomes
    gated = {e.measure: (e.over, e.rule, e.minimum_n) for e in card.measures if e.rule}
    assert set(gated) == {"equal_opportunity_difference", "false_positive_rate_difference"}
    for over, rule, minimum in gated.values():
        assert over == ("attributes",)
        assert (rule.op, rule.value, rule.origin) == ("<=", 0.10, "default")
        assert minimum == 50
    for entry in card.measures:
        assert set(measures.get(entry.measure).columns) <= {*group_outcomes.columns, "group"}
