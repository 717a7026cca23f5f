from __future__ import annotations

import dataclasses

import pytest
from support_exhibits import NAMES, PROBE, finding

from fmaudit.reporting.exhibits.gallery import BUILDERS
from fmaudit.reporting.exhibits.table import MOST_ROWS
from fmaudit.types import Exhibit


def table(source, findings, **options):
    shown = Exhibit(PROBE, "table", "A table", options)
    found = source(findings=tuple(findings), data={"attributes": ["sex", "race"]}, probes={})
    return BUILDERS["table"](dataclasses.replace(found, names=NAMES), shown)


def test_over_all_cases_a_line_is_a_measure(source):
    some = [
        finding("accuracy", {}, 0.9),
        finding("flip_rate", {}, 0.2, ("<=", 0.1), verdict="fail"),
        finding("accuracy", {"sex": "F"}, 0.8),
        finding("ece", {}, None, reason="too few rows"),
    ]
    found = table(source, some, over="all")
    assert [line.name for line in found.plain.lines] == ["Accuracy", "Flip rate"]
    assert found.plain.heads[-2:] == ("Rule", "Verdict")
    assert [line.cells[-1].verdict for line in found.plain.lines] == [None, "fail"]
    assert [one.reason for one in found.untested] == ["too few rows"]
    assert "Rule" not in table(source, some[:1], over="all").plain.heads


def test_measures_over_the_same_slices_are_columns(source):
    some = [
        finding(name, {"sex": sex}, value)
        for name in ("accuracy", "selection_rate")
        for sex, value in (("F", 0.5), ("M", 0.6))
    ]
    some.append(finding("true_positive_rate", {"sex": "F"}, None, reason="few"))
    found = table(source, some, over="groups")
    assert found.pivot.heads == ("sex", "Accuracy", "Selection rate", "True positive rate")
    assert [name for name, _ in found.pivot.rows] == ["F", "M"]
    boxes = found.pivot.rows[0][1]
    assert [box.text for box in boxes] == ["0.500", "0.500", "not tested"]
    assert [box.without for box in boxes] == [False, False, True]
    assert found.pivot.rows[1][1][2].text == "not measured"
    assert boxes[0].interval == "0.450 to 0.550"


def test_classes_are_told_apart_from_figures_over_all(source):
    some = [
        finding(name, {}, 0.5, positive=positive)
        for name in ("precision", "recall")
        for positive in ("no", "yes")
    ]
    some.append(finding("selection_rate", {}, 0.3, positive="yes"))
    found = table(source, some, over="classes")
    assert found.pivot.heads == ("Class", "Precision", "Recall")
    assert [name for name, _ in found.pivot.rows] == ["no", "yes"]
    assert [line.name for line in table(source, some, over="all").plain.lines] == ["Selection rate"]


def test_groups_of_several_attributes_say_which(source):
    some = [
        finding(name, slice_, 0.5)
        for name in ("accuracy", "f1")
        for slice_ in ({"sex": "F"}, {"race": "B"})
    ]
    found = table(source, some, over="groups")
    assert [name for name, _ in found.pivot.rows] == ["sex: F", "race: B"]
    assert found.pivot.heads[0] == "Group"


def test_three_hundred_groups_fold(source):
    some = [finding(name, {"sex": f"g{k}"}, 0.5) for name in ("accuracy", "f1") for k in range(300)]
    pivot = table(source, some, over="groups").pivot
    assert (len(pivot.rows), len(pivot.rest)) == (MOST_ROWS, 300 - MOST_ROWS)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"over": "rows"}, "over: rows"), ({"gap": "x"}, "the option gap")],
)
def test_options_that_mean_nothing_are_said(source, options, said):
    found = table(source, [finding("accuracy", {}, 0.5)], **options)
    assert said in found.missing


def test_without_figures_there_is_nothing(source):
    assert table(source, [finding("accuracy", {}, 0.5)], over="groups").kind == "nothing"
