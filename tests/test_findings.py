from __future__ import annotations

from dataclasses import replace
from functools import partial

import msgspec
import numpy as np
import pytest
from support_findings import answered, broken, estimated, people, share_right

from fmaudit import findings
from fmaudit.types import Case, Estimate, Finding, Row, Rule

RULE = {"op": "<=", "value": 0.1}


@pytest.fixture
def found(tmp_path):
    """Findings of rows (see `estimated`)."""
    return partial(estimated, tmp_path / "e.parquet")


def by_slice(found: list[Finding]) -> dict[str, Finding]:
    return {" ".join(f"{k}={v}" for k, v in f.slice.items()): f for f in found}


# ── slices ───────────────────────────────────────────────────────────────────────────────


def test_each_slice_is_its_own_rows(found):
    rows = people()
    all_ = found(rows, {"measure": "accuracy", "over": ["all", "groups", "intersections"]})
    assert len(all_) == 1 + 4 + 4
    for finding in all_:
        expected = share_right(rows, **finding.slice)
        assert finding.estimate.value == pytest.approx(expected, abs=1e-12)
        assert finding.estimate.n == sum(
            finding.slice.items() <= r.case.groups.items() for r in rows
        )
        assert finding.verdict == "measured"


def test_a_gap_compares_the_groups_of_its_attribute(found):
    rows = people()
    gaps = by_slice(found(rows, {"measure": "accuracy_difference", "over": ["attributes"]}))
    sexes = [share_right(rows, sex=s) for s in "FM"]
    assert gaps["attribute=sex"].estimate.value == pytest.approx(max(sexes) - min(sexes))
    races = [share_right(rows, race=s) for s in "AB"]
    assert gaps["attribute=race"].estimate.value == pytest.approx(max(races) - min(races))


def test_a_crossed_gap_compares_cells_and_leaves_out_who_has_only_one_half(found):
    rows = [*people(), *(answered(f"x{k}", 1, 0, groups={"sex": "F"}) for k in range(40))]
    (gap,) = found(rows, {"measure": "accuracy_difference", "over": ["crossed"]})
    cells = [share_right(rows, sex=s, race=r) for s in "FM" for r in "AB"]
    assert gap.estimate.value == pytest.approx(max(cells) - min(cells))
    assert gap.estimate.n == 240
    assert set(gap.estimate.details["pair"]) <= {"F & A", "F & B", "M & A", "M & B"}


def test_a_category_selects_by_a_column_of_the_evidence(found):
    rows = [
        Row(Case(f"{k}-{name}", "x", cluster=str(k)), {"flip": k % 4 == 0 and name == "sex"})
        for k in range(80)
        for name in ("sex", "race")
    ]
    rows = [
        msgspec.structs.replace(r, values={**r.values, "attribute": r.case.id.split("-")[1]})
        for r in rows
    ]
    entry = {"measure": "flip_rate", "over": ["categories"], "category": "attribute"}
    columns = {"flip": bool, "attribute": str}
    made = by_slice(found(rows, {**entry, "values": ["sex", "race", "age"]}, columns=columns))
    assert made["attribute=sex"].estimate.value == pytest.approx(0.25)
    assert made["attribute=race"].estimate.value == 0.0
    assert (made["attribute=age"].verdict, made["attribute=age"].reason) == (
        "not_tested",
        "no rows with attribute age",
    )


def test_an_attribute_whose_name_holds_the_sign_of_crossing(found):
    rows = [
        msgspec.structs.replace(
            r, case=msgspec.structs.replace(r.case, groups={"R & D": r.case.groups["sex"]})
        )
        for r in people()
    ]
    made = by_slice(
        found(
            rows,
            {"measure": "accuracy", "over": ["groups"]},
            {"measure": "accuracy_difference", "over": ["attributes"]},
        )
    )
    assert made["R & D=F"].estimate is not None, made["R & D=F"].reason
    assert made["attribute=R && D"].estimate is not None, made["attribute=R && D"].reason


# ── which rows count ─────────────────────────────────────────────────────────────────────


def test_rows_without_what_the_measure_reads_are_left_out(found):
    rows = people(200)
    unlabelled = [answered(f"u{k}", None, 1, groups={"sex": "F"}) for k in range(50)]
    (accuracy,) = found([*rows, *unlabelled], {"measure": "accuracy"})
    assert accuracy.estimate.n == 200
    assert accuracy.estimate.value == pytest.approx(share_right(rows))
    (selected,) = found([*rows, *unlabelled], {"measure": "selection_rate"})
    assert selected.estimate.n == 250


