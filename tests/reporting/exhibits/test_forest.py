from __future__ import annotations

import dataclasses
import math
import re

import msgspec
import pytest
from support_exhibits import NAMES, PROBE, finding

from fmaudit.catalog import probes
from fmaudit.reporting.exhibits.gallery import BUILDERS
from fmaudit.reporting.exhibits.ordering import MOST_ROWS
from fmaudit.reporting.html import render
from fmaudit.types import Exhibit

RULE = ("<=", 0.1)
NASTY = '<script>alert(1)</script><img src=x onerror="alert(2)">\u202e\u200b'


def forest(source, findings, attributes=("sex", "race"), probes=None, **options):
    shown = Exhibit(PROBE, "forest", "A forest", options)
    found = source(
        findings=tuple(findings),
        data={"attributes": list(attributes)},
        probes=probes or {},
    )
    return BUILDERS["forest"](dataclasses.replace(found, names=NAMES), shown)


def rows(panel):
    return [dot for _, dots in panel.heads for dot in dots]


def test_a_dot_lies_in_its_interval_and_that_in_the_adjusted_one(source):
    gaps = [
        finding("equal_opportunity_difference", {"attribute": a}, v, RULE, verdict="fail")
        for a, v in (("sex", 0.2), ("race", 0.3))
    ]
    (panel,) = forest(source, gaps, over="attributes").panels
    for dot in rows(panel):
        s = dot.strip
        assert 0 <= s.low_adj < s.low < s.value < s.high < s.high_adj <= 100
    assert [tick.at for tick in panel.ticks] == sorted(tick.at for tick in panel.ticks)


@pytest.mark.parametrize(("op", "begins"), [("<=", "rule"), (">=", "start")])
def test_the_forbidden_side_is_that_of_the_rule(source, op, begins):
    gap = finding("equal_opportunity_difference", {"attribute": "sex"}, 0.2, (op, 0.1))
    (panel,) = forest(source, [gap]).panels
    strip = rows(panel)[0].strip
    start, width = strip.forbidden
    assert start == (strip.rule if begins == "rule" else 0)
    assert start + width == pytest.approx(100 if begins == "rule" else strip.rule)
    bad = start <= strip.value <= start + width
    assert bad == (op == "<=")
    assert panel.labels[0].at == strip.rule
    assert panel.labels[0].text == f"rule {'≤' if op == '<=' else '≥'} 0.1"


def test_the_worst_under_a_rule_comes_first_and_has_its_verdict(source):
    gaps = [
        finding("flip_rate", {"sex": name}, value, RULE, verdict=verdict)
        for name, value, verdict in (("a", 0.02, "pass"), ("b", 0.3, "fail"), ("c", 0.1, "fail"))
    ]
    (panel,) = forest(source, gaps).panels
    assert [(d.name, d.verdict) for d in rows(panel)] == [
        ("b", "fail"),
        ("c", "fail"),
        ("a", "pass"),
    ]
    measured = [msgspec.structs.replace(f, rule=None, verdict="measured") for f in gaps]
    (panel,) = forest(source, measured).panels
    assert all(dot.verdict is None for dot in rows(panel))
    assert not panel.gated


def test_where_more_is_better_the_smallest_comes_first(source):
    some = [finding("accuracy", {"sex": str(v)}, v) for v in (0.5, 0.9, 0.7)]
    (panel,) = forest(source, some).panels
    assert [dot.name for dot in rows(panel)] == ["0.5", "0.7", "0.9"]
    assert panel.direction == "better →"


def test_groups_stand_under_their_attribute_and_intersections_apart(source):
    some = [
        finding("accuracy", {}, 0.6),
        finding("accuracy", {"sex": "Female"}, 0.5),
        finding("accuracy", {"race": "Black"}, 0.7),
        finding("accuracy", {"race": "Black", "sex": "Female"}, 0.4),
    ]
    (panel,) = forest(source, some, over=["groups", "intersections"]).panels
    assert [head for head, _ in panel.heads] == ["sex", "race", "race × sex"]
    assert panel.reference is not None
    assert "Dotted: all cases, 0.60" in panel.key


def test_the_pair_that_drives_a_gap_is_marked_at_its_groups_and_named_at_the_gap(source):
    gap = finding(
        "equal_opportunity_difference",
        {"attribute": "race"},
        0.3,
        details={"pair": ["Black", "White"]},
    )
    crossed = finding(
        "equal_opportunity_difference",
        {"attribute": "sex & race"},
        0.4,
        details={"pair": ["F & R && D", "M & White"]},
    )
    groups = [
        finding("true_positive_rate", slice_, 0.5)
        for slice_ in (
            {"race": "Black"},
            {"race": "White"},
            {"race": "Other"},
            {"sex": "F", "race": "R & D"},
            {"sex": "F", "race": "White"},
        )
    ]
    found = forest(
        source,
        [gap, crossed, *groups],
        measure="true_positive_rate",
        gap="equal_opportunity_difference",
    )
    assert [dot.name for dot in rows(found.panels[0]) if dot.drives] == [
        "Black",
        "White",
        "F · R & D",
    ]
    gaps = forest(source, [gap, crossed], over=["attributes", "crossed"])
    assert [dot.pair for dot in rows(gaps.panels[0])] == [
        "driven by F · R & D against M · White",
        "driven by Black against White",
    ]


