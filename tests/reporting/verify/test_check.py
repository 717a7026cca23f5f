"""What the audit's own writing says is found right, and every kind of change is found."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fmaudit.reporting.verify as package
from fmaudit.reporting.record import load, write
from fmaudit.reporting.verify import Verification, verify
from fmaudit.types import AuditRecord, Estimate, Finding

replace = msgspec.structs.replace
FIGURES = ("value", "low", "high", "low_adj", "high_adj", "p_fail", "p_pass", "n", "clusters")


def described(found: Verification) -> str:
    return "\n".join(f"{c.finding} {c.figure}: {c.stored} | {c.recomputed}" for c in
                     found.mismatches[:10])  # fmt: skip


# ── both writings agree ──────────────────────────────────────────────────────────────────

DESIGNS = {
    "plain": {},
    "weighted": {"weighted": True},
    "weighted strata": {"weighted": True, "strata": 2},
    "clusters": {"per_cluster": 3},
    "weighted clusters in strata, missing groups": {
        "weighted": True,
        "strata": 2,
        "per_cluster": 3,
        "missing": 0.1,
    },
    "one stratum a group": {"strata": 2, "seed": 4},
    "three classes": {"classes": ("a", "b", "c"), "positive": None, "seed": 3},
    "three classes, one favoured": {"classes": ("a", "b", "c"), "seed": 5},
    "few": {"n": 60, "seed": 6},
    "few clusters": {"n": 120, "per_cluster": 6, "seed": 7},
}


@pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS.keys())
def test_both_writings_agree(design, tmp_path, make_run):
    """Every estimate, verdict, rule and count of the audit's own writing."""
    make_run(tmp_path, **design)
    found = verify(tmp_path)
    assert found.ok, described(found)
    assert found.counts["value"] > 500


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20, 40))
def test_both_writings_agree_on_any_sample(seed, tmp_path, make_run):
    rng = np.random.default_rng(seed)
    make_run(
        tmp_path,
        n=int(rng.integers(40, 1500)),
        weighted=bool(rng.integers(2)),
        per_cluster=int(rng.integers(1, 4)),
        missing=float(rng.choice([0.0, 0.2])),
        seed=seed,
    )
    found = verify(tmp_path)
    assert found.ok, described(found)


def test_every_way_of_verifying_is_named(plain_run):
    folder, record = plain_run
    found = verify(folder)
    assert found.ok, described(found)
    assert set(found.counts) == {"value", "closed form", "resampled", "sealed"}
    kinds = {check.how for check in found.checks if "permutation_p" in check.figure}
    assert kinds == {"resampled"}
    assert len({check.finding for check in found.checks}) > len(record.findings) / 2


# ── a change is found, also under a seal made anew ───────────────────────────────────────


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_one_changed_digit_of_any_figure_is_found(data, plain_run, light_check):
    """Value, bounds, p-values, n and clusters of any finding: one digit, and it shows."""
    _, record = plain_run
    with_figures = [k for k, f in enumerate(record.findings) if f.estimate is not None]
    at = data.draw(st.sampled_from(with_figures))
    there = [n for n in FIGURES if getattr(record.findings[at].estimate, n) is not None]
    name = data.draw(st.sampled_from(there))
    digit = data.draw(st.integers(1, 8))

    def change(finding: Finding) -> Finding:
        assert finding.estimate is not None
        stored = getattr(finding.estimate, name)
        moved = stored + 1 if isinstance(stored, int) else stored + 10.0**-digit
        return replace(finding, estimate=replace(finding.estimate, **{name: moved}))

    found = light_check(record, at, change)
    assert [c for c in found if c.figure == name], f"{name} of {record.findings[at]}"


def gated(record: AuditRecord, wanted: str) -> int:
    """Where the first gated finding of that verdict stands; "gap": one between groups."""
    return next(
        k
        for k, f in enumerate(record.findings)
        if f.rule is not None
        and (
            f.verdict == wanted or (wanted == "gap" and f.estimate and "pair" in f.estimate.details)
        )
    )


