"""Rows that the model could not answer: when a figure stands without them, and when it does not."""

from __future__ import annotations

from functools import partial

import pytest
from support_findings import CLASSES, answered, broken, estimated, people, share_right

from fmaudit.types import Case, Row


@pytest.fixture
def found(tmp_path):
    """Findings of rows (see `estimated`)."""
    return partial(estimated, tmp_path / "e.parquet")


def test_a_few_failed_rows_are_left_out_and_not_counted_as_wrong(found):
    rows = people(200)
    (accuracy,) = found([*rows, *(broken(f"b{k}") for k in range(5))], {"measure": "accuracy"})
    assert accuracy.verdict == "measured"
    assert accuracy.estimate.value == pytest.approx(share_right(rows))


@pytest.mark.parametrize(("failed", "verdict"), [(10, "measured"), (11, "error")])
def test_past_five_per_cent_of_failed_rows_every_finding_is_an_error(found, failed, verdict):
    reasons = ["odd", *["NaN"] * (failed - 1)]
    rows = [*people(200 - failed), *(broken(f"b{k}", why) for k, why in enumerate(reasons))]
    # rows that the method does not apply to are no part of the 5 %
    rows += [broken(f"n{k}", "no term in it", failed=False) for k in range(500)]
    made = found(rows, {"measure": "accuracy", "over": ["all", "groups"]})
    assert {f.verdict for f in made} == {verdict}
    if verdict == "error":
        assert all(f.estimate is None for f in made)
        assert all(f"{failed} of 700 rows failed; most often: NaN" == f.reason for f in made)


def test_where_every_row_failed_nothing_is_measured(found):
    (accuracy,) = found([broken("a"), broken("b")], {"measure": "accuracy"})
    assert (accuracy.verdict, accuracy.estimate) == ("error", None)


def test_a_figure_with_too_many_failed_rows_of_its_own_is_an_error(found):
    """Fourteen variants that went well do not hide one that the model cannot answer."""

    def row(k: int, kind: str, bad: bool) -> Row:
        case = Case(f"c{k}", "x")
        if bad:
            return Row(case, {"kind": kind}, kind, reason="NaN", failed=True)
        return Row(case, {"flip": False, "kind": kind}, kind)

    kinds = "abcdefghijklmno"
    rows = [row(k, kind, kind == "a" and k < 20) for k in range(100) for kind in kinds]
    entry = {
        "measure": "flip_rate",
        "over": ["categories"],
        "category": "kind",
        "values": ["a", "b"],
    }
    a, b = found(rows, entry, columns={"flip": bool, "kind": str})
    assert (a.verdict, a.estimate) == ("error", None)
    assert a.reason == "20 of 100 rows failed; most often: NaN"
    assert (b.verdict, b.estimate.n) == ("measured", 100)


def test_failed_rows_of_a_figure_are_counted_with_it(found):
    (some,) = found([*people(60), broken("b")], {"measure": "accuracy"})
    assert some.verdict == "measured"
    assert some.estimate.details["failed"] == 1


OPPORTUNITY = {"measure": "equal_opportunity_difference", "over": ["attributes"], "minimum_n": 50}


def applicants(refused: int) -> list[Row]:
    """600 women and 600 men, half of each deserving; of so many women there is no answer."""
    rows: list[Row] = []
    for k in range(1200):
        groups, label = {"sex": "F" if k < 600 else "M"}, k % 2
        case = {"groups": groups, "target": CLASSES[label]}
        if label and k < 2 * refused:
            rows.append(broken(f"c{k}", **case))
        else:
            rows.append(answered(f"c{k}", label, label, **case))
    return rows


def test_a_gap_does_not_stand_where_a_group_it_compares_is_broken(found):
    """4.6 % of all rows failed, and 18 % of those that a woman's rate is of."""
    (gap,) = found(applicants(55), OPPORTUNITY)
    assert (gap.verdict, gap.estimate) == ("error", None)
    assert gap.reason == "F & yes: 55 of 300 rows failed; most often: NaN"
    (gap,) = found(applicants(14), OPPORTUNITY)  # 2.3 % of the women, 4.7 % of the deserving
    assert gap.verdict == "measured"
    assert gap.estimate.details["failed"] == 14
    (gap,) = found(applicants(16), OPPORTUNITY)  # 2.7 % of the women, 5.3 % of the deserving
    assert gap.reason == "F & yes: 16 of 300 rows failed; most often: NaN"
    by_decision = {"measure": "demographic_parity_difference", "over": ["attributes"]}
    assert found(applicants(16), by_decision)[0].verdict == "measured"  # it asks for no label


def test_a_broken_group_under_the_minimum_breaks_no_gap(found):
    rows = [*applicants(0), *(broken(f"x{k}", groups={"sex": "X"}) for k in range(20))]
    (gap, *_) = found(rows, OPPORTUNITY)
    assert gap.verdict == "measured"
    assert "X" not in gap.estimate.details["by_group"]


def test_what_fails_of_one_scorer_breaks_no_figure_of_another(found):
    def row(k: int, scorer: str) -> Row:
        case = Case(f"c{k}", "x")
        if scorer == "b" and k < 30:
            return Row(case, {"scorer": scorer}, scorer, reason="NaN", failed=True)
        return Row(case, {"flip": False, "scorer": scorer}, scorer)

    rows = [row(k, scorer) for k in range(100) for scorer in "ab"]
    entry = {
        "measure": "flip_rate", "over": ["categories"], "category": "scorer", "values": ["a", "b"],
    }  # fmt: skip
    one, other = found(rows, entry, columns={"flip": bool, "scorer": str})
    assert one.verdict == "measured"
    assert (other.verdict, other.reason) == (
        "error", "30 of 100 rows failed; most often: NaN",
    )  # fmt: skip


def test_of_a_group_set_against_the_others_each_side_stands_for_itself(found):
    def row(k: int, who: str, bad: bool) -> Row:
        case = Case(f"{who}{k}", "x", groups={"identity": who})
        if bad:
            return Row(case, {}, reason="NaN", failed=True)
        return Row(case, {"toxic": k % 2, "score": k % 7 / 7})

    rows = [row(k, who, who == "b" and k < 20) for k in range(200) for who in "abc"]
    entry = {"measure": "bpsn_auc", "over": ["against"], "minimum_n": 10}
    made = found(rows, entry, columns={"toxic": int, "score": float})
    reasons = {f.slice["identity"]: f.reason for f in made}
    assert reasons.pop("b") == "b: 20 of 200 rows failed; most often: NaN"
    # 20 of the 400 others are no more than 5 %
    assert set(reasons.values()) == {""}