def test_why_a_slice_has_no_rows(found):
    rows = people(100)
    rows += [broken(f"n{k}", "no term", False, groups={"sex": "X"}) for k in range(3)]
    rows += [broken("odd", "too long", False, groups={"sex": "X"})]
    made = by_slice(found(rows, {"measure": "accuracy", "over": ["groups"]}))
    assert made["sex=X"].verdict == "not_tested"
    assert made["sex=X"].reason == "no rows: no term (3 of 4 rows)"
    assert made["sex=F"].verdict == "measured"


def test_no_rows_at_all(found):
    (accuracy,) = found([], {"measure": "accuracy"})
    assert (accuracy.verdict, accuracy.reason) == ("not_tested", "no rows")


def test_what_was_known_beforehand_is_the_reason(found):
    def nameless(planned):
        return [replace(p, reason="no favourable class", positive=None) for p in planned]

    (f1,) = found(people(), {"measure": "f1"}, order=nameless)
    assert (f1.verdict, f1.reason) == ("not_tested", "no favourable class")


def test_under_the_minimum_a_figure_is_not_tested(found):
    made = found(people(80), {"measure": "accuracy", "over": ["groups"], "minimum_n": 41})
    assert {f.verdict for f in made} == {"not_tested"}
    assert all("41" in f.reason for f in made)


# ── the design ───────────────────────────────────────────────────────────────────────────