CHANGES: dict[str, tuple[str, Callable[[Finding], Finding]]] = {
    "verdict": ("fail", lambda f: replace(f, verdict="pass")),
    "verdict hidden": ("fail", lambda f: replace(f, verdict="not_tested", estimate=None)),
    "rule value": ("fail", lambda f: replace(f, rule=replace(f.rule, value=0.2))),
    "rule origin": ("fail", lambda f: replace(f, rule=replace(f.rule, origin="law"))),
    "rule gone": ("fail", lambda f: replace(f, rule=None, verdict="measured")),
    "needed_n": ("inconclusive", lambda f: replace(f, needed_n=f.needed_n + 1)),
    "method": ("fail", lambda f: changed(f, method="wilson")),
    "pair": ("gap", lambda f: changed(f, details={**f.estimate.details, "pair": ["F", "F"]})),
    "detail gone": ("gap", lambda f: changed(f, details={})),
    "controls": ("fail", lambda f: replace(f, controls=("iso:1",))),
}


def changed(finding: Finding, **fields: object) -> Finding:
    assert finding.estimate is not None
    return replace(finding, estimate=replace(finding.estimate, **fields))


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_statement_is_found(name, plain_run, light_check):
    _, record = plain_run
    verdict, change = CHANGES[name]
    assert light_check(record, gated(record, verdict), change)


def test_the_seal_made_anew_hides_nothing(run_copy, save):
    """The whole of `verify`, on a record whose forger sealed it again."""
    folder, record = run_copy
    at = gated(record, "fail")
    findings = list(record.findings)
    findings[at] = replace(findings[at], verdict="pass")
    save(folder, replace(record, findings=tuple(findings)))
    found = verify(folder)
    assert not found.ok
    assert not [c for c in found.mismatches if c.how == "sealed"]
    assert {c.figure for c in found.mismatches} == {"verdict"}


def test_a_changed_record_breaks_the_seal(run_copy):
    folder, record = run_copy
    write(folder, replace(record, costs={"tokens": 1}))
    found = verify(folder)
    assert {c.how for c in found.mismatches} == {"sealed"}
    assert "after it was sealed" in found.mismatches[0].note


@pytest.mark.parametrize("change", [{"slice": {"attribute": "race & sex"}}, {"positive": "no"}])
def test_a_finding_moved_elsewhere_is_found(change, run_copy, save):
    """Both where it was promised and where it now stands."""
    folder, record = run_copy
    at = gated(record, "fail")
    findings = list(record.findings)
    findings[at] = replace(findings[at], **change)
    save(folder, replace(record, findings=tuple(findings)))
    notes = {c.note for c in verify(folder).mismatches}
    assert "promised by its card, and missing" in notes
    assert "no card of the record promises this finding" in notes


@pytest.mark.parametrize("resealed", [False, True])
def test_rows_cut_from_the_evidence_are_found(resealed, run_copy, save, cut):
    folder, record = run_copy
    cut(folder / "evidence" / "performance.classification.parquet", keep=-1)
    if resealed:
        save(folder, record)
    found = verify(folder)
    wrong = {(c.finding, c.figure) for c in found.mismatches}
    assert ("coverage performance.classification", "rows") in wrong
    assert ("performance.classification accuracy {}", "n") in wrong
    assert resealed != bool([c for c in found.mismatches if c.how == "sealed"])


def test_rows_cut_and_counts_lowered_are_found(run_copy, save, cut):
    """The rows are gone, and the coverage says so: the figures still do not fit."""
    folder, record = run_copy
    cut(folder / "evidence" / "performance.classification.parquet", keep=-1)
    coverage = tuple(
        replace(c, rows=c.rows - 1, cases=c.cases - 1)
        if c.probe == "performance.classification"
        else c
        for c in record.coverage
    )
    save(folder, replace(record, coverage=coverage))
    wrong = {(c.finding, c.figure) for c in verify(folder).mismatches}
    assert ("performance.classification accuracy {}", "n") in wrong
    assert ("coverage performance.classification", "cases of the data") in wrong


