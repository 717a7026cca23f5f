"""What the second writing makes of a comparison with float32, and of the recorded dtype."""

from __future__ import annotations

from pathlib import Path

import pytest

from fmaudit import precision as first
from fmaudit.evidence import Writer
from fmaudit.plans import Plan
from fmaudit.reporting.verify.estimates import Ask
from fmaudit.reporting.verify.figures import FIGURES
from fmaudit.reporting.verify.precision import Both, served, with_float32
from fmaudit.reporting.verify.promises import Promise
from fmaudit.reporting.verify.rows import File
from fmaudit.stats import measures
from fmaudit.stats.sample import Question
from fmaudit.types import AuditRecord, Case, Estimate, Row, Rule

RULE = Rule("<=", 0.5)
CLASSES = ("no", "yes")
Predicted = dict[str, int | None]


def write(path: Path, predicted: Predicted) -> Path:
    rows = [
        Row(Case(name, "x"), {}, reason="no answer", failed=True)
        if value is None
        else Row(Case(name, "x"), {"predicted": value})
        for name, value in predicted.items()
    ]
    with Writer(path, {"predicted": int}) as out:
        out.write(rows)
    return path


def selected(count: int, ones: int) -> Predicted:
    return {f"c{k}": int(k < ones) for k in range(count)}


CASES: dict[str, tuple[Predicted, Predicted]] = {
    "enough": (selected(100, 10), selected(30, 12)),
    "too few": (selected(100, 10), selected(29, 12)),
    "all of a small figure": (selected(12, 3), selected(12, 4)),
    "a small figure in part": (selected(12, 3), selected(11, 4)),
    "one failed": (selected(100, 10), {**selected(100, 10), "c0": None, "c50": 1}),
    "many failed": (selected(100, 10), {**selected(100, 10), **{f"c{k}": None for k in range(9)}}),
    "other cases": (selected(9, 1), {"d": 1}),
}


@pytest.mark.parametrize("case", CASES)
def test_both_writings_compare_alike(case, tmp_path):
    paths = [write(tmp_path / f"{k}.parquet", rows) for k, rows in enumerate(CASES[case])]
    plan = Plan("selection_rate", "all", {}, 1, RULE, 1)
    both = first.Compared.read([plan], *paths, lambda values: values)
    question = Question(rule=RULE, positive=1, classes=2)
    whole = measures.get("selection_rate").estimate(both.full.sample(plan), question)
    promise = Promise("a.b", "selection_rate", {}, "yes", RULE, 1)
    ask, other = Ask(RULE, 1, 1, 2, 1), File(paths[1])
    pair = Both(File(paths[0], other.ids), other)
    fresh = with_float32(whole, promise, FIGURES["selection_rate"], File(paths[0]), ask, pair)
    told = fresh.details["float32"]
    try:
        expected = both.details(whole, plan, CLASSES, 1)
    except first.NotEstimable:
        assert set(told) == {"reason"}
    else:
        assert told == pytest.approx(expected, abs=1e-9)


def test_the_small_cases_are_not_compared(tmp_path):
    """That the two agree would mean little where neither ever refuses."""
    refused = set()
    for case, rows in CASES.items():
        (tmp_path / case).mkdir()
        paths = [write(tmp_path / case / f"{k}.parquet", found) for k, found in enumerate(rows)]
        plan = Plan("selection_rate", "all", {}, 1, RULE, 1)
        n = len(rows[0])
        figure = Estimate(0.1, 0.0, 0.2, n, n, "wilson")
        try:
            first.Compared.read([plan], *paths, lambda values: values).details(
                figure, plan, CLASSES, 1
            )
        except first.NotEstimable:
            refused.add(case)
    assert refused == {"too few", "a small figure in part", "many failed", "other cases"}


def recorded(dtype: str, adapter: str = "classifier") -> AuditRecord:
    model = {"dtype": dtype, "adapter": adapter}
    return AuditRecord({}, model, {}, {}, {}, (), (), (), {})


@pytest.mark.parametrize(
    ("spec", "record", "ok"),
    [
        ({"model": {"dtype": "bfloat16"}}, recorded("float32"), False),
        ({"model": {"dtype": "bfloat16"}}, recorded("bfloat16"), True),
        ({"model": {"dtype": "auto"}}, recorded("float32"), True),
        ({"model": {"path": "x"}}, recorded("float32"), True),
        ({}, recorded("float32"), True),
        ({"model": {"dtype": "bfloat16"}}, recorded("float32", "module"), True),
    ],
)
def test_a_dtype_that_the_spec_names_is_the_served_one(spec, record, ok):
    assert all(check.ok for check in served(record, spec)) is ok
