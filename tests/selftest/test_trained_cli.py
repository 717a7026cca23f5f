from __future__ import annotations

import json
import sys

import pytest

from fmaudit import catalog, measured
from fmaudit.cli import main
from fmaudit.cli.trained import trained
from fmaudit.selftest import keeping as tier1_keeping
from fmaudit.selftest.trained import audits, keeping
from fmaudit.selftest.trained.plants import PLANTS

RATE = {"value": 1.0, "low": 0.74, "high": 1.0, "seeds": 10}
NONE = {"value": 0.0, "low": 0.0, "high": 0.26, "seeds": 10}
ENTRY = {
    "plant": "brittle tokenisation",
    "about": "a classifier.",
    "probe": "robustness.character_noise",
    "measure": "excess_accuracy_drop",
    "slice": {"kind": "ocr"},
    "sign": "fail",
    "m": 6,
    "dose": {"value": 0.5, "low": 0.4, "high": 0.6},
    "n": 500,
    "power": RATE,
    "false_alarms": NONE,
    "boundary": None,
    "twins": {"dosed": {"seeds": 10}},
    "beside": {"token_auprc": {"value": 1.0, "low": 0.98, "high": 1.0}},
}


@pytest.fixture
def asked(monkeypatch):
    """What the command asks for, in place of training; it is told that all was found."""
    calls = []

    def put(**changed):
        def run(plants, *, seeds, report):
            calls.append(([plant.probe for plant in plants], seeds))
            report("a line")
            return [{**ENTRY, **changed}] if plants else []

        monkeypatch.setattr(audits, "run", run)
        return calls

    return put


def test_the_names_and_the_seeds_are_passed_on(asked, capsys, tmp_path):
    calls = asked()
    assert trained(["robustness"], None, tmp_path / "out.json", False) == 0
    assert trained(["bias", "explanations.partition_shap"], 2, None, False) == 0
    assert trained([], 2, None, False) == 0
    assert calls[0] == (["robustness.character_noise"], audits.SEEDS)
    bias = ["bias.group_outcomes", "bias.sentence_preference", "bias.masked_preference"]
    assert calls[1][1] == 2
    assert sorted(calls[1][0]) == sorted([*bias, "explanations.partition_shap"])
    assert calls[2] == ([plant.probe for plant in PLANTS], 2)
    assert json.loads((tmp_path / "out.json").read_text()) == [{"tier": 2, **ENTRY}]
    said = capsys.readouterr()
    assert "10 of 10 (≥ 0.74)" in said.out
    assert "0 of 10 (≤ 0.26)" in said.out
    assert "token_auprc: 1.000 (0.980 to 1.000)" in said.out
    assert "a line" in said.err


def test_audits_that_no_rule_judged_are_said_and_not_counted(asked, capsys):
    twins = {"clean": {"seeds": 10}, "dosed": {"seeds": 12}}
    asked(false_alarms=None, twins=twins)
    assert trained([], None, None, False) == 0
    said = capsys.readouterr().out
    assert "not judged" in said
    assert "10 of 10 judged of 12 (≥ 0.74)" in said
    assert "0 of 10 (" not in said


def test_fewer_models_than_by_default_are_not_written(asked):
    calls = asked()
    with pytest.raises(tier1_keeping.SpecError, match="at least 10"):
        trained([], 9, None, True)
    assert calls == []


def test_a_breach_is_said_and_ends_with_1(asked, capsys):
    asked(false_alarms={"value": 0.5, "low": 0.22, "high": 0.78, "seeds": 10})
    assert trained([], None, None, False) == 1
    assert "BREACH  robustness.character_noise excess_accuracy_drop ocr" in capsys.readouterr().out


def test_a_defect_that_is_missed_is_said(asked, capsys):
    asked(power={"value": 0.5, "low": 0.22, "high": 0.78, "seeds": 10})
    assert trained([], None, None, False) == 0
    assert "weak    robustness.character_noise" in capsys.readouterr().out


def test_a_probe_without_a_plant_is_said(asked, capsys):
    asked()
    assert trained(["performance"], None, None, False) == 0
    assert "No trained model is planted" in capsys.readouterr().out


def test_write_keeps_the_figures_and_only_then(asked, monkeypatch):
    kept = []
    monkeypatch.setattr(keeping, "keep", kept.append)
    asked()
    trained([], None, None, False)
    assert kept == []
    trained([], None, None, True)
    assert kept == [[ENTRY]]


def test_an_installed_package_is_refused_before_anything_is_trained(asked, monkeypatch, tmp_path):
    calls = asked()
    monkeypatch.setattr(catalog, "roots", lambda extra=(): (tmp_path / "_content",))
    with pytest.raises(tier1_keeping.SpecError, match="checkout"):
        trained([], None, None, True)
    assert calls == []


def test_the_command_has_the_flag(asked, monkeypatch, capsys):
    calls = asked()
    monkeypatch.setattr(
        sys, "argv", ["fmaudit", "selftest", "--trained", "--seeds", "3", "robustness"]
    )
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    assert calls == [(["robustness.character_noise"], 3)]


def test_the_shipped_figures_of_trained_models_are_of_shipped_rules():
    for card in catalog.probes().values():
        found = measured.read(card)
        for entry in found.trained if found else ():
            assert entry["probe"] == card.id
            assert entry["measure"] in {e.measure for e in card.measures if e.rule}
            for twin, name in (("clean", "false_alarms"), ("dosed", "power")):
                judged = sum(entry["twins"][twin]["verdicts"][v] for v in audits.JUDGED)
                assert judged == (entry[name] or {"seeds": 0})["seeds"]
            assert list(keeping.breaches([entry])) == []