@pytest.mark.parametrize("which", ["a figure", "a group that was left out"])
def test_a_deleted_finding_is_noticed(which, run_copy, save):
    folder, record = run_copy
    if which == "a figure":
        at = gated(record, "fail")
    else:
        at = next(k for k, f in enumerate(record.findings) if "left out" in f.slice)
    kept = tuple(f for k, f in enumerate(record.findings) if k != at)
    save(folder, replace(record, findings=kept))
    notes = [c.note for c in verify(folder).mismatches]
    assert "promised by its card, and missing" in notes


def test_a_finding_that_no_card_promises_is_noticed(run_copy, save):
    folder, record = run_copy
    extra = replace(record.findings[0], slice={"sex": "X"})
    save(folder, replace(record, findings=(*record.findings, extra)))
    notes = [c.note for c in verify(folder).mismatches]
    assert notes == ["no card of the record promises this finding"]


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("audit", "exit_code", 0),
        ("audit", "families", {"bias": 1, "performance": 0}),
        ("data", "rows", 1),
        ("data", "cut_texts", 0),
        ("data", "attributes", ["sex"]),
        ("model", "positive", "no"),
    ],
)
def test_a_changed_fact_is_found(part, key, value, run_copy, save):
    folder, record = run_copy
    save(folder, replace(record, **{part: {**getattr(record, part), key: value}}))
    found = verify(folder)
    if key == "attributes":  # the evidence still names the other one, so that nothing changes
        assert found.ok, described(found)
    else:
        assert not found.ok


@pytest.mark.parametrize("damage", ["gone", "cut short", "not parquet"])
def test_evidence_that_cannot_be_read_is_a_mismatch(damage, run_copy):
    folder, _ = run_copy
    path = folder / "evidence" / "bias.group_outcomes.parquet"
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(data[: len(data) // 2] if damage == "cut short" else b"not parquet")
    found = verify(folder)
    assert not found.ok
    assert "cannot be read" in " ".join(c.note for c in found.mismatches)


def test_values_in_the_evidence_that_do_not_fit_are_a_mismatch(run_copy, save, rewrite):
    """Labels beyond the classes: no traceback, and no pass."""
    folder, record = run_copy
    rewrite(folder / "evidence" / "performance.classification.parquet", "label", 7)
    save(folder, record)
    assert not verify(folder).ok


def test_too_many_failures_must_be_an_error(tmp_path, make_run, save, rewrite):
    make_run(tmp_path, n=200)
    path = tmp_path / "evidence" / "performance.classification.parquet"
    rewrite(path, "failed", True)
    save(tmp_path, load(tmp_path))
    wrong = [c for c in verify(tmp_path).mismatches if c.finding.startswith("performance")]
    assert "rows failed" in wrong[0].note


# ── the second writing is one ────────────────────────────────────────────────────────────


def test_nothing_here_imports_the_first_writing():
    """No module of `verify` imports `fmaudit.stats`, nor scikit-learn, statsmodels, fairlearn."""
    allowed = {"errors", "types", "reporting"}
    for path in Path(package.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            for name in names:
                top, *rest = name.split(".")
                assert top not in {"sklearn", "statsmodels", "fairlearn"}, f"{path}: {name}"
                assert top != "fmaudit" or rest[0] in allowed, f"{path}: {name}"


@pytest.fixture
def run_copy(plain_run, tmp_path) -> tuple[Path, AuditRecord]:
    """A run that a test may change."""
    folder = tmp_path / "run"
    shutil.copytree(plain_run[0], folder)
    return folder, load(folder)


def test_an_estimate_is_compared_in_full():
    """A new field of an estimate must be compared too: this test names the known ones."""
    assert set(Estimate.__struct_fields__) == {*FIGURES, "method", "details"}