def test_weights_clusters_and_strata_reach_the_figure(found):
    rows = [
        answered(
            f"c{k}",
            1,
            int(k % 4 != 0),
            weight=3.0 if k % 4 == 0 else 1.0,
            cluster=f"t{k // 2}",
            stratum="ab"[k // 60],
        )
        for k in range(120)
    ]
    (accuracy,) = found(rows, {"measure": "accuracy"})
    assert accuracy.estimate.value == pytest.approx(90 / 180)
    assert (accuracy.estimate.n, accuracy.estimate.clusters) == (120, 60)
    assert accuracy.estimate.method == "wilson_weighted"


def test_more_gated_figures_widen_the_adjusted_bounds_alone(found):
    entry = {"measure": "accuracy", "rule": {"op": ">=", "value": 0.7}}
    (one,), (many,) = found(people(), entry, m=1), found(people(), entry, m=20)
    assert (one.estimate.low, one.estimate.high) == (many.estimate.low, many.estimate.high)
    assert one.estimate.low_adj == one.estimate.low
    assert many.estimate.low_adj < one.estimate.low_adj


# ── groups that a gap leaves out ─────────────────────────────────────────────────────────

GAP = {"measure": "accuracy_difference", "over": ["attributes"], "minimum_n": 20}


def with_a_few() -> list[Row]:
    few = [answered(f"x{k}", 1, 1, groups={"sex": "X", "race": "A"}) for k in range(3)]
    return [*people(), *few]


def test_a_group_that_a_gated_gap_leaves_out_has_a_finding_of_its_own(found):
    made = by_slice(found(with_a_few(), {**GAP, "rule": RULE}))
    assert list(made) == ["attribute=sex", "attribute=sex left out=X", "attribute=race"]
    left = made["attribute=sex left out=X"]
    assert (left.verdict, left.estimate, left.rule) == ("not_tested", None, None)
    assert "3" in left.reason
    assert left.measure == "accuracy_difference"


def test_a_gap_without_a_rule_keeps_them_in_its_details(found):
    made = by_slice(found(with_a_few(), GAP))
    assert list(made) == ["attribute=sex", "attribute=race"]
    assert list(made["attribute=sex"].estimate.details["excluded"]) == ["X"]


# ── order and seeds ──────────────────────────────────────────────────────────────────────


def test_the_order_of_plans_cannot_matter(found):
    entries = (
        {"measure": "demographic_parity_difference", "over": ["attributes", "crossed"]},
        {"measure": "equal_opportunity_difference", "over": ["attributes"], "rule": RULE},
        {"measure": "ece", "over": ["all", "groups"]},
    )
    rows = people()
    forward = found(rows, *entries)
    backward = found(rows, *entries, order=lambda planned: planned[::-1])
    alone = [found(rows, *entries, order=lambda p, k=k: [p[k]])[0] for k in range(len(forward))]
    assert backward[::-1] == forward
    assert alone == forward
    # and the draws are there to be moved: another seed moves them
    other = found(rows, *entries, seed=1)
    assert any("permutation_p" in f.estimate.details for f in forward)
    assert other != forward


# ── verdicts ─────────────────────────────────────────────────────────────────────────────


def judged(family: str, p_fail: float | None, p_pass: float | None) -> Finding:
    figure = Estimate(0.05, 0.0, 0.2, 100, 100, "wilson", p_fail=p_fail, p_pass=p_pass)
    rule = None if p_fail is None else Rule("<=", 0.1)
    return Finding(f"{family}.x", family, "gap", {}, figure, rule, "measured")


def test_families_are_judged_apart_and_in_place():
    given = [
        judged("bias", 0.02, 0.9),
        judged("performance", 0.02, 0.9),
        judged("bias", None, None),
        judged("bias", 0.9, 0.001),
    ]
    made = findings.judge(given, {"bias": 2, "performance": 1})
    # 0.02 fails alone, and not where the family has two gated findings
    assert [f.verdict for f in made] == ["inconclusive", "fail", "measured", "pass"]
    assert [f.family for f in made] == [f.family for f in given]


def test_the_size_of_the_family_is_what_was_planned_and_not_what_was_measured():
    (made,) = findings.judge([judged("bias", 0.02, 0.9)], {"bias": 2})
    assert made.verdict == "inconclusive"


def test_what_was_not_tested_or_broke_stays_so():
    blank = msgspec.structs.replace(judged("bias", 0.001, 1.0), estimate=None, reason="why")
    kept = [msgspec.structs.replace(blank, verdict=v) for v in ("not_tested", "error")]
    assert findings.judge(kept, {"bias": 2}) == kept


def test_a_cpu_computes_where_the_columns_lie():
    column = np.arange(3.0)
    assert findings.device_place("cpu")(column) is column


def test_where_keeps_the_rows_that_say_so(found):
    rows = [
        Row(
            Case(f"c{k}", "x", groups={"sex": "FM"[k % 2]}),
            {"flip": k % 4 < 2 and k % 3 == 0, "kind": "ab"[k % 3 == 0]},
        )
        for k in range(240)
    ]
    columns = {"flip": bool, "kind": str}
    entry = {"measure": "flip_rate", "where": {"kind": "b"}}
    whole, women, men = found(rows, {**entry, "over": ["all", "groups"]}, columns=columns)
    kept = [r for r in rows if r.values["kind"] == "b"]
    assert dict(whole.slice) == {"kind": "b"}
    assert whole.estimate.n == len(kept) == 80
    assert whole.estimate.value == pytest.approx(np.mean([r.values["flip"] for r in kept]))
    assert dict(women.slice) == {"kind": "b", "sex": "F"}
    assert women.estimate.n + men.estimate.n == 80
    (nobody,) = found(rows, {"measure": "flip_rate", "where": {"kind": "c"}}, columns=columns)
    assert (nobody.verdict, nobody.reason) == ("not_tested", "no rows with kind c")


def test_under_a_rules_minimum_the_rule_is_not_tested_and_the_figure_is_measured(found):
    rule = {**RULE, "op": ">=", "minimum_n": 100}
    with_rule, without = found(
        people(80), {"measure": "accuracy", "rule": rule}, {"measure": "accuracy"}
    )
    assert (with_rule.verdict, with_rule.estimate) == ("not_tested", None)
    assert "fewer than the 100 asked for" in with_rule.reason
    assert without.verdict == "measured"
    assert without.estimate.n == 80


def half(figure: Estimate, **details) -> Estimate:
    return msgspec.structs.replace(figure, details={"float32": details})


def test_a_verdict_that_float32_would_change_does_not_stand():
    clear = Estimate(0.0, 0.0, 0.02, 99, 99, "wilson", p_fail=1.0, p_pass=1e-9)
    rule = Rule("<=", 0.05)
    given = [
        half(clear, difference=0.001, p_fail=1.0, p_pass=1e-8),
        half(clear, difference=0.04, p_fail=0.3, p_pass=0.7),
        half(clear, reason="no rows"),
        clear,
    ]
    asked = [Finding("a.b", "a", "flip_rate", {}, e, rule, "measured") for e in given]
    judged = findings.judge(asked, {"a": 4}, 0.0, "bfloat16")
    assert [f.verdict for f in judged] == ["pass", "inconclusive", "inconclusive", "pass"]
    assert "+0.04 that float32 adds" in judged[1].reason
    assert judged[2].reason.endswith("not compared with float32: no rows")
