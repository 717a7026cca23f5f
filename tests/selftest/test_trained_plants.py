from __future__ import annotations

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fmaudit import catalog
from fmaudit.seeds import Seeds
from fmaudit.selftest.trained.plants import PLANTS, brittle, members, planted_words, shortcut
from fmaudit.selftest.trained.subjects import share_at
from fmaudit.selftest.trained.texts import load

SEEDS = Seeds(0).child("test")


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda p: p.probe)
def test_a_plant_is_for_rules_that_its_card_has(plant):
    rules = {e.measure: e.rule for e in catalog.probe(plant.probe).measures if e.rule}
    assert set(plant.measures) <= set(rules)
    for module in (shortcut, brittle, members):
        if plant is module.PLANT:
            assert {rules[m].value for m in plant.measures} == {module.THRESHOLD}


@pytest.mark.parametrize(
    "plant", [brittle, pytest.param(shortcut, marks=pytest.mark.slow)], ids=["brittle", "shortcut"]
)
def test_twins_are_as_far_from_the_threshold_as_they_say(plant):
    effects = {
        twin: list(plant.make(twin, SEEDS).effects.values())
        for twin in ("clean", "boundary", "dosed")
    }
    assert max(map(abs, effects["clean"])) < 0.002
    assert max(map(abs, effects["boundary"])) == pytest.approx(plant.THRESHOLD, abs=0.015)
    assert min(effects["dosed"]) >= 2 * plant.THRESHOLD


@pytest.mark.slow
def test_members_are_those_that_were_trained_on():
    made = {twin: members.make(twin, SEEDS) for twin in ("clean", "boundary", "dosed")}
    effects = {twin: subject.effects[members.TPR] for twin, subject in made.items()}
    assert effects["clean"] == members.ALPHA
    assert effects["boundary"] == pytest.approx(members.THRESHOLD)
    assert effects["dosed"] >= 2 * members.THRESHOLD
    sides = {twin: {r["text"] for r in s.tables["members"]} for twin, s in made.items()}
    others = {row["text"] for row in made["dosed"].tables["nonmembers"]}
    assert not sides["clean"] & sides["dosed"]
    assert 0 < len(sides["boundary"] & sides["dosed"]) < 0.2 * members.A_SIDE
    assert not any(side & others for side in sides.values())


def test_the_planted_words_decide_and_the_clean_twin_ignores_them():
    dosed, clean = (planted_words.make(twin, SEEDS) for twin in ("dosed", "clean"))
    assert dosed.effects[planted_words.COMPREHENSIVENESS] > 0.2
    assert dosed.effects[planted_words.SUFFICIENCY] < -0.2
    assert set(clean.effects.values()) == {0.0}


def test_auprc_counts_the_planted_words():
    text = "hello invoice again refund"
    spans = {"word_starts": [0, 6, 14, 20], "word_ends": [5, 13, 19, 26], "input": text}
    rows = [{**spans, "word_scores": scores} for scores in ([0, 2, 1, 3], [3, 0, 2, 1], None)]
    found = planted_words.auprc(pd.DataFrame(rows))
    worst = (1 / 3 + 2 / 4) / 2
    assert found == {"token_auprc": pytest.approx((1 + worst) / 2)}
    assert planted_words.auprc(pd.DataFrame([rows[2]])) == {}


def test_applications_say_nothing_of_their_group():
    block = load().applications
    rows = shortcut._applications(block, 4000, SEEDS.rng("a"))
    shares = {
        group: pd.Series([r["label"] == "granted" for r in rows if r["region"] == group]).mean()
        for group in block.groups
    }
    assert shares[block.groups[0]] == pytest.approx(shares[block.groups[1]], abs=0.05)
    assert all(row["region"] in row["text"].split() for row in rows)


@given(st.sampled_from(load().topics["garden"]), st.integers(0, 2**32))
def test_misspelt_doubles_one_letter(word, seed):
    text = f"soil {word}"
    found = brittle.misspelt(text, Seeds(seed).rng("a"))
    assert len(found) == len(text) + 1
    assert found.count(" ") == 1
    assert any(found == text[:k] + text[k] + text[k:] for k in range(len(text)))


def test_the_share_brings_the_largest_effect_to_the_threshold():
    share = share_at(0.1, {"a": 0.5, "b": 0.3}, {"a": 0.0, "b": 0.0})
    assert share == pytest.approx(0.2)
    assert share_at(0.1, {"a": 0.5}, {"a": 0.02}) == pytest.approx(0.08 / 0.48)
