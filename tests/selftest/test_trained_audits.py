from __future__ import annotations

import dataclasses
import json

import pytest
import torch
from support_selftest import ID, content

from fmaudit import catalog, measured, registry
from fmaudit.errors import RunError
from fmaudit.selftest.trained import audits, keeping
from fmaudit.selftest.trained.audits import Audited
from fmaudit.selftest.trained.plants import PLANTS, brittle, members, planted_words, shortcut
from fmaudit.selftest.trained.subjects import Plant
from fmaudit.types import Estimate, Finding, Rule

KEYS = {"probe", "measure", "dose", "n", "m", "power", "false_alarms", "boundary"}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def finding(verdict, measure="gap", **slice_):
    figure = Estimate(0.1, 0.0, 0.2, n=90, clusters=30, method="made up")
    untested = verdict == "not_tested"
    return Finding(
        probe=ID,
        family="fake",
        measure=measure,
        slice=slice_,
        estimate=None if untested else figure,
        rule=Rule("<=", 0.1),
        verdict=verdict,
        reason="too few" if untested else "",
    )


def fake(make=None, **options):
    made = {"name": "fake", "probe": ID, "measures": ("gap",), "about": "Fake.", "make": make}
    return Plant(**(made | options))


def done(twin, *verdicts, effect=0.3):
    return [Audited(twin, {"gap": effect}, [finding(v)], 2, {"beside": 0.5}) for v in verdicts]


def test_verdicts_of_each_twin_are_counted():
    audited = [
        *done("clean", "pass", "pass", "fail", "inconclusive", effect=0.0),
        *done("boundary", "inconclusive", "fail", effect=0.1),
        *done("dosed", "fail", "fail", "not_tested", effect=0.3),
    ]
    (entry,) = audits.entries(fake(), audited)
    assert set(entry) >= KEYS
    assert (entry["m"], entry["n"], entry["sign"]) == (2, 30, "fail")
    assert entry["false_alarms"]["value"] == 0.25
    assert entry["boundary"]["value"] == 0.5
    assert entry["power"]["value"] == 1.0
    assert {k: r["seeds"] for k, r in entry.items() if k in ("power", "false_alarms")} == {
        "power": 2,  # the third could not be judged
        "false_alarms": 4,
    }
    dosed = entry["twins"]["dosed"]
    assert dosed["verdicts"] == {
        "fail": 2,
        "pass": 0,
        "inconclusive": 0,
        "not_tested": 1,
        "error": 0,
    }
    assert dosed["reasons"] == ["too few"]
    assert entry["dose"] == {"value": pytest.approx(0.3), "low": 0.3, "high": 0.3}
    assert entry["beside"]["beside"]["value"] == 0.5


def test_the_sign_of_a_certificate_is_a_pass():
    plant = fake(sign="pass", twins=("clean", "dosed"))
    audited = [*done("clean", "not_tested", "inconclusive"), *done("dosed", "pass", "pass")]
    (entry,) = audits.entries(plant, audited)
    assert (entry["power"]["value"], entry["false_alarms"]["value"]) == (1.0, 0.0)
    assert entry["boundary"] is None


def test_where_no_audit_was_judged_there_is_no_rate():
    plant = fake(sign="pass", twins=("clean", "dosed"))
    audited = [*done("clean", "not_tested", "error"), *done("dosed", "pass", "pass")]
    (entry,) = audits.entries(plant, audited)
    assert entry["false_alarms"] is None
    assert entry["twins"]["clean"]["seeds"] == 2
    assert list(keeping.breaches([entry])) == list(keeping.missed([entry])) == []


def test_each_slice_is_a_figure_of_its_own():
    one = [finding("fail", kind="ocr"), finding("pass", kind="casing")]
    audited = [Audited(twin, {"gap": 0.3}, one, 2, {}) for twin in ("clean", "boundary", "dosed")]
    ocr, casing = audits.entries(fake(), audited)
    assert (ocr["slice"], ocr["power"]["value"]) == ({"kind": "ocr"}, 1.0)
    assert (casing["slice"], casing["power"]["value"]) == ({"kind": "casing"}, 0.0)


def entry(false=0, boundary=0, found=10):
    audited = [
        *done("clean", *(["fail"] * false + ["pass"] * (10 - false))),
        *done("boundary", *(["fail"] * boundary + ["inconclusive"] * (10 - boundary))),
        *done("dosed", *(["fail"] * found + ["inconclusive"] * (10 - found))),
    ]
    return next(audits.entries(fake(), audited))


