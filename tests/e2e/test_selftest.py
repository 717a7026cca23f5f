"""`fmaudit selftest`, and what it leaves, in a record and its report."""

from __future__ import annotations

import json

import msgspec
import pytest
from support_selftest import ID, biased, content, plant

import fmaudit
from fmaudit import catalog, measured, registry
from fmaudit.reporting import record, seal
from fmaudit.reporting.html import write_report
from fmaudit.reporting.verify import verify
from fmaudit.selftest import tier1, trials
from fmaudit.selftest.trained import audits
from fmaudit.types import Rate

ONE_WORKER = ("--workers", 1, "--seeds", 59)
GAPS, GAP = "bias.group_outcomes", "equal_opportunity_difference"


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """The command sees the made-up probe alone, in a checkout of its own."""

    def put(**options):
        monkeypatch.setattr(catalog, "roots", lambda extra=(): (*extra, tmp_path / "here"))
        monkeypatch.setattr(trials, "PLANTS", {"predictions": plant(ladder=(40,), **options)})
        return content(tmp_path / "here")

    return put


def test_a_sound_rule_ends_with_0_and_shows_its_figures(
    fmaudit_cli, planted, tmp_path, monkeypatch
):
    folder = planted()
    monkeypatch.setattr(tier1, "SEEDS", 59)  # fewer than are shipped, for the test's sake
    said = fmaudit_cli("selftest", *ONE_WORKER, "--json", "out.json", "--write")
    assert said.code == 0, said.out + said.err
    assert ID in said.out
    assert "accuracy" in said.out
    assert "whole audits" in said.out
    assert [row["probe"] for row in json.loads((tmp_path / "out.json").read_text())] == [ID]
    assert measured.read(catalog.probe(ID)).figures[0].power.seeds == 59
    assert measured.read_whole(folder / "probes")["classifier"].m == {"fake": 7}


def test_a_breach_ends_with_1_and_is_named(fmaudit_cli, planted):
    planted(rows=biased)
    said = fmaudit_cli("selftest", ID, *ONE_WORKER)
    assert said.code == 1
    assert f"BREACH  {ID} accuracy at n = 40" in said.out


def test_an_unknown_name_is_refused_with_the_nearest(fmaudit_cli):
    said = fmaudit_cli("selftest", "bias.group_outcome")
    assert said.code == 2
    assert repr(GAPS) in said.err
    assert "Traceback" not in said.err


def test_too_few_seeds_are_refused(fmaudit_cli):
    assert fmaudit_cli("selftest", "bias", "--seeds", 58).code == 2


@pytest.mark.parametrize("tier", [(), ("--trained",)])
@pytest.mark.parametrize(
    "words", [("--json", "gone/out.json"), ("--json", "."), ("--write", "--seeds", 9)]
)
def test_what_cannot_be_kept_is_refused_before_the_work(
    fmaudit_cli, planted, monkeypatch, tier, words
):
    planted()
    for work in (tier1, audits):
        monkeypatch.setattr(work, "run", lambda *a, **k: pytest.fail("it was run"))
    said = fmaudit_cli("selftest", *tier, *words)
    assert said.code == 2
    assert words[0] in said.err or "at least 59" in said.err
    assert "Traceback" not in said.err


def test_figures_of_fewer_audits_than_by_default_are_not_written(fmaudit_cli, planted):
    folder = planted()
    said = fmaudit_cli("selftest", *ONE_WORKER, "--write")
    assert (said.code, "at least 400" in said.err) == (2, True)
    assert not list(folder.rglob("*.measured.json"))


def test_probes_without_rules_have_nothing_to_simulate(fmaudit_cli):
    said = fmaudit_cli("selftest", "performance.language_modelling")
    assert (said.code, "Nothing to simulate" in said.out) == (0, True)


# ── beside the findings of an audit ──────────────────────────────────────────────────────


