"""The first screen: what was audited, what matters most, what was not tested."""

from __future__ import annotations

import msgspec
from support_page import Page
from support_spoken import tuned

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
    assert "; Exact match 0.912" in text


def test_what_tuning_changed_stands_beside_each_headline():
    text = first_screen(tuned())
    assert (
        "Accuracy 0.610 (0.560 to 0.660) , −0.010 (−0.040 to 0.020) against its base; "
        "Bits per byte 0.912 (0.892 to 0.932) , −0.104 (−0.114 to −0.094) against its base; "
        "Exact match 0.420 (0.360 to 0.480) , +0.110 (0.060 to 0.160) against its base" in text
    )
    assert "F1" not in text


def test_without_bits_perplexity_is_the_headline_and_without_exact_match_rouge():
    record = tuned()
    kept = [f for f in record.findings if f.measure not in ("bits_per_byte", "exact_match")]
    rouge = replace(next(f for f in kept if f.measure == "chrf"), measure="rouge_l")
    text = first_screen(replace(record, findings=(*kept, rouge)))
    assert "; Perplexity 18.40 (17.80 to 19.00) ; ROUGE-L 48.2" in text


def test_probes_of_another_kind_of_model_are_counted_not_listed():
    text = first_screen(tuned())
    assert "2 probes ask what a model of this kind does not answer" in text
    assert "needs classify" not in text
    record = tuned()
    one = tuple(c for c in record.coverage if c.probe != "bias.group_outcomes")
    assert "1 probe asks what a model" in first_screen(replace(record, coverage=one))


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


def test_an_n_is_of_rows_with_its_clusters_or_its_smallest_part(record):
    gate = next(f for f in record.findings if f.verdict == "fail")

    def said(**changes) -> str:
        figure = replace(gate.estimate, n=332, **{"clusters": 332, "details": {}, **changes})
        return keys(record, replace(gate, estimate=figure))

    assert "n = 332)" in said()
    assert "n = 332 in 166 clusters)" in said(clusters=166)
    assert "n = 332, 40 in the smallest part)" in said(details={"limiting_clusters": 40})