def test_ten_models_show_a_breach_only_where_their_lower_bound_does():
    assert list(keeping.breaches([entry(), entry(false=2), entry(boundary=2)])) == []
    assert list(keeping.breaches([entry(false=3)])) == [f"{ID} gap: false alarms 3 of 10"]
    assert list(keeping.breaches([entry(boundary=3)])) == [f"{ID} gap: boundary 3 of 10"]
    assert list(keeping.missed([entry(), entry(found=8)])) == []
    assert list(keeping.missed([entry(found=5)])) == [f"{ID} gap: found in 5 of 10"]


def test_what_trained_models_showed_is_kept_beside_what_was_simulated(tmp_path, monkeypatch):
    root = content(tmp_path / "here")
    monkeypatch.setattr(catalog, "roots", lambda extra=(): (root,))
    card = catalog.probe(ID)
    (path,) = keeping.keep([entry()])
    first = measured.read(card)
    assert [e["measure"] for e in first.trained] == ["gap"]
    assert first.figures == ()
    method = registry.load_method(card.method)
    measured.write(card, measured.stamp(card, method, subject="Kept."))
    assert keeping.keep([entry(found=7), entry(found=8)]) == [path]
    again = measured.read(card)
    assert again.subject == "Kept."
    assert [e["power"]["value"] for e in again.trained] == [0.7, 0.8]


def test_as_json_the_figures_say_that_they_are_of_tier_2():
    (row,) = json.loads(keeping.plain([entry()]))
    assert row["tier"] == 2
    assert set(row["power"]) == {"value", "low", "high", "seeds"}


def test_a_probe_that_was_not_run_is_no_silent_pass(tmp_path):
    def unlabelled(twin, seeds):
        made = brittle.make(twin, seeds)
        rows = [{"text": r["text"]} for r in made.tables["data"]]
        return dataclasses.replace(made, tables={"data": rows}, spec={"data": {"text": "text"}})

    plant = fake(unlabelled, probe="bias.group_outcomes", measures=(shortcut.TPR,))
    with pytest.raises(RunError, match=r"bias\.group_outcomes.*needs groups"):
        audits.run([plant], seeds=1, twins=["clean"])


def test_a_brittle_model_is_caught_and_its_twin_is_not():
    told = []
    found = audits.run([brittle.PLANT], seeds=1, twins=("clean", "dosed"), report=told.append)
    assert len(told) == 2
    measures = [(e["measure"], e["slice"].get("kind")) for e in found]
    kinds = ["keyboard", "ocr", "casing", "homoglyph", "invisible"]
    assert measures == [
        (measure, kind) for measure in (brittle.DROP, brittle.FLIPS) for kind in kinds
    ]
    for figure in found:
        assert figure["twins"]["clean"]["verdicts"]["pass"] == 1
        assert figure["twins"]["dosed"]["verdicts"]["fail"] == 1
        assert figure["dose"]["value"] > 0.4
        assert figure["n"] == 500


def counts(found):
    return {
        e["measure"] + e["slice"].get("kind", ""): tuple(
            round(e[rate]["value"] * e[rate]["seeds"]) if e[rate] else 0
            for rate in ("power", "false_alarms")
        )
        for e in found
    }


@pytest.mark.slow
@pytest.mark.parametrize("plant", [shortcut.PLANT, brittle.PLANT], ids=["shortcut", "brittle"])
def test_ten_trained_models_of_each_twin(plant):
    found = audits.run([plant], seeds=10, twins=("clean", "dosed"))
    assert set(counts(found).values()) == {(10, 0)}


@pytest.mark.slow
def test_three_models_that_learned_their_members_by_heart():
    found = audits.run([members.PLANT], seeds=3)
    assert counts(found) == {members.TPR: (3, 0)}
    assert list(keeping.breaches(found)) == []


@pytest.mark.slow
@pytest.mark.parametrize("plant", planted_words.PLANTS, ids=lambda p: p.probe)
def test_three_models_that_planted_words_decide(plant):
    found = audits.run([plant], seeds=3)
    assert set(counts(found).values()) == {(3, 0)}
    assert all(e["beside"]["token_auprc"]["low"] >= 0.95 for e in found)
    assert all(e["boundary"] is None for e in found)
    assert all(e["false_alarms"] is None for e in found)  # no map of such a model is judged


def test_every_plant_has_its_own_probe():
    assert len({plant.probe for plant in PLANTS}) == len(PLANTS)
