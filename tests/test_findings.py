from __future__ import annotations

import itertools
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from fmaudit import findings, plans
from fmaudit.cards import ProbeCard
from fmaudit.evidence import Writer
from fmaudit.scoring import CLASSIFIED
from fmaudit.seeds import Seeds
from fmaudit.types import Case, Estimate, Finding, Row, Rule

CLASSES = ("no", "yes")
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
        }
    )


def answered(name: str, label: int | None, predicted: int, share: float = 0.7, **case) -> Row:
    probs = [1 - share, share] if predicted else [share, 1 - share]
    values = {"label": label, "predicted": predicted, "probs": probs, "tokens": 3, "cut": 0}
    return Row(Case(name, f"text {name}", **case), values)


def broken(name: str, reason: str = "NaN", failed: bool = True, **case) -> Row:
    return Row(Case(name, "x", **case), {}, reason=reason, failed=failed)


def people(count: int = 240) -> list[Row]:
    """Labels and errors that differ from group to group, by a fixed rule."""
    rows = []
    for k in range(count):
        groups = {"sex": "FM"[k % 2], "race": "AB"[(k // 2) % 2]}
        label = (k // 4) % 2
        wrong = k % 5 == 0 if groups["sex"] == "F" else k % 3 == 0
        rows.append(answered(f"c{k}", label, label ^ int(wrong), groups=groups))
    return rows


def universe_of(rows: list[Row]) -> plans.Universe:
    groups: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.case.groups.items():
            groups.setdefault(name, set()).add(value)
    cells = {
        (a, b): tuple(
            sorted({(g[a], g[b]) for g in (r.case.groups for r in rows) if a in g and b in g})
        )
        for a, b in itertools.combinations(groups, 2)
    }
    return plans.Universe({k: tuple(sorted(v)) for k, v in groups.items()}, cells, CLASSES, 1)


@pytest.fixture
def found(tmp_path):
    """Findings of rows: written, read back, estimated."""

    def estimate(rows, *measures, columns=CLASSIFIED, order=lambda p: p, m=1, seed=0):
        path = tmp_path / "e.parquet"
        with Writer(path, columns) as out:
            out.write(rows)
        mine = card(*measures)
        planned = order(list(plans.plan(mine, universe_of(rows))))
        return findings.estimate(mine, planned, path, classes=CLASSES, m=m, seeds=Seeds(seed))

    return estimate


def share_right(rows: list[Row], **groups: str) -> float:
    mine = [r for r in rows if all(r.case.groups.get(k) == v for k, v in groups.items())]
    return float(np.mean([r.values["label"] == r.values["predicted"] for r in mine]))


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