def test_measures_of_another_unit_or_direction_have_an_axis_of_their_own(source):
    some = [finding("accuracy", {}, 0.9), finding("log_loss", {}, 1.5), finding("f1", {}, 0.8)]
    found = forest(source, some, measures=["accuracy", "f1", "log_loss"], over="all")
    assert [[dot.name for dot in rows(panel)] for panel in found.panels] == [
        ["F1", "Accuracy"],
        ["all cases"],
    ]
    assert found.panels[1].axis == "Log loss, nats"
    assert [panel.direction for panel in found.panels] == ["better →", "worse →"]


@pytest.mark.parametrize(
    ("measure", "axis", "direction"),
    [
        ("perplexity", "Perplexity, equally likely tokens", "worse →"),
        ("bits_per_byte_change", "Bits per byte, less the base's, bits", "worse →"),
        ("rouge_l", "ROUGE-L, score from 0 to 1", "better →"),
        ("chrf", "chrF, points of 100", "better →"),
        ("stereotype_share", "Share of stereotyped preferences, share", "higher →"),
        (
            "mean_preference",
            "Mean preference for the stereotyped sentence, nats",
            "0 is best",
        ),
        ("excess_extraction_rate", "Extraction rate, less the base's, share", "worse →"),
    ],
)
def test_figures_of_language_models_have_their_units(source, measure, axis, direction):
    (panel,) = forest(source, [finding(measure, {}, 0.4)], measure=measure, over="all").panels
    assert (panel.axis, panel.direction) == (axis, direction)


def test_conditions_and_categories_are_read_off_the_card(source):
    card = {
        "measures": [
            {"measure": "flip_rate", "over": ["categories"], "category": "kind", "where": {"b": x}}
            for x in ("low", "high")
        ]
        + [{"measure": "flip_rate", "over": ["all", "groups"], "where": {"b": "low"}}]
    }
    some = [
        finding("flip_rate", {"kind": "ocr", "b": "low"}, 0.1),
        finding("flip_rate", {"kind": "ocr", "b": "high"}, 0.2),
        finding("flip_rate", {"b": "low"}, 0.15),
        finding("flip_rate", {"b": "low", "sex": "F"}, 0.12),
    ]
    read = {"probes": {PROBE: card}}
    (panel,) = forest(source, some, over="categories", **read).panels
    assert [head for head, _ in panel.heads] == ["b: low", "b: high"]
    (panel,) = forest(source, some, over="categories", where={"b": "low"}, **read).panels
    assert [head for head, _ in panel.heads] == [""]
    assert "b: low" in panel.axis
    assert "0.150" in panel.key
    (panel,) = forest(source, some, over="groups", **read).panels
    assert [(head, dots[0].name) for head, dots in panel.heads] == [("sex", "F")]


def test_what_has_no_estimate_is_listed_with_its_reason_and_not_drawn(source):
    some = [finding("accuracy", {"sex": "F"}, 0.5), finding("accuracy", {"sex": "M"}, reason="few")]
    found = forest(source, some)
    assert [dot.name for dot in rows(found.panels[0])] == ["F"]
    assert [(one.name, one.reason) for one in found.untested] == [("Accuracy, sex: M", "few")]
    assert len(found.twin.lines) == 1
    nothing = forest(source, some[1:])
    assert nothing.panels == ()
    assert len(nothing.untested) == 1


def test_three_hundred_groups_are_cut_by_a_rule_that_is_said_and_stand_whole_in_the_table(source):
    values = [(k * 37 % 301) / 300 for k in range(300)]
    some = [finding("accuracy", {}, 0.5)]
    some += [finding("accuracy", {"sex": f"g{k}"}, v) for k, v in enumerate(values)]
    found = forest(source, some, over="groups")
    (panel,) = found.panels
    shown = {dot.name for dot in rows(panel)}
    assert len(shown) == MOST_ROWS
    nearest = min(abs(v - 0.5) for k, v in enumerate(values) if f"g{k}" in shown)
    assert all(abs(v - 0.5) <= nearest for k, v in enumerate(values) if f"g{k}" not in shown)
    assert "The 40 of 300 that lie farthest from all cases" in panel.key
    assert len(found.twin.lines) == 300
    assert not found.whole


def test_of_many_groups_under_a_rule_the_worst_are_drawn(source):
    some = [finding("flip_rate", {"sex": f"g{k}"}, k / 100, RULE) for k in range(60)]
    (panel,) = forest(source, some).panels
    assert [dot.name for dot in rows(panel)] == [f"g{k}" for k in range(59, 19, -1)]
    assert "The 40 worst by their rule of 60" in panel.key


