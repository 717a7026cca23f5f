from __future__ import annotations

import dataclasses
import re

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_curve
from support_exhibits import NAMES, finding

from fmaudit.reporting.exhibits.attack import allowed, limits, shares
from fmaudit.reporting.exhibits.calibration import SMALLEST, bins
from fmaudit.reporting.exhibits.gallery import BUILDERS
from fmaudit.reporting.html import render
from fmaudit.stats.intervals import Share, wilson
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Case, Exhibit, Row

BASICS, PRIVACY = "performance.classification", "privacy.membership_loss"
CLASSIFIED = {"label": int, "predicted": int, "probs": list[float]}
TOLD = {"member": bool, "score": float, "blind": float}
CLASSES = ["no", "yes"]


def drawn(source, probe, of, findings=(), **model):
    shown = Exhibit(probe, "curve", "A curve", {"of": of})
    read = source(findings=tuple(findings), model={"classes": CLASSES, "positive": "yes", **model})
    return BUILDERS["curve"](dataclasses.replace(read, names=NAMES), shown)


def classified(n=400, seed=1, **case):
    rng = np.random.default_rng(seed)
    said = rng.random(n)
    label = (rng.random(n) < said).astype(int)
    return [
        Row(
            Case(f"c{k}", "text", **{name: value(k) for name, value in case.items()}),
            {"label": int(y), "predicted": int(p > 0.5), "probs": [1 - p, p]},
        )
        for k, (p, y) in enumerate(zip(said.tolist(), label.tolist(), strict=True))
    ]


def numbers(path):
    return np.array(re.findall(r"-?[\d.]+", path), dtype=float).reshape(-1, 2)


# ── calibration ──────────────────────────────────────────────────────────────────────────


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 0.9, 1.0]), min_size=1, max_size=300),
    st.integers(0, 2**32 - 1),
)
def test_bins_hold_every_row_once_and_equal_probabilities_together(said, seed):
    said = np.array(said)
    seen = np.random.default_rng(seed).random(len(said)) < 0.5
    made = bins(said, Sample({"seen": seen}))
    assert sum(b.n for b in made) == len(said)
    assert [b.said for b in made] == sorted(b.said for b in made)
    assert len({b.said for b in made}) == len(made)
    assert sum(b.n * b.seen for b in made) == pytest.approx(seen.sum())
    for b in made:
        assert b.low <= b.seen <= b.high
    whole = {int((said <= value).sum()) for value in said}
    assert set(np.cumsum([b.n for b in made]).tolist()) <= whole


def test_bins_have_about_equal_counts_and_wilson_limits():
    rng = np.random.default_rng(2)
    said = rng.random(1000)
    seen = rng.random(1000) < said
    made = bins(said, Sample({"seen": seen}))
    assert [b.n for b in made] == [100] * 10
    for b in made:
        low, high = wilson(Share(b.seen, 100))
        assert (b.low, b.high) == (pytest.approx(float(low)), pytest.approx(float(high)))


def test_few_rows_are_few_bins():
    said = np.linspace(0, 1, 2 * SMALLEST + 1)
    assert len(bins(said, Sample({"seen": said > 0.5}))) == 2


def test_weights_and_clusters_widen_the_band():
    rng = np.random.default_rng(3)
    said = np.full(200, 0.4)
    seen = rng.random(200) < 0.4
    (plain,) = {b.n: b for b in bins(said, Sample({"seen": seen}))}.values()
    weighted = bins(said, Sample({"seen": seen}, weight=rng.gamma(0.5, size=200) + 0.1))[0]
    assert weighted.high - weighted.low > plain.high - plain.low
    together = bins(said, Sample({"seen": seen}, cluster=np.zeros(200, dtype=int)))[0]
    assert np.isnan(together.low)


