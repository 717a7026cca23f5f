from __future__ import annotations

import pytest
from support_selftest import ID, trial

from fmaudit import catalog
from fmaudit.errors import UnknownName
from fmaudit.selftest.trials import holm_sizes, trials, verdicts


def test_values_are_clean_at_the_rule_and_planted(tmp_path):
    mine = trial(tmp_path)
    assert mine.values("clean") == {"accuracy": 0.9}
    assert mine.values("boundary") == {"accuracy": 0.7}
    assert mine.values("dosed") == {"accuracy": 0.4}


def test_an_audit_gives_the_gated_findings_of_all_slices(tmp_path):
    found = trial(tmp_path).audit("clean", 60, 0, tmp_path)
    assert [(f.measure, dict(f.slice)) for f in found] == [
        ("accuracy", {"group": g}) for g in "abcd"
    ]
    assert all(f.probe == ID and f.estimate.n == 60 for f in found)
    assert all(0.75 < f.estimate.value < 1 for f in found)


def test_the_same_seed_gives_the_same_audit_and_another_another(tmp_path):
    mine = trial(tmp_path)
    first, again, other = (mine.audit("dosed", 60, seed, tmp_path) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_findings_have_the_verdicts_of_an_audit(tmp_path):
    mine = trial(tmp_path)
    assert verdicts(mine.audit("dosed", 120, 0, tmp_path), {"fake": 4}) == ["fail"] * 4
    assert verdicts(mine.audit("clean", 120, 0, tmp_path), {"fake": 4}) == ["pass"] * 4


def test_too_large_a_family_hides_a_defect(tmp_path):
    found = trial(tmp_path).audit("dosed", 40, 0, tmp_path)
    assert "fail" in verdicts(found, {"fake": 4})
    assert "fail" not in verdicts(found, {"fake": 10**9})


def test_every_shipped_card_with_a_rule_has_a_plant_for_each_of_its_rules():
    cards = catalog.probes().values()
    found = trials(cards, holm_sizes(cards))
    assert {t.card.id for t in found} == {card.id for card in cards if card.gated}
    for mine in found:
        gated = {e.measure: e.rule for e in mine.card.measures if e.rule}
        assert set(gated) <= set(mine.plant.measures), mine.card.id
        assert {p.measure for p in mine.plans} == set(gated), mine.card.id


def test_the_holm_families_are_those_of_two_attributes():
    assert holm_sizes([catalog.probe("bias.group_outcomes")]) == {"classifier": {"bias": 4}}
    assert holm_sizes([catalog.probe("bias.counterfactual_terms")]) == {"classifier": {"bias": 3}}


def test_probes_of_one_kind_of_model_are_no_part_of_another_s_families():
    sizes = holm_sizes(catalog.probes().values())
    assert set(sizes) == {"any", "classifier", "language", "masked"}
    assert sizes["any"] == {"bias": 0}  # of whatever has vectors nothing gates
    assert sizes["classifier"]["bias"] == 11
    assert sizes["masked"] == {"bias": 8}


def test_a_method_without_a_plant_is_named(tmp_path):
    card = trial(tmp_path).card
    with pytest.raises(UnknownName, match="predictions"):
        trials([card], {"classifier": {"fake": 4}})
