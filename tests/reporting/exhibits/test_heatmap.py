from __future__ import annotations

import dataclasses
import math

import msgspec
import pytest
from support_exhibits import NAMES, finding

from fmaudit.reporting.exhibits.gallery import BUILDERS
from fmaudit.reporting.exhibits.heatmap import MOST_CLASSES, STEPS, tint
from fmaudit.reporting.html import render
from fmaudit.types import Exhibit

PROBE, BASICS = "robustness.character_noise", "performance.classification"
RULE = ("<=", 0.05)
BY = {"measure": "flip_rate", "rows": "kind", "columns": "budget"}


def heat(source, findings, probe=PROBE, classes=("no", "yes"), **options):
    shown = Exhibit(probe, "heatmap", "A matrix", options)
    found = source(findings=tuple(findings), probes={}, model={"classes": list(classes)})
    return BUILDERS["heatmap"](dataclasses.replace(found, names=NAMES), shown)


def cell(kind, budget, value, rule=None, **more):
    return finding("flip_rate", {"kind": kind, "budget": budget}, value, rule, PROBE, **more)


def test_cells_stand_in_their_row_and_column(source):
    some = [
        cell("ocr", "low", 0.01, RULE, verdict="pass"),
        cell("ocr", "high", 0.2),
        cell("casing", "low", 0.06, RULE, verdict="fail"),
        cell("casing", "high", None, reason="too few"),
    ]
    found = heat(source, some, **BY)
    assert found.columns == ("low", "high")
    assert [name for name, _ in found.rows] == ["ocr", "casing"]
    (low, high), (broken, untried) = (tiles for _, tiles in found.rows)
    assert (low.text, low.verdict, low.beyond) == ("0.010", "pass", False)
    assert (high.verdict, high.tint) == (None, STEPS)
    assert (broken.beyond, broken.verdict) == (True, "fail")
    assert (untried.without, untried.text) == (True, "not tested")
    assert low.tint < broken.tint < high.tint
    assert [one.reason for one in found.untested] == ["too few"]
    assert "the rule is ≤ 0.05" in found.key
    assert len(found.twin.lines) == 3


def test_a_cell_that_the_record_lacks_says_so(source):
    found = heat(source, [cell("a", "x", 0.1), cell("b", "y", 0.1)], **BY)
    assert [tile.without for _, row in found.rows for tile in row] == [False, True, True, False]
    assert found.rows[0][1][1].text == "not measured"
    assert "Hatched" in found.key


def test_figures_over_other_slices_are_no_cells(source):
    others = [finding("flip_rate", {"budget": "low"}, 0.9, probe=PROBE), cell("a", "x", 0.1)]
    assert len(heat(source, others, **BY).rows) == 1


@pytest.mark.parametrize("largest", [1.0, 0.02])
def test_a_tint_grows_with_the_size_and_not_with_the_sign(largest):
    tints = [tint(k / 50 * largest, largest) for k in range(51)]
    assert tints == sorted(tints)
    assert (tints[0], tints[-1]) == (0, STEPS)
    assert tint(-largest / 2, largest) == tint(largest / 2, largest)
    assert tint(math.nan, largest) == 0
    assert tint(0.5, 0.0) == 0


def test_under_the_threshold_all_is_pale(source):
    found = heat(source, [cell("a", "x", 0.001, RULE), cell("b", "x", 0.002, RULE)], **BY)
    assert {tile.tint for _, row in found.rows for tile in row} == {0}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"measure": "flip_rate", "rows": "kind"}, "does not say: columns"),
        ({**BY, "color": "red"}, "the option color"),
        ({"of": "confusio"}, "of: confusio"),
        ({**BY, "columns": "bugdet"}, "no figure that this view asks for"),
    ],
)
def test_options_that_mean_nothing_are_said(source, options, said):
    found = heat(source, [cell("a", "x", 0.1)], **options)
    assert found.kind == "nothing"
    assert said in found.missing


def accuracy(counts, n):
    return finding("accuracy", {}, 0.5, probe=BASICS, n=n, details={"confusion": counts})


def test_labels_and_predictions_stand_as_shares_of_the_label_with_counts(source):
    found = heat(source, [accuracy([[30, 10], [5, 55]], 100)], BASICS, of="confusion")
    tiles = [[(tile.text, tile.note, tile.own) for tile in row] for _, row in found.rows]
    assert tiles == [
        [("75 %", "30", True), ("25 %", "10", False)],
        [("8.3 %", "5", False), ("91.7 %", "55", True)],
    ]
    assert found.rows[0][0] == "no"
    assert "weighted" not in found.key
    weighted = heat(source, [accuracy([[300.4, 10], [5, 55]], 100)], BASICS, of="confusion")
    assert "weighted" in weighted.key


def test_a_label_without_cases_is_no_share(source):
    found = heat(source, [accuracy([[0, 0], [5, 55]], 60)], BASICS, of="confusion")
    assert [tile.without for tile in found.rows[0][1]] == [True, True]


def test_many_classes_are_told_by_the_pairs_most_often_confused(source):
    k = MOST_CLASSES + 5
    counts = [[float(a == b) * 50 for b in range(k)] for a in range(k)]
    counts[3][7] = 30.0
    counts[2][1] = 10.0
    names = [f"c{i}" for i in range(k)]
    found = heat(source, [accuracy(counts, 1000)], BASICS, names, of="confusion")
    assert found.rows == ()
    assert [(line.name, line.cells[0].text) for line in found.most.lines] == [
        ("c3", "c7"),
        ("c2", "c1"),
    ]
    assert found.most.lines[0].cells[2].text == "38 %"


def test_without_a_matrix_of_these_classes_there_is_nothing(source):
    found = heat(source, [accuracy([[1]], 1)], BASICS, of="confusion")
    assert found.kind == "nothing"


def test_a_page_with_a_matrix_holds_names_as_text(record):
    nasty = ["<b>x</b>", "W" * 10_000]
    changed = msgspec.structs.replace(
        record,
        findings=(accuracy([[3, 1], [2, 4]], 10),),
        exhibits=(Exhibit(BASICS, "heatmap", "M", {"of": "confusion"}),),
        model={**record.model, "classes": nasty},
    )
    page = render(changed)
    figure = page[page.index('class="exhibit heatmap"') :]
    figure = figure[: figure.index("</figure>")]
    assert "<b>x" not in figure
    assert "&lt;b&gt;x&lt;/b&gt;" in figure
    assert "W" * 100 not in figure
    assert "(10\u2009000)" in figure
