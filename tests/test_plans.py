from __future__ import annotations

import pytest

from fmaudit.cards import ProbeCard
from fmaudit.data.cases import Survey
from fmaudit.plans import MOST_EMPTY, Universe, finding, gated, plan, universe
from fmaudit.types import Rule

SURVEY = Survey(
    rows=6,
    labels={"no": 3, "yes": 3},
    groups={"sex": {"M": 3, "F": 3}, "race": {"B": 2, "A": 3}},
    ungrouped={"sex": 0, "race": 1},
    cells={("sex", "race"): frozenset({("M", "B"), ("F", "A"), ("M", "A")})},
)
BINARY = universe(SURVEY, ("no", "yes"), 1)
THREE = Universe(BINARY.groups, BINARY.cells, ("no", "yes", "maybe"), 1)
RULE = {"op": "<=", "value": 0.1}


def card(*measures: dict[str, object]) -> ProbeCard:
    return ProbeCard.model_validate(
        {
            "id": "test.card",
            "title": "A title",
            "claim": "A claim.",
            "method": "predictions",
            "measures": measures,
            "harm": "A harm.",
            "citation": [{"text": "A paper"}],
            "controls": ["nist-ai-rmf:MEASURE-2.11"],
        }
    )


def planned(universe_: Universe, **entry: object):
    return plan(card(entry), universe_)


def test_a_universe_is_sorted_whatever_the_order_of_the_rows():
    assert BINARY.groups == {"sex": ("F", "M"), "race": ("A", "B")}
    assert BINARY.cells == {("sex", "race"): (("F", "A"), ("M", "A"), ("M", "B"))}


@pytest.mark.parametrize(
    ("axis", "measure", "slices"),
    [
        ("all", "accuracy", [{}]),
        ("groups", "accuracy", [{"sex": "F"}, {"sex": "M"}, {"race": "A"}, {"race": "B"}]),
        ("against", "bpsn_auc", [{"sex": "F"}, {"sex": "M"}, {"race": "A"}, {"race": "B"}]),
        (
            "intersections",
            "accuracy",
            [{"sex": "F", "race": "A"}, {"sex": "M", "race": "A"}, {"sex": "M", "race": "B"}],
        ),
        ("attributes", "accuracy_difference", [{"attribute": "sex"}, {"attribute": "race"}]),
        ("crossed", "accuracy_difference", [{"attribute": "sex & race"}]),
    ],
)
def test_the_slices_of_an_axis(axis, measure, slices):
    found = [p for p in planned(BINARY, measure=measure, over=[axis], minimum_n=7) if not p.reason]
    assert [dict(p.slice) for p in found] == slices
    assert {(p.axis, p.minimum_n, p.where, p.reason) for p in found} == {(axis, 7, (), "")}


@pytest.mark.parametrize(
    ("axis", "slices"),
    [
        ("groups", [{"race": "A"}, {"race": "B"}]),
        ("attributes", [{"attribute": "race"}]),
        ("crossed", []),
    ],
)
def test_a_measure_may_keep_to_some_attributes(axis, slices):
    measure = "accuracy" if axis == "groups" else "accuracy_difference"
    found = planned(BINARY, measure=measure, over=[axis], attributes=["race"])
    assert [p.slice for p in found] == slices


def test_attributes_of_a_figure_over_all_are_refused():
    with pytest.raises(ValueError, match="`attributes` are for `over`"):
        planned(BINARY, measure="accuracy", over=["all"], attributes=["race"])


def test_an_empty_intersection_is_named_and_not_estimable():
    found = planned(BINARY, measure="accuracy", over=["intersections"])
    (empty,) = [p for p in found if p.reason]
    assert dict(empty.slice) == {"sex": "F", "race": "B"}
    assert empty.reason == "not estimable: no case is of both"


def test_an_empty_intersection_is_gated_by_no_rule():
    """It would stand in the family's Holm size without a test that could be failed."""
    found = planned(BINARY, measure="accuracy", over=["intersections"], rule=RULE)
    assert gated(found) == 3
    assert [p.rule for p in found if p.reason] == [None]


def test_of_many_empty_intersections_the_first_are_named_with_their_number():
    many = tuple(f"v{k:03}" for k in range(300))
    world = Universe(
        {"a": many, "b": many}, {("a", "b"): tuple((v, v) for v in many)}, ("no", "yes"), 1
    )
    found = planned(world, measure="accuracy", over=["intersections"])
    empty = [p for p in found if p.reason]
    assert len(found) == 300 + MOST_EMPTY
    assert len(empty) == MOST_EMPTY
    assert empty[0].reason.endswith(f"the first {MOST_EMPTY} of 89700 such are named")


