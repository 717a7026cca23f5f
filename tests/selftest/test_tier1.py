from __future__ import annotations

import msgspec
import pytest
from support_selftest import ID, answers, biased, trial

from fmaudit.selftest import tier1
from fmaudit.stats import verdicts


def run(folder, seeds=60, **options):
    return tier1.run([trial(folder, **options)], seeds=seeds, whole=True)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return run(tmp_path_factory.mktemp("cards"))


def test_each_rule_has_its_error_at_each_size(done):
    small, large = done.figures[ID]
    assert (small.measure, small.op, small.value, small.dose) == ("accuracy", ">=", 0.7, 0.4)
    assert (small.n, large.n, small.m) == (40, 120, 4)
    assert (large.power.seeds, large.false_alarms.seeds, large.boundary.seeds) == (60, 60, 150)
    assert large.power.value == 1.0
    assert small.power.value > 0.5
    assert large.false_alarms.value == 0.0
    assert large.boundary.value < 0.05
    assert large.wrong_passes.value < 0.05
    assert large.wrong_passes.seeds == 150


def test_a_sound_rule_is_no_breach(done):
    assert list(tier1.breaches(done)) == []
    assert list(tier1.weak(done)) == []


def test_whole_audits_are_judged_together(done):
    assert done.wholes["classifier"].m == {"fake": 4}
    assert done.wholes["classifier"].n == {ID: 120}
    assert done.wholes["classifier"].false_alarms.seeds == 60
    assert done.wholes["classifier"].boundary["fake"].seeds == 150


def test_without_being_asked_no_whole_audit_is_judged(tmp_path):
    assert tier1.run([trial(tmp_path, ladder=(40,))], seeds=2).wholes == {}


def test_the_figures_are_the_same_again_whatever_else_is_simulated(done, tmp_path):
    again = run(tmp_path, ladder=(120,))
    assert msgspec.json.encode(again.figures[ID]) == msgspec.json.encode(done.figures[ID][1:])
    assert again.wholes == done.wholes


def test_a_measure_that_is_biased_is_a_breach(tmp_path):
    found = list(tier1.breaches(run(tmp_path, seeds=20, rows=biased, ladder=(120,))))
    assert any("at its threshold" in line and ID in line for line in found)


def test_a_measure_that_flatters_is_a_breach_by_its_wrong_passes(tmp_path):
    def flattering(values, n, rng):
        return answers(values, n, rng, 0.1)

    found = list(tier1.breaches(run(tmp_path, seeds=20, rows=flattering, ladder=(120,))))
    assert any("passes in" in line and ID in line for line in found)
    assert not any("fails in" in line for line in found)


def test_a_level_that_is_not_kept_is_a_breach(tmp_path, monkeypatch):
    monkeypatch.setattr(verdicts, "ALPHA", 0.8)
    assert any(
        "at its threshold" in b for b in tier1.breaches(run(tmp_path, seeds=20, ladder=(40,)))
    )


def test_skipping_holm_is_a_breach_of_whole_audits(tmp_path, monkeypatch):
    monkeypatch.setattr(verdicts, "holm", lambda p, m=None: list(p))
    found = run(tmp_path, seeds=60, ladder=(40,))
    assert any(
        b.startswith("fake of a classifier model: a rule fails in") for b in tier1.breaches(found)
    )


def test_alarms_on_a_clean_model_are_a_breach(tmp_path):
    def failing(values, n, rng):
        return answers(values, n, rng, -0.4)

    found = list(tier1.breaches(run(tmp_path, seeds=20, rows=failing, ladder=(120,))))
    assert any("clean model" in line and ID in line for line in found)
    assert any(line.startswith("whole audits") for line in found)


def test_a_dose_that_is_not_found_is_named_and_no_breach(tmp_path):
    def deaf(values, n, rng):
        return answers({"accuracy": max(values["accuracy"], 0.7)}, n, rng)

    found = run(tmp_path, rows=deaf, ladder=(40,))
    assert found.figures[ID][0].power.value < 0.05
    assert list(tier1.breaches(found)) == []
    assert [line.split(":")[0] for line in tier1.weak(found)] == [f"{ID} accuracy"]


def test_a_figure_that_cannot_be_estimated_never_counts_as_found(tmp_path):
    def silent(values, n, rng):
        rows = answers(values, n, rng)
        return [msgspec.structs.replace(r, values={}, reason="nothing") for r in rows]

    assert run(tmp_path, seeds=5, rows=silent, ladder=(40,)).figures[ID][0].power.value == 0.0


@pytest.mark.slow
def test_several_processes_give_the_same_figures():
    from fmaudit import catalog
    from fmaudit.selftest.trials import holm_sizes, trials

    sizes = holm_sizes(catalog.probes().values())
    tried = trials([catalog.probe("bias.counterfactual_terms")], sizes)
    one, two = (tier1.run(tried, seeds=8, workers=w) for w in (1, 2))
    assert one == two
