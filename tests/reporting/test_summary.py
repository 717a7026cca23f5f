"""The first screen: what was audited, what matters most, what was not tested."""

from __future__ import annotations

import msgspec
from support_page import Page

from fmaudit.reporting.html import render
from fmaudit.types import Estimate

replace = msgspec.structs.replace


def first_screen(record) -> str:
    text = render(record)
    return Page(
        text[text.index('<section id="summary"') : text.index('<section id="audited"')]
    ).text


def test_the_first_screen_says_what_fails_and_what_was_not_tested(record):
    text = first_screen(record)
    assert "■ fails Equal opportunity difference" in text
    assert "(Female against Male) : 0.220 (0.170 to 0.270; n = 1 200)" in text
    assert (
        "the rule allows at most 0.1; at least about 1 400 cases would be needed to decide" in text
    )
    assert "bias.other : it needs groups" in text
    assert "Excess flip rate, attribute: race : no rows" in text
    assert "1 probe of the catalogue was not asked for" in text
    assert "Accuracy 0.832 (0.812 to 0.852) ; F1 (>50K) 0.643" in text


def test_a_language_models_headlines_are_what_was_had_of_it(record):
    accuracy = next(f for f in record.findings if f.measure == "accuracy" and not f.slice)
    bits = replace(
        accuracy, measure="bits_per_byte", estimate=Estimate(0.912, 0.871, 0.955, 300, 300, "x")
    )
    exact = replace(bits, measure="exact_match")
    others = tuple(f for f in record.findings if f.family != "performance")
    text = first_screen(replace(record, findings=(*others, exact, bits)))
    assert "Bits per byte 0.912 (0.871 to 0.955) ; Exact match 0.912" in text
    text = first_screen(replace(record, findings=(*others, exact, bits, accuracy)))
    assert "Accuracy 0.832 (0.812 to 0.852) ; Bits per byte 0.912" in text


def test_where_nothing_fails_that_is_said(record):
    kept = tuple(f for f in record.findings if f.verdict != "fail")
    assert "Of 3 figures held against a rule: none fails, 1 inconclusive" in first_screen(
        replace(record, findings=kept)
    )


def keys(record, *findings) -> str:
    text = Page(render(replace(record, findings=findings))).text
    return text.split("What matters most, worst first")[1].split("How to read")[0]


def test_five_findings_spread_over_the_probes_of_a_verdict(record):
    gate = next(f for f in record.findings if f.verdict == "fail")
    many = tuple(replace(gate, slice={"attribute": f"a{k}"}) for k in range(9))
    other = replace(gate, probe="robustness.noise", family="robustness")
    mild = replace(other, estimate=replace(gate.estimate, value=0.11))
    assert keys(record, *many, mild).count("a8") == 0
    assert keys(record, *many, mild).count("between the groups of sex") == 1


def test_no_pass_is_shown_while_something_worse_waits(record):
    gate = next(f for f in record.findings if f.verdict == "fail")
    many = tuple(replace(gate, slice={"attribute": f"a{k}"}) for k in range(9))
    kept = replace(gate, probe="robustness.noise", family="robustness", verdict="pass")
    assert keys(record, *many, kept).count("fails") == 5
    assert "passes" not in keys(record, *many, kept)


def test_an_interval_beyond_its_rule_that_decides_nothing_is_explained(record):
    gate = next(f for f in record.findings if f.verdict == "fail")
    assert "beyond it alone, not once all that was compared is counted" in keys(
        record, replace(gate, verdict="inconclusive")
    )


def test_where_everything_broke_nothing_is_said_of_fails(record):
    broken = tuple(
        replace(f, verdict="error", estimate=None, reason="it broke") for f in record.findings
    )
    text = first_screen(replace(record, findings=broken))
    assert "none fails" not in text
    assert "it broke" in text
