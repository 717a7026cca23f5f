"""The page holds all it should, and nothing in it acts."""

from __future__ import annotations

import re
import time
from collections import Counter

import msgspec
import pytest
import support_spoken
from support_page import Page

from fmaudit.catalog import roots
from fmaudit.errors import RunFolderError
from fmaudit.evidence import Writer
from fmaudit.reporting.html import render, write_report
from fmaudit.reporting.record import load, write
from fmaudit.reporting.seal import seal
from fmaudit.types import Case, Coverage, Estimate, Exhibit, Finding, Row

replace = msgspec.structs.replace

NASTY = '<script>alert(1)</script><img src=x onerror="alert(2)">"\'&{{ 7*7 }}\u202e\u200b'


def test_the_page_is_whole(record):
    page = Page(render(record))
    text = page.text
    for section in (
        "Summary",
        "What was audited",
        "Figures under a rule, worst first",
        "What was not tested, and why",
        "Noise floor",
        "Costs",
        "Verify and reproduce",
        "Methods, sources, limits",
    ):
        assert section in text
    assert (
        "Of 4 figures held against a rule: 1 fails, 1 inconclusive, 1 not tested, 1 passes" in text
    )
    assert "the rule is ≤ 0.1 (fmaudit's default)" in text
    assert "About 1\u2009400 cases would decide it" in render(record)
    assert "it needs groups" in text
    assert "7 rows with the positive label, fewer than the 50 asked for" in text
    assert "driven by Female against Male" in text


def test_data_of_a_card_are_named_by_its_title(record):
    data = {**record.data, "source": None, "card": "pairs", "title": "Pairs of sentences"}
    text = Page(render(replace(record, data=data))).text
    assert "cases of Pairs of sentences by fmaudit" in text
    assert "cases of None" not in text


def test_nothing_says_more_than_was_measured(record):
    text = Page(render(replace(record, probes={}))).text
    assert not re.search(r"\b(compliant|compliance|fair|unfair|safe)\b", text, re.IGNORECASE)


def test_it_is_one_page_that_asks_for_nothing(record):
    text = render(record)
    page = Page(text)
    tags = Counter(tag for tag, _ in page.tags)
    assert not {"link", "iframe", "img", "object", "embed", "form"} & set(tags)
    assert tags["script"] == 1
    assert not page.attributes("src")
    assert "url(" not in text
    assert "@import" not in text
    assert not [name for _, found in page.tags for name in found if name.startswith("on")]


def test_it_can_be_read_by_ear_and_by_keyboard(record):
    page = Page(render(record))
    assert page.tags[0] == ("html", {"lang": "en"})
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(page.headings, page.headings[1:], strict=False))
    assert all(found.get("scope") in ("col", "row") for tag, found in page.tags if tag == "th")
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    targets = {h[1:] for h in page.attributes("href") if h.startswith("#")}
    assert targets <= set(ids), targets - set(ids)
    assert set(page.attributes("aria-labelledby")) <= set(ids)


def test_every_count_of_the_matrix_leads_somewhere(record):
    broken = replace(record.findings[0], verdict="error", reason="it broke", estimate=None)
    page = Page(render(replace(record, findings=(*record.findings, broken))))
    targets = {h[1:] for h in page.attributes("href") if h.startswith("#")}
    assert targets <= set(page.attributes("id"))
    assert {"worst-fail-bias", "worst-error-performance", "family-performance"} <= targets


def colours(css: str, block: str) -> dict[str, str]:
    return dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", css.split(block)[1].split("}")[0]))


