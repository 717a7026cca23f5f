from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import load_file

from fmaudit.models.classifier import ClassifierHandle
from fmaudit.tuning import Recipe, tune
from fmaudit.types import Case, Classify, Pair

RECIPE = Recipe(epochs=2, batch=8, rate=5e-3, frozen_layers=1, longest=16, seed=3)
CLASSES = ("bad", "good")
CASES = [
    Case(f"c{k}", f"the {thing} was {word}", "good" if word in ("good", "great") else "bad")
    for k, (thing, word) in enumerate(
        (t, w)
        for t in ("film", "food", "service", "town")
        for w in ("good", "bad", "great", "awful")
    )
]


def tuned(base: Path, out: Path, recipe: Recipe = RECIPE, cases=CASES):
    told: list[str] = []
    tune(base, cases, CLASSES, recipe, out, told.append)
    return load_file(out / "model.safetensors"), told


def same(one, two) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


@pytest.fixture(scope="module")
def once(tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("tuned")
    return out, *tuned(tiny, out)


def test_the_same_recipe_gives_the_same_weights(once, tiny, tmp_path):
    torch.manual_seed(12345)  # whatever was drawn before
    torch.rand(7)
    again, told = tuned(tiny, tmp_path)
    assert same(again, once[1])
    assert told == once[2]


@pytest.mark.parametrize("change", [{"seed": 4}, {"rate": 4e-3}])
def test_another_recipe_gives_others(once, tiny, tmp_path, change):
    assert not same(tuned(tiny, tmp_path, msgspec.structs.replace(RECIPE, **change))[0], once[1])


def test_what_is_frozen_stays_and_the_rest_moves(once, tiny):
    before, after = load_file(tiny / "model.safetensors"), once[1]
    for name, weights in before.items():
        stays = "embeddings" in name or "encoder.layer.0." in name
        assert torch.equal(weights, after[name]) == stays, name


@pytest.mark.parametrize("target", CLASSES)
def test_it_learns_its_targets_by_name(tiny, tmp_path, target):
    cases = [msgspec.structs.replace(case, target=target) for case in CASES]
    tuned(tiny, tmp_path, msgspec.structs.replace(RECIPE, epochs=15), cases)
    model = ClassifierHandle(tmp_path, "tuned").load()
    assert model.facts.classes == CLASSES
    answers = model.run(
        model.prepare([Classify(c.input) for c in CASES]), length=16, rows=len(CASES)
    )
    assert {CLASSES[a.values[1] > a.values[0]] for a in answers} == {target}


def test_it_is_saved_as_a_model_that_can_be_audited(once):
    config = json.loads((once[0] / "config.json").read_text())
    assert config["id2label"] == {"0": "bad", "1": "good"}
    assert config["label2id"] == {"bad": 0, "good": 1}
    assert (once[0] / "tokenizer.json").is_file()
    assert not list(once[0].glob("*.bin"))


def test_it_tells_the_last_step_and_its_loss(once):
    assert once[2][-1].startswith("tuning: step 4 of 4, loss ")


def test_nobody_elses_randomness_is_touched(tiny, tmp_path):
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    tuned(tiny, tmp_path, msgspec.structs.replace(RECIPE, epochs=1))
    assert torch.equal(torch.rand(3), expected)


def test_both_halves_of_a_pair_are_read(tiny, tmp_path):
    def pairs(second: str) -> list[Case]:
        return [Case(c.id, Pair(str(c.input), second), c.target) for c in CASES]

    recipe = msgspec.structs.replace(RECIPE, epochs=1)
    one, _ = tuned(tiny, tmp_path / "one", recipe, pairs("a nurse"))
    two, _ = tuned(tiny, tmp_path / "two", recipe, pairs("an engineer"))
    assert not same(one, two)


@pytest.mark.parametrize("target", ["never", None])
def test_a_target_that_is_no_class_is_no_training_row(tiny, tmp_path, target):
    with pytest.raises(ValueError, match=r"not in tuple|never|None"):
        tuned(tiny, tmp_path, cases=[*CASES, Case("x", "the film", target)])
    assert list(tmp_path.iterdir()) == []