def test_one_group_is_drawn(source):
    (panel,) = forest(source, [finding("accuracy", {"sex": "F"}, 0.5)]).panels
    assert len(rows(panel)) == 1
    assert panel.ticks


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300])
def test_a_figure_that_no_axis_holds_is_written_and_not_drawn(source, value):
    odd = finding("accuracy", {"sex": "F"}, 0.5)
    odd = msgspec.structs.replace(
        odd, estimate=msgspec.structs.replace(odd.estimate, value=value, low=None, high=None)
    )
    (panel,) = forest(source, [odd, finding("accuracy", {"sex": "M"}, 0.5)]).panels
    drawn = {dot.name: dot.strip.value for dot in rows(panel)}
    assert drawn["F"] is None
    assert 0 < drawn["M"] < 100


def test_an_open_end_reaches_the_end_of_the_axis(source):
    open_ = finding("equalized_odds_ratio", {"attribute": "sex"}, 0.8, high=None, high_adj=None)
    (panel,) = forest(source, [open_]).panels
    assert rows(panel)[0].strip.high == 100
    none = finding("accuracy", {"sex": "F"}, 0.8, low=None, high=None)
    (panel,) = forest(source, [none]).panels
    assert (rows(panel)[0].strip.low, rows(panel)[0].strip.high) == (None, None)
    assert rows(panel)[0].interval == "none"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"mesure": "accuracy"}, "the option mesure"),
        ({"over": "group"}, "over: group"),
        ({"over": ["groups", "everyone"]}, "over: everyone"),
        ({"measure": "accuracy", "measures": ["f1"]}, "both measure and measures"),
        ({"measure": "f2"}, "no figure that this view asks for"),
    ],
)
def test_options_that_mean_nothing_are_said(source, options, said):
    found = forest(source, [finding("accuracy", {}, 0.5)], **options)
    assert found.kind == "nothing"
    assert said in found.missing


def test_every_card_asks_for_what_its_views_know(source):
    empty = dataclasses.replace(source(findings=()), names=NAMES)
    for card in probes().values():
        for entry in card.exhibits:
            shown = Exhibit(card.id, entry.kind, entry.title, entry.options)
            missing = BUILDERS[entry.kind](empty, shown).missing
            assert "its card" not in missing, (card.id, entry.title, missing)


def test_a_page_with_a_forest_holds_its_names_as_text(record):
    some = [
        finding("true_positive_rate", {name: name}, v, RULE, verdict="fail", positive=name)
        for name, v in ((NASTY, 0.3), ("W" * 10_000, 0.4))
    ]
    shown = Exhibit(PROBE, "forest", NASTY, {"over": "groups"})
    page = render(
        msgspec.structs.replace(
            record,
            findings=tuple(some),
            exhibits=(shown,),
            data={**record.data, "attributes": [NASTY, "W" * 10_000]},
        )
    )
    figure = page[page.index('<figure class="exhibit forest"') :]
    figure = figure[: figure.index("</figure>")]
    assert "<script>" not in figure
    assert "<img" not in figure
    assert "\u202e" not in figure
    assert "&lt;script&gt;" in figure
    assert "⟨U+202E⟩" in figure
    drawing = figure[: figure.index("<details")]
    assert "W" * 200 not in drawing
    assert "W" * 10_000 in figure
    assert re.search(r"rule ≤ 0\.1", drawing)
    assert "■</span> fails" in drawing


def test_the_bases_figure_is_drawn_beside_the_models(source):
    pair = [
        finding("extraction_rate", {}, 0.05),
        finding("base_extraction_rate", {}, 0.01),
        finding("excess_extraction_rate", {}, 0.04, ("<=", 0.02)),
    ]
    (panel,) = forest(source, pair).panels
    assert [dot.name for dot in rows(panel)] == [
        "Extraction rate, less the base's",
        "Extraction rate",
        "Extraction rate, of the base",
    ]
    assert panel.direction == "worse →"
    (alone,) = forest(source, pair[1:2]).panels
    assert alone.direction == "higher →", "a base's own figure is neither good nor bad"


def test_figures_cut_by_several_columns_stand_under_them(source):
    measure, cuts = "stereotype_share_change", ("language", "attribute")
    card = {"measures": [{"measure": measure, "category": name} for name in cuts]}
    cut = [
        finding(measure, {name: value}, 0.1)
        for name, value in (("language", "en"), ("attribute", "gender"), ("language", "zh"))
    ]
    (panel,) = forest(source, cut, probes={PROBE: card}).panels
    assert [(head, len(dots)) for head, dots in panel.heads] == [("language", 2), ("attribute", 1)]
    (panel,) = forest(source, cut[:1], probes={PROBE: card}).panels
    assert [head for head, _ in panel.heads] == [""]