def luminance(colour: str) -> float:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    r, g, b = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.mark.parametrize("block", [":root {\n  color-scheme", "prefers-color-scheme: dark) {"])
def test_text_stands_out_from_its_paper(block, record):
    """WCAG 2.2, 1.4.3: a contrast of 4.5 at least, light and dark."""
    found = colours(render(record), block)
    assert len(found) >= 10
    for name in ("ink", "quiet", "link", "fail", "error", "inconclusive", "pass"):
        for paper in ("paper", "wash"):
            high, low = sorted((luminance(found[name]), luminance(found[paper])), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 4.5, f"{name} on {paper}"


# ── what comes from models and data is inert ─────────────────────────────────────────────


def nasty(record):
    """The record with something that would act in every place that takes text."""
    findings = tuple(
        replace(
            f,
            probe=NASTY,
            measure=NASTY,
            family=NASTY,
            slice={NASTY: NASTY} if f.slice else {},
            reason=NASTY,
            positive=NASTY,
            estimate=None
            if f.estimate is None
            else replace(f.estimate, method=NASTY, details={NASTY: NASTY, "pair": [NASTY, NASTY]}),
        )
        for f in record.findings
    )
    card = {"title": NASTY, "claim": NASTY, "harm": NASTY, "limits": [NASTY], "method": NASTY}
    card |= {"citation": [{"text": NASTY, "url": f"javascript:{NASTY}"}], "controls": [NASTY]}
    return replace(
        record,
        audit={**record.audit, "name": NASTY, "families": {NASTY: 1}},
        model={**record.model, "name": NASTY, "classes": [NASTY, NASTY]},
        data={NASTY: NASTY, "source": NASTY, "rows": 3},
        environment={NASTY: {NASTY: NASTY}},
        floor={NASTY: {NASTY: {"answered": {NASTY: 3}}}},
        findings=findings,
        coverage=(
            Coverage(NASTY, NASTY, "ran", NASTY),
            Coverage(f"{NASTY}2", NASTY, "not_tested", NASTY),
        ),
        probes={NASTY: {**card, "params": {NASTY: NASTY}}},
        costs={NASTY: NASTY},
        seal={"files": {NASTY: NASTY}, "sealed": NASTY, "content": NASTY, "record": NASTY},
    )


def test_html_and_script_in_texts_are_inert(record):
    text = render(nasty(record))
    page = Page(text)
    assert "img" not in {tag for tag, _ in page.tags}
    assert Counter(tag for tag, _ in page.tags)["script"] == 1  # the page's own
    assert not [name for _, found in page.tags for name in found if name.startswith("on")]
    assert not [h for h in page.attributes("href") if "javascript" in h]
    assert "<script>alert(1)</script>" in page.text  # drawn as text
    assert "49" not in re.findall(r"\w+", " ".join(page.words).replace(NASTY, ""))


def test_hidden_characters_are_drawn(record):
    text = render(nasty(record))
    assert "\u202e" not in text
    assert "\u200b" not in text
    assert "⟨U+202E⟩" in text


# ── records of every size ────────────────────────────────────────────────────────────────


def test_nothing_tested(record):
    empty = replace(record, findings=(), probes={}, exhibits=(), floor={}, costs={}, coverage=())
    text = Page(render(empty)).text
    assert "Nothing was tested." in text
    assert "No probe ran." in text
    assert "It was not measured in this audit." in text
    assert "This record has no seal." in text


def test_a_bare_record(record):
    """A record of an older program may lack facts: dashes, no traceback."""
    bare = replace(record, audit={}, model={}, data={}, environment={})
    assert "—" in Page(render(bare)).text


def test_errors_only(record):
    broken = tuple(
        replace(f, verdict="error", estimate=None, reason="ValueError: a logit is not finite")
        for f in record.findings
    )
    coverage = (Coverage("bias.group_outcomes", "bias", "error", "ValueError: it broke"),)
    text = Page(render(replace(record, findings=broken, coverage=coverage))).text
    assert "The probe broke: ValueError: it broke" in text
    assert "ValueError: a logit is not finite" in text


def test_three_hundred_groups_fold_and_render_quickly(record):
    findings = tuple(
        Finding(
            "bias.group_outcomes",
            "bias",
            measure,
            {"place": f"group {k} " + "x" * 300},
            Estimate(k / 300, k / 300 - 0.01, k / 300 + 0.01, 90, 90, "wilson", 0.0, 1.0),
            None,
            "measured",
        )
        for measure in ("selection_rate", "true_positive_rate", "f1")
        for k in range(300)
    )
    started = time.monotonic()
    page = Page(render(replace(record, findings=findings)))
    assert time.monotonic() - started < 10
    assert "All 900 figures of this probe" in page.text
    assert len([i for i in page.attributes("id") if i.startswith("finding-")]) == 900


def test_the_printed_page_names_its_model_and_nothing_breaks_out_of_the_style(record):
    hostile = replace(record, model={**record.model, "name": '"}</style><script>x</script>'})
    style = render(hostile).split("<style>")[1].split("</style>")[0]
    assert "@top-left" in style
    assert "<" not in style.split("@top-left")[-1]
    assert "\\22 \\7d \\3c " in style


# ── the files ────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def run(tmp_path, record):
    """A run folder with evidence for the examples."""
    with Writer(tmp_path / "evidence" / "bias.counterfactual_terms.parquet", {"gap": float}) as out:
        gaps = (0.1, -0.9, None, 0.5)
        out.write([Row(Case(f"c{k}", f"text {k}"), {"gap": gap}) for k, gap in enumerate(gaps)])
    write(tmp_path, record)
    return tmp_path


def test_texts_stay_out_of_what_is_shared(run):
    whole = write_report(run).read_text(encoding="utf-8")
    shared = write_report(run, share=True)
    assert "text 1" in whole
    assert shared.name == "report-share.html"
    text = shared.read_text(encoding="utf-8")
    assert "text 1" not in text
    assert "made without the texts of the data" in text


def test_without_evidence_the_figures_stay(run):
    for path in (run / "evidence").iterdir():
        path.unlink()
    text = Page(write_report(run).read_text(encoding="utf-8")).text
    assert "the evidence is not beside the record" in text
    assert "Equal opportunity difference" in text


def test_only_sentences_of_the_templates_own_are_markup():
    """What `_` is given is not escaped: a name out of a record must never go through it."""
    (folder,) = (root / "reports" / "templates" for root in roots())
    for path in folder.rglob("*.jinja"):
        text = path.read_text(encoding="utf-8")
        assert not re.findall(r"(?<![\w.])_\((?!\")", text), path
        assert not re.findall(r"\|\s*safe\b", text), path


def test_evidence_that_was_cut_short_is_named_and_the_figures_stay(run):
    for path in (run / "evidence").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    text = Page(write_report(run).read_text(encoding="utf-8")).text
    assert "the evidence cannot be read" in text
    assert "Equal opportunity difference" in text


def test_what_was_changed_after_the_seal_is_said_before_all_else(run, record):
    write(run, seal(run, record))
    assert "Changed after it was sealed" not in write_report(run).read_text(encoding="utf-8")
    sealed = load(run)
    better = tuple(replace(f, verdict="pass") for f in sealed.findings)
    write(run, replace(sealed, findings=better))
    text = write_report(run).read_text(encoding="utf-8")
    assert text.index("Changed after it was sealed") < text.index('<section id="summary"')
    assert "the record was changed after it was sealed" in text
    assert "Sealed:" not in text


@pytest.mark.parametrize("name", ["audit.json", "spec.yaml", "evidence/x.parquet"])
def test_no_report_is_written_over_the_record(name, run):
    before = (run / "audit.json").read_bytes()
    with pytest.raises(RunFolderError, match="belongs to the record"):
        write_report(run, out=run / name)
    assert (run / "audit.json").read_bytes() == before


def test_a_place_that_may_not_be_written_to_is_named(run, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(RunFolderError, match="nothing may be written there.*--out"):
        write_report(run)


def test_a_damaged_value_costs_its_exhibit_alone(run, record):
    exhibit = Exhibit("bias.counterfactual_terms", "examples", "Some", {"sort": "gap", "top": "x"})
    text = Page(render(replace(record, exhibits=(exhibit, *record.exhibits)), run)).text
    assert "Nothing to show: " in text
    assert "Equal opportunity difference" in text


def test_names_of_files_and_data_stand_as_they_are(run, record):
    named = replace(record, data={**record.data, "labels": {"not_hate": 3}})
    write(run, seal(run, named))
    text = Page(write_report(run).read_text(encoding="utf-8")).text
    assert "evidence/bias.counterfactual_terms.parquet" in text
    assert "labels, not_hate" in text


def test_a_count_leads_to_all_that_it_counts(record):
    page = Page(render(record))
    (link,) = [
        found["href"]
        for tag, found in page.tags
        if tag == "a" and "not_tested" in str(found.get("href"))
    ]
    assert link.startswith("#untested-not_tested-bias.")


# ── a language model ─────────────────────────────────────────────────────────────────────


def test_the_page_of_a_language_model_is_whole(tmp_path):
    support_spoken.evidence(tmp_path)
    text = render(support_spoken.tuned(), tmp_path)
    page = Page(text)
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    assert all(b - a <= 1 for a, b in zip(page.headings, page.headings[1:], strict=False))
    assert "Nothing to show" not in page.text
    assert "It comes on Monday." in page.text
    assert "Mean preference for the stereotyped sentence (nats) 0.31" in page.text
    assert "chrF (points of 100) 48.2" in page.text


def test_the_noise_floor_of_a_language_model_is_told_in_its_units():
    text = Page(render(support_spoken.tuned())).text
    floor = text[text.index("Noise floor") : text.index("Figures under a rule, worst first")]
    assert "the audited model, likelihoods of texts : The same prompt is not always" in floor
    assert "moves by −0.73 percentage points" in floor
    assert "the audited model, likelihoods of texts, padded 200 0.50 nats 0.030" in floor
    assert "the audited model, written answers, alone 8 — 0.12" in floor
    assert "The change is that of a text's log-likelihood, in nats" in floor
    assert "logit" not in floor
    assert "class" not in floor


def test_the_noise_floor_of_a_classifier_speaks_of_classes(record):
    text = Page(render(record)).text
    assert "Decided otherwise" in text
    assert "The change is that of a class score before it becomes a probability (a logit)" in text
    assert "nats" not in text