def test_classes_are_each_against_the_rest():
    found = planned(THREE, measure="f1", over=["classes"])
    assert [p.positive for p in found] == [0, 1, 2]
    assert [finding(card({"measure": "f1"}), p, THREE.classes).positive for p in found] == [
        "no",
        "yes",
        "maybe",
    ]


def test_categories_are_the_cards_values_and_name_their_column():
    entry = {"measure": "flip_rate", "category": "attribute", "values": ["sex", "race"]}
    found = planned(BINARY, over=["categories"], rule=RULE, **entry)
    assert [dict(p.slice) for p in found] == [{"attribute": "sex"}, {"attribute": "race"}]
    assert {p.where for p in found} == {("attribute",)}
    assert gated(found) == 2


def test_a_measure_of_all_classes_has_no_positive_one():
    assert planned(BINARY, measure="accuracy")[0].positive is None
    assert planned(BINARY, measure="f1")[0].positive == 1


def test_how_many_are_gated_is_known_beforehand():
    found = plan(
        card(
            {"measure": "equal_opportunity_difference", "over": ["attributes"], "rule": RULE},
            {"measure": "selection_rate", "over": ["groups"]},
            {"measure": "accuracy", "rule": {"op": ">=", "value": 0.8, "origin": "policy"}},
        ),
        BINARY,
    )
    assert [p.measure for p in found] == [
        *["equal_opportunity_difference"] * 2,
        *["selection_rate"] * 4,
        "accuracy",
    ]
    assert gated(found) == 3
    assert found[-1].rule == Rule(">=", 0.8, "policy")


def test_one_class_against_the_rest_is_measured_and_never_gated():
    gap = {"measure": "equal_opportunity_difference", "over": ["attributes"], "rule": RULE}
    assert gated(planned(THREE, **gap)) == 0
    assert len(planned(THREE, **gap)) == 2
    # what takes every class alike gates with three classes as with two
    assert gated(planned(THREE, measure="accuracy_difference", over=["attributes"], rule=RULE)) == 2


def test_without_a_favourable_class_the_figure_says_so_beforehand():
    nobody = Universe(THREE.groups, THREE.cells, THREE.classes, None)
    (found,) = planned(nobody, measure="f1")
    assert "data.positive" in found.reason
    blank = finding(card({"measure": "f1"}), found, THREE.classes)
    assert (blank.verdict, blank.reason) == ("not_tested", found.reason)
    assert blank.estimate is None
    assert planned(nobody, measure="accuracy")[0].reason == ""
    assert {p.reason for p in planned(nobody, measure="f1", over=["classes"])} == {""}


def test_without_groups_nothing_is_planned_over_them():
    bare = Universe({}, {}, ("no", "yes"), 1)
    axes = ["groups", "intersections", "crossed"]
    assert planned(bare, measure="selection_rate", over=axes) == ()


def test_a_finding_names_its_probe_its_evidence_and_its_controls():
    mine = card({"measure": "accuracy"})
    blank = finding(mine, plan(mine, BINARY)[0], ("no", "yes"))
    assert (blank.probe, blank.family) == ("test.card", "test")
    assert blank.evidence == "evidence/test.card.parquet"
    assert blank.controls == ("nist-ai-rmf:MEASURE-2.11",)


def test_where_goes_into_every_slice_and_names_its_columns():
    entry = {"measure": "flip_rate", "where": {"attribute": "sex"}}
    (whole,) = planned(BINARY, **entry)
    assert (dict(whole.slice), whole.where) == ({"attribute": "sex"}, ("attribute",))
    by_group = planned(BINARY, over=["groups"], **entry)
    assert [dict(p.slice) for p in by_group][0] == {"attribute": "sex", "sex": "F"}
    by_category = planned(
        BINARY, over=["categories"], category="direction", values=["a→b"], **entry
    )
    assert dict(by_category[0].slice) == {"attribute": "sex", "direction": "a→b"}
    assert by_category[0].where == ("attribute", "direction")


@pytest.mark.parametrize(
    ("own", "of_the_rule", "least"), [(30, 200, 200), (200, 30, 200), (30, 1, 30)]
)
def test_a_rule_asks_for_its_own_minimum(own, of_the_rule, least):
    rule = {**RULE, "minimum_n": of_the_rule}
    (found,) = planned(BINARY, measure="flip_rate", minimum_n=own, rule=rule)
    assert found.minimum_n == least
    assert found.rule == Rule("<=", 0.1, "default")


def test_a_rule_that_does_not_gate_asks_for_nothing():
    rule = {**RULE, "minimum_n": 200}
    entry = {"measure": "true_positive_rate", "minimum_n": 30, "rule": rule}
    assert planned(THREE, **entry)[0].minimum_n == 30
    assert planned(BINARY, **entry)[0].minimum_n == 200