def test_the_curve_of_two_classes_is_of_the_favourable_one(source, written):
    written(BASICS, CLASSIFIED, classified())
    error = finding("ece", {}, 0.031, probe=BASICS)
    curve = drawn(source, BASICS, "calibration", [error])
    assert "Probability of yes" in curve.x.title
    assert "0.031" in curve.notes
    (line,) = [s for s in curve.series if s.style == "main"]
    at = numbers(line.path)
    assert len(at) == len(line.dots) == len(curve.twin.lines) == 10
    assert np.abs(at[:, 0] + at[:, 1] - 100).max() < 25  # the probabilities are right
    band = numbers(line.band)
    assert len(band) == 20
    assert (band[:10, 1] <= at[:, 1]).all()
    assert (band[10:][::-1, 1] >= at[:, 1]).all()
    assert sum(line.cells[-1].value for line in curve.twin.lines) == 400
    assert max(bar.height for bar in curve.counts.bars) == 100


def test_of_the_less_favourable_class_the_curve_is_the_mirror_image(source, written):
    written(BASICS, CLASSIFIED, classified())
    one = drawn(source, BASICS, "calibration").twin
    other = drawn(source, BASICS, "calibration", positive="no").twin
    said = [[line.cells[0].value for line in twin.lines] for twin in (one, other)]
    assert said[0] == pytest.approx([1 - p for p in reversed(said[1])])


def test_without_a_favourable_class_it_is_the_predicted_one(source, written):
    written(BASICS, CLASSIFIED, classified())
    curve = drawn(source, BASICS, "calibration", positive=None)
    assert "predicted class" in curve.x.title
    assert all(line.cells[0].value >= 0.5 for line in curve.twin.lines)


def test_rows_without_an_answer_are_left_out(source, written):
    silent = [Row(Case("x", "text"), {}, reason="broke", failed=True)]
    written(BASICS, CLASSIFIED, classified(60) + silent)
    curve = drawn(source, BASICS, "calibration")
    assert sum(line.cells[-1].value for line in curve.twin.lines) == 60
    written(BASICS, CLASSIFIED, silent)
    assert drawn(source, BASICS, "calibration").missing == "no row has a probability"


# ── members and non-members ──────────────────────────────────────────────────────────────


def sides(n=300, ties=False, seed=4):
    rng = np.random.default_rng(seed)
    member = np.arange(2 * n) < n
    score = rng.normal(size=2 * n) + 0.5 * member
    return member, np.round(score, 1) if ties else score, rng.normal(size=2 * n)


def told(member, score, blind):
    return [
        Row(Case(f"c{k}", "text", member=bool(m)), {"member": bool(m), "score": s, "blind": b})
        for k, (m, s, b) in enumerate(zip(member, score.tolist(), blind.tolist(), strict=True))
    ]


@pytest.mark.parametrize("ties", [False, True])
def test_the_curve_is_that_of_another_library(ties):
    member, score, _ = sides(ties=ties)
    false, true, _ = roc_curve(member, score, drop_intermediate=False)
    for k in allowed(300):
        best = true[false <= k / 300 + 1e-12].max()
        assert shares(member, score, [k])[0] == pytest.approx(best)


def test_the_curve_and_its_band_agree_with_the_measure_of_the_record():
    member, score, blind = sides(1000)
    fixed = {"blind_p": 0.5, "overlap": 0.0, "drawn": True}
    columns = {"member": member, "score": score, "blind": blind}
    columns |= {name: np.full(2000, value) for name, value in fixed.items()}
    measure = MEASURES["tpr_at_1_percent_fpr"]
    estimate = measure.estimate(Sample(columns), Question())
    assert shares(member, score, [10])[0] == pytest.approx(estimate.value)
    low, high = limits(member, score, 10)
    assert estimate.low <= low <= estimate.value <= high <= estimate.high


@settings(max_examples=30, deadline=None)
@given(st.integers(10, 200), st.integers(0, 2**32 - 1), st.booleans())
def test_the_band_holds_the_curve_and_both_rise(n, seed, ties):
    member, score, _ = sides(n, ties=ties, seed=seed)
    ks = allowed(n)
    assert ks[0] == 1
    assert ks[-1] == n
    found = shares(member, score, ks).tolist()
    assert found == sorted(found)
    assert found[-1] == 1
    for k, share in zip(ks, found, strict=True):
        low, high = limits(member, score, k)
        assert 0 <= low <= high <= 1
        assert share <= high


