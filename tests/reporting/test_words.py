from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.reporting.language import language
from fmaudit.reporting.vocabulary import UNITS
from fmaudit.reporting.words import Names, figure, number, places, rule, size, visible
from fmaudit.stats.measures import MEASURES, extraction, preference
from fmaudit.stats.measures import language as spoken
from fmaudit.types import Estimate, Finding, Rule

NAMES = Names({"gap": "Gap"}, frozenset({"gap"}))


@given(st.text())
def test_no_hidden_character_is_left(text):
    shown = visible(text)
    hidden = {0x200B, 0x200E, 0x202E, 0x2066, 0x2069, 0xFEFF, 0xAD, 0x0, 0x1B, 0x2028}
    assert not hidden & {ord(c) for c in shown}
    assert visible(shown) == shown


def test_hidden_characters_are_named():
    assert visible("a\u202eb\u200b") == "a⟨U+202E⟩b⟨U+200B⟩"
    assert visible("line\nbreak\tתור") == "line\nbreak\tתור"
    assert visible(3) == 3


@pytest.mark.parametrize(
    ("value", "half", "shown"),
    [
        (0.8324, 0.014, ("0.832", "0.818 to 0.846")),
        (0.0312, 0.0171, ("0.031", "0.014 to 0.048")),
        (-0.02, 0.3, ("−0.02", "−0.32 to 0.28")),
        (12.3456, 1.5, ("12.3", "10.8 to 13.8")),
        (1e-5, 2e-5, ("0.000010", "−0.000010 to 0.000030")),
    ],
)
def test_figures_show_two_digits_of_their_uncertainty(value, half, shown):
    found = Estimate(value, value - half, value + half, 10, 10, "wilson")
    assert figure(found)[:2] == shown


def test_figures_without_an_interval():
    assert figure(Estimate(0.1234, None, None, 10, 10, "none")) == ("0.12", "none", "none")
    assert places(0.1, 0.1) is None
    assert places(0.1, float("inf")) is None
    assert [number(x) for x in (None, 0.0, 1.0, 98.7)] == ["—", "0.0", "1.0", "99"]


def test_rules_and_sizes():
    assert rule(Rule("<=", 0.05)) == "≤ 0.05 (fmaudit's default)"
    assert rule(Rule(">=", 0.8, "policy")) == "≥ 0.8 (set by the user)"
    assert rule(None) == "none"
    assert size(1_500_000_000) == "1.4 GiB"
    assert size(12) == "12 bytes"


@pytest.mark.parametrize(
    ("measure", "slice_", "words"),
    [
        ("gap", {"attribute": "sex"}, "between the groups of sex"),
        ("gap", {"attribute": "sex", "left out": "X"}, "sex: X, left out of the comparison"),
        ("flip_rate", {"attribute": "sex"}, "attribute: sex"),
        ("flip_rate", {"sex": "F", "race": "B"}, "sex: F, race: B"),
        ("flip_rate", {}, "all cases"),
    ],
)
def test_slices_in_words(measure, slice_, words):
    """A category column may be called `attribute` too: the measure decides."""
    found = Finding("a.b", "a", measure, slice_, None, None, "not_tested", "no rows")
    assert NAMES.where(found).startswith(words)
    assert NAMES.sentence(found).endswith("no figure. No rows.")


@pytest.mark.parametrize(
    ("measure", "estimate", "rule_", "said"),
    [
        (
            "perplexity",
            Estimate(23.4567, 21.9, 25.1, 300, 300, "linearised_t"),
            Rule("<=", 20),
            "Perplexity, all cases: 23.5 (95 % interval 21.9 to 25.1); the rule is ≤ 20",
        ),
        (
            "accuracy_change",
            Estimate(-0.0312, -0.052, -0.0106, 900, 900, "tango"),
            Rule(">=", -0.02),
            "Accuracy, less the base's, all cases: −0.031 (95 % interval −0.052 to −0.011); "
            "the rule is ≥ −0.02",
        ),
        (
            "chrf",
            Estimate(54.321, 52.1, 56.4, 200, 200, "linearised_t"),
            None,
            "chrF, all cases: 54.3 (95 % interval 52.1 to 56.4).",
        ),
    ],
)
def test_figures_of_language_models_in_a_sentence(measure, estimate, rule_, said):
    titles = {name: found.title for name, found in MEASURES.items()}
    found = Finding("a.b", "a", measure, {}, estimate, rule_, "measured")
    assert Names(titles, frozenset()).sentence(found).startswith(said)


def test_their_titles_are_said_in_chinese():
    say = language("zh")
    own = (*spoken.MEASURES, *preference.MEASURES, *extraction.MEASURES)
    names = {m.name: say.content(m.title) for m in own}
    assert names["stereotype_share_change"] == "刻板偏好所占比例（减去基座模型）"
    kept = {"rouge_1", "rouge_2", "rouge_l", "chrf"}  # names of their own in every language
    assert all(re.search("[\u4e00-\u9fff]", t) for name, t in names.items() if name not in kept)
    assert all(say(UNITS[m.unit]) != UNITS[m.unit] for m in own)


def test_a_unit_that_the_title_leaves_open_stands_beside_it():
    titles = {name: found.title for name, found in MEASURES.items()}
    units = {name: found.unit for name, found in MEASURES.items()}
    names = Names(titles, frozenset(), units=units)
    assert names.measured("mean_preference") == f"{titles['mean_preference']} (nats)"
    assert names.measured("chrf") == "chrF (points of 100)"
    for told in ("bits_per_byte", "perplexity", "accuracy", "not_known"):
        assert names.measured(told) == names.title(told)
    found = Finding("a.b", "a", "chrf", {}, Estimate(54.3, 52.1, 56.4, 9, 9, "x"), None, "measured")
    assert names.sentence(found).startswith("chrF (points of 100), all cases: 54.3")
    chinese = Names(titles, frozenset(), say=language("zh"), units=units)
    assert chinese.measured("mean_preference").endswith("（纳特）")


def test_a_word_of_fmaudits_own_has_no_underscore():
    assert NAMES.word("one_line") == "one line"
    assert NAMES.word("male→female") == "male→female"
    assert Names({}, frozenset(), say=language("zh")).word("no_such_word") == "no such word"