@pytest.fixture
def error(monkeypatch):
    """The error of one gap's rule, as if it had been measured at n = 30 and n = 4000."""
    card, method = catalog.probe(GAPS), registry.load_method("group_outcomes")
    sure, never = Rate(1.0, 0.937, 1.0, 400), Rate(0.0, 0.0, 0.0075, 400)
    some = Rate(0.025, 0.0169, 0.0338, 1000)
    figures = [
        measured.Simulated(GAP, "<=", 0.1, 0.25, n, 7, sure, never, never, some) for n in (30, 4000)
    ]
    found = msgspec.structs.replace(
        measured.stamp(card, method, "A subject."), figures=tuple(figures)
    )

    def put(**changes):
        mine = msgspec.structs.replace(found, **changes)
        monkeypatch.setattr(measured, "read", lambda card: mine if card.id == GAPS else None)

    put()
    return put


def audit(spec, folder):
    fmaudit.audit(spec, out=folder)
    text = write_report(folder).read_text(encoding="utf-8")
    return record.load(folder), " ".join(text.split())


def gated(found):
    return [f for f in found.findings if f.measure == GAP and f.rule and f.estimate]


def test_a_finding_stands_beside_its_error_in_record_and_report(spec, error, tmp_path):
    found, text = audit(spec, tmp_path / "run")
    assert gated(found)
    assert all(f.measured_error.n == 30 and not f.measured_error.stale for f in gated(found))
    (missing,) = found.probes[GAPS]["measured"]["stale"]
    assert missing == "false_positive_rate_difference <= 0.1: not measured"
    assert "a true 0.25 is failed in at least 93 % of simulated audits" in text
    assert "a clean model in at most 1 %" in text
    assert "exactly at the threshold passes in at most 4 %" in text
    others = [f for f in found.findings if f.measure != GAP and f.rule and f.estimate]
    assert others
    assert all(f.measured_error is None for f in others)
    assert "how often this rule errs has not been measured" in text


def test_a_stale_one_says_so(spec, error, tmp_path):
    error(method_digest="0" * 64)
    found, text = audit(spec, tmp_path / "run")
    assert gated(found)
    assert all(f.measured_error.stale for f in gated(found))
    assert "the method has changed since" in text
    assert "and so stale" in text


def test_other_parameters_than_measured_are_stale(spec, error, tmp_path):
    error(params={"strength": 3})
    found, text = audit(spec, tmp_path / "run")
    assert gated(found)
    assert all(f.measured_error.stale for f in gated(found))
    assert "other parameters than measured" in text
    assert verify(tmp_path / "run").ok


def test_verify_checks_which_error_stands_there(spec, error, tmp_path):
    found, _ = audit(spec, tmp_path / "run")
    done = verify(tmp_path / "run")
    assert done.ok, [c for c in done.mismatches]
    assert [c.how for c in done.checks if c.figure == "measured_error"] == [
        "not from evidence"
    ] * len(gated(found))

    def forged(finding):
        worse = finding.measured_error
        if worse is None:
            return finding
        return msgspec.structs.replace(
            finding, measured_error=msgspec.structs.replace(worse, n=4000)
        )

    changed = msgspec.structs.replace(found, findings=tuple(map(forged, found.findings)))
    record.write(tmp_path / "run", seal.seal(tmp_path / "run", changed))
    wrong = verify(tmp_path / "run").mismatches
    assert {c.figure for c in wrong} == {"measured_error"}
    assert len(wrong) == len(gated(found))


def test_probes_show_prints_it(fmaudit_cli, error):
    said = fmaudit_cli("probes", "show", GAPS)
    assert f"{GAP} <= 0.1: Audited auditor: at n = 30" in said.out
    error(measures_digest="0" * 64)
    assert "stale: the statistics have changed since" in fmaudit_cli("probes", "show", GAPS).out


def test_probes_show_says_where_nothing_was_measured(fmaudit_cli, error):
    assert "has not been measured" in fmaudit_cli("probes", "show", "bias.counterfactual_terms").out
