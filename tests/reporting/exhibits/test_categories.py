from __future__ import annotations

import dataclasses

from support_exhibits import NAMES, PROBE, estimate

from fmaudit.reporting.exhibits.gallery import BUILDERS
from fmaudit.reporting.words import count
from fmaudit.types import Exhibit, Finding

WHERE = {"table": "sex and race"}
LAW = {
    "pair": ["Female & Black", "Male & White"],
    "reference": "Male & White",
    "unknown": 1234,
    "resamples": 1000,
    "excluded": {"Male & R && D": "1.20% of the data, under 2%: not compared"},
    "categories": [
        {"category": "Female & Black", "n": 2000, "chosen": 500, "rate": 0.25, "ratio": 0.5,
         "low": 0.4, "high": 0.6},
        {"category": "Male & R && D", "n": 40, "chosen": 30, "rate": 0.75, "ratio": None,
         "low": None, "high": None},
        {"category": "Male & White", "n": 1300, "chosen": 650, "rate": 0.5, "ratio": 1.0,
         "low": 0.9, "high": 1.0},
    ],
}  # fmt: skip
SCREEN = {
    "reference": "Male",
    "flagged": "Female",
    "excluded": {"Other": "3 rows, fewer than the 50 asked for"},
    "categories": [
        {"category": "Female", "n": 90, "chosen": 9, "rate": 0.1, "ratio": 0.2, "low": 0.1,
         "high": 0.4, "upper": 0.45, "flagged": True, "fisher_p": 0.00012, "z_p": 0.0001},
        {"category": "Male", "n": 90, "chosen": 45, "rate": 0.5, "ratio": 1.0, "upper": 1.3,
         "flagged": False},
        {"category": "Other", "n": 3},
    ],
}  # fmt: skip


def finding(measure, slice_, details, reason=""):
    verdict = "not_tested" if details is None else "measured"
    figure = None if details is None else estimate(0.5, details=details)
    return Finding(PROBE, "bias", measure, slice_, figure, None, verdict, reason)


def table(source, findings, **options):
    shown = Exhibit(PROBE, "table", "A table", {"of": "categories", **options})
    entry = {"measure": "selection_impact_ratio", "over": ["all"], "where": WHERE}
    entry = {**entry, "category": None}
    found = source(
        findings=tuple(findings),
        data={"attributes": ["sex", "race"]},
        probes={PROBE: {"measures": [entry]}},
    )
    return BUILDERS["table"](dataclasses.replace(found, names=NAMES), shown)


def texts(found):
    return {line.name: [cell.text for cell in line.cells] for line in found.plain.lines}


def test_the_table_of_the_law(source):
    found = table(source, [finding("selection_impact_ratio", WHERE, LAW)], where=WHERE)
    assert found.plain.heads == (
        "Category", "Applicants", "Selected", "Selection rate", "Impact ratio", "95 % interval",
    )  # fmt: skip
    lines = texts(found)
    assert lines["Female · Black"] == [count(2000), "500", "0.250", "0.500", "0.400 to 0.600"]
    assert lines["Male · R & D"] == ["40", "30", "0.750", "—", "—"]
    assert "Applicants of no known category, who are in no line: 1\u2009234." in found.notes
    assert "The highest rate is that of Male · White." in found.notes
    assert "Male · R & D: 1.20% of the data, under 2%: not compared." in found.notes
    assert any("names no threshold" in note for note in found.notes)


def test_a_scoring_rate_tells_the_median(source):
    details = {**LAW, "median": 0.4987}
    found = table(source, [finding("scoring_impact_ratio", WHERE, details)])
    assert found.plain.heads[2:4] == ("Scored above the median", "Scoring rate")
    assert any("The median score is 0.499" in note for note in found.notes)


def test_the_screen_has_its_bound_its_tests_and_its_flag(source):
    slice_ = {"attribute": "sex"}
    found = table(source, [finding("adverse_impact_ratio", slice_, SCREEN)], over="attributes")
    assert found.plain.heads[-4:] == ("Upper bound", "p (Fisher)", "p (z test)", "Screen")
    lines = texts(found)
    assert lines["Female"][-4:] == ["0.450", "0.00012", "0.0001", "flagged"]
    assert lines["Male"][-3:] == ["—", "—", "not flagged"]
    assert lines["Other"] == ["3", *["—"] * 8]
    assert "Other: 3 rows, fewer than the 50 asked for." in found.notes
    assert "decides nothing" in found.notes[-1]


def test_several_attributes_in_one_table_say_which(source):
    some = [
        finding("adverse_impact_ratio", {"attribute": name}, SCREEN) for name in ("sex", "race")
    ]
    found = table(source, some, over="attributes")
    assert {"sex: Female", "race: Male"} <= set(texts(found))
    assert "sex: The highest rate is that of Male." in found.notes
    assert sum("decides nothing" in note for note in found.notes) == 1


def test_what_could_not_be_had_is_told_with_its_reason(source):
    missing = finding("selection_impact_ratio", WHERE, None, "fewer than two categories")
    found = table(source, [missing])
    assert not found.plain.lines
    assert [one.reason for one in found.untested] == ["fewer than two categories"]


def test_a_measure_without_categories_has_no_such_table(source):
    found = table(source, [finding("accuracy", {}, {})])
    assert found.kind == "nothing"
    assert "the record has no figure" in found.missing


def test_of_means_one_thing_alone(source):
    found = table(source, [finding("accuracy", {}, {})], of="people")
    assert "of: people" in found.missing


def test_that_rates_are_weighted_is_said(source):
    note = "Numbers are of rows. Rates and ratios are weighted, and no quotients of these numbers."
    plain = table(source, [finding("selection_impact_ratio", WHERE, LAW)])
    assert note not in plain.notes
    lines = [{**LAW["categories"][0], "rate": 0.3}, *LAW["categories"][1:]]
    weighted = table(
        source, [finding("selection_impact_ratio", WHERE, LAW | {"categories": lines})]
    )
    assert note in weighted.notes