def test_attack_and_blind_stand_beside_chance_from_one_false_alarm_on(source, written):
    written(PRIVACY, TOLD, told(*sides()))
    held = [
        finding("membership_auc", {}, 0.64, probe=PRIVACY),
        finding("blind_auc", {}, 0.50, probe=PRIVACY),
        finding("membership_advantage", {}, 0.14, probe=PRIVACY),
    ]
    curve = drawn(source, PRIVACY, "roc", held)
    assert {line.style for line in curve.series} == {"main", "other", "diagonal"}
    for line in curve.series:
        at = numbers(line.path)
        assert at.min() >= 0
        assert at.max() <= 100
    diagonal = next(s for s in curve.series if s.style == "diagonal")
    assert numbers(diagonal.path).tolist() == [[0, 100], [100, 0]]
    assert [line.cells[1].text for line in curve.beneath.lines[:2]] == [
        "needs 10\u2009000 non-members",
        "needs 1\u2009000 non-members",
    ]
    tenth, area = curve.beneath.lines[2:]
    assert tenth.cells[3].value == pytest.approx(tenth.cells[0].value - tenth.cells[2].value)
    assert area.cells[3].text.startswith("0.140")
    assert "one false alarm of 300" in curve.notes
    assert [tick.label for tick in curve.x.ticks] == ["1 %", "10 %", "100 %"]


def test_where_the_record_has_the_rate_it_is_that(source, written):
    written(PRIVACY, TOLD, told(*sides(1000)))
    held = finding("tpr_at_1_percent_fpr", {}, 0.0123, probe=PRIVACY, low=0.004, high=0.03)
    curve = drawn(source, PRIVACY, "roc", [held])
    cells = curve.beneath.lines[1].cells
    assert (cells[0].text, cells[1].text) == ("1.2 %", "0.4 % to 3 %")


def test_too_few_of_a_side_are_nothing_to_draw(source, written):
    member, score, blind = sides(20)
    rows = [r for r in told(member, score, blind) if r.case.member or r.case.id < "c25"]
    written(PRIVACY, TOLD, rows)
    found = drawn(source, PRIVACY, "roc")
    assert found.kind == "nothing"
    assert "are needed" in found.missing


@pytest.mark.parametrize("of", ["calibration", "roc"])
def test_without_evidence_the_reason_is_said(source, of):
    missing = drawn(source, BASICS, of).missing
    assert missing.startswith("the evidence is not beside the record")


def test_options_that_mean_nothing_are_said(source):
    assert "of: rok" in drawn(source, BASICS, "rok").missing
    shown = Exhibit(BASICS, "curve", "A curve", {})
    assert "does not say: of" in BUILDERS["curve"](source(), shown).missing


def test_a_page_with_curves_holds_names_as_text_and_describes_them(record, tmp_path, written):
    written(BASICS, CLASSIFIED, classified())
    written(PRIVACY, TOLD, told(*sides()))
    nasty = "<script>alert(1)</script>" + "W" * 10_000
    changed = msgspec.structs.replace(
        record,
        findings=(
            finding("accuracy", {}, 0.8, probe=BASICS),
            finding("membership_auc", {}, 0.6, probe=PRIVACY),
        ),
        exhibits=(
            Exhibit(BASICS, "curve", "One", {"of": "calibration"}),
            Exhibit(PRIVACY, "curve", "Two", {"of": "roc"}),
        ),
        model={**record.model, "classes": ["no", nasty], "positive": nasty},
    )
    page = render(changed, tmp_path)
    figures = re.findall(r'<figure class="exhibit curve".*?</figure>', page, re.DOTALL)
    assert len(figures) == 2
    for figure in figures:
        assert "<script>" not in figure
        assert "W" * 100 not in figure
        named = re.search(r'role="img" aria-labelledby="(\S+) (\S+)"', figure)
        assert f'<title id="{named[1]}">' in figure
        assert f'<desc id="{named[2]}">' in figure
    assert "&lt;script&gt;" in figures[0]
    ids = re.findall(r'\bid="(x[0-9a-f]{12}[^"]*)"', page)
    assert len(ids) == len(set(ids)) == 6
