from __future__ import annotations

import json
import math
import shutil

import pytest
import torch

from fmaudit.errors import ModelError
from fmaudit.models.classifier import ClassifierHandle
from fmaudit.models.folders import folder_digest
from fmaudit.types import Classify, Pair


@pytest.fixture
def copy(tiny, tmp_path):
    return shutil.copytree(tiny, tmp_path / "model")


def load(folder, **options):
    return ClassifierHandle(folder, "m", **options).load()


def logits(model, inputs):
    prepared = model.prepare([Classify(i) for i in inputs])
    longest = max(p.length for p in prepared)
    return [a.values for a in model.run(prepared, length=longest, rows=len(prepared))]


def test_equals_the_bare_model(tiny):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    texts = ["the film was good", "a woman works"]
    bare = AutoModelForSequenceClassification.from_pretrained(tiny).eval()
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    with torch.inference_mode():
        expected = bare(**tokenizer(texts, padding=True, return_tensors="pt")).logits
    assert torch.allclose(
        torch.tensor(logits(load(tiny), texts)).double(), expected.double(), atol=1e-6
    )


def test_pairs_equal_the_bare_model(tiny):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    bare = AutoModelForSequenceClassification.from_pretrained(tiny).eval()
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    with torch.inference_mode():
        expected = bare(**tokenizer("the film", "was good", return_tensors="pt")).logits
    found = logits(load(tiny), [Pair("the film", "was good")])
    assert torch.allclose(torch.tensor(found).double(), expected.double(), atol=1e-6)


def test_facts(tiny_three):
    facts = load(tiny_three).facts
    assert facts.classes == ("no", "yes", "maybe")
    assert (facts.device, facts.dtype, facts.attention, facts.window) == (
        "cpu",
        "float32",
        "sdpa",
        64,
    )
    assert facts.parameters > 1000
    assert set(facts.libraries) == {"torch", "transformers", "tokenizers", "captum"}


def test_labels_can_be_renamed(tiny):
    assert load(tiny, labels=("bad", "good")).facts.classes == ("bad", "good")
    with pytest.raises(ModelError, match="3 names were given, but the model has 2 classes"):
        load(tiny, labels=("a", "b", "c"))


def test_the_digest_follows_the_files(tiny, copy):
    assert folder_digest(tiny) == folder_digest(copy)
    config = json.loads((copy / "config.json").read_text())
    config["id2label"] = {"0": "yes", "1": "no"}
    (copy / "config.json").write_text(json.dumps(config))
    assert folder_digest(tiny) != folder_digest(copy)


def test_dtype_is_as_asked_and_recorded(tiny):
    assert load(tiny, dtype="bfloat16").facts.dtype == "bfloat16"


def test_half_precision_is_not_served_on_a_cpu(tiny, copy):
    from transformers import AutoModelForSequenceClassification

    half = AutoModelForSequenceClassification.from_pretrained(tiny, dtype=torch.float16)
    half.save_pretrained(copy)
    facts = load(copy).facts
    assert facts.dtype == "float32"
    assert "stored in float16" in facts.notes[0]


def test_a_device_that_is_not_there(tiny):
    with pytest.raises(ModelError, match="device 'cuda:99' is not to be had here"):
        load(tiny, device="cuda:99")


def test_weights_cut_short(copy):
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(ModelError, match="cannot be loaded.*copy or download it again"):
        load(copy)


def test_pickled_weights_need_the_flag(tiny, copy):
    from transformers import AutoModelForSequenceClassification

    state = AutoModelForSequenceClassification.from_pretrained(tiny).state_dict()
    (copy / "model.safetensors").unlink()
    torch.save(state, copy / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickled weights only.*allow_pickle: true"):
        load(copy)
    (pickled,), (safe,) = (logits(m, ["good"]) for m in (load(copy, allow_pickle=True), load(tiny)))
    assert pickled == pytest.approx(safe, abs=1e-5)


def test_no_tokenizer(copy):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (copy / name).unlink()
    with pytest.raises(ModelError, match="holds no tokenizer.*save_pretrained"):
        load(copy)


def test_no_config(copy):
    (copy / "config.json").unlink()
    with pytest.raises(ModelError, match=r"holds no config\.json"):
        load(copy)


def test_no_weights(copy):
    (copy / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="holds no weights"):
        load(copy)


def test_a_head_that_is_not_in_the_weights_is_refused(copy):
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    bare = {k: v for k, v in weights.items() if not k.startswith("classifier")}
    save_file(bare, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="no weights for classifier.bias.*at random"):
        load(copy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"problem_type": "multi_label_classification"}, "multi_label"),
        ({"id2label": {"0": "score"}, "label2id": {"score": 0}}, "shape .*asks for"),
    ],
)
def test_heads_that_are_not_classifiers(copy, change, message):
    config = json.loads((copy / "config.json").read_text()) | change
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=message):
        load(copy)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ModelError, match="is not a folder"):
        load(tmp_path / "nowhere")


def test_the_folder_is_digested_once_a_handle(tiny, monkeypatch):
    from fmaudit.models import folders

    calls = []
    monkeypatch.setattr(folders, "folder_digest", lambda path: calls.append(path) or "digest")
    handle = ClassifierHandle(tiny, "m")
    assert handle.key == handle.key
    assert calls == [tiny]


@pytest.fixture
def ranker(tiny, tmp_path):
    """A cross-encoder of one output."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.manual_seed(3)
    module = AutoModelForSequenceClassification.from_pretrained(
        tiny, num_labels=1, ignore_mismatched_sizes=True
    )
    module.config.problem_type = None
    module.save_pretrained(tmp_path / "ranker")
    AutoTokenizer.from_pretrained(tiny).save_pretrained(tmp_path / "ranker")
    return tmp_path / "ranker", module.eval(), AutoTokenizer.from_pretrained(tiny)


def test_a_rankers_score_is_the_logistic_of_its_output(ranker):
    folder, module, tokenizer = ranker
    model = load(folder, labels=("irrelevant", "relevant"))
    assert model.facts.classes == ("irrelevant", "relevant")
    with torch.inference_mode():
        raw = module(**tokenizer("the film", "was good", return_tensors="pt")).logits[0, 0].item()
    ((low, high),) = logits(model, [Pair("the film", "was good")])
    assert low == 0
    assert high == pytest.approx(raw, abs=1e-6)


def test_a_rankers_maps_are_of_its_output(ranker):
    from fmaudit.types import Attribute, Attributions

    model = load(ranker[0], labels=("irrelevant", "relevant"))
    asked = [Attribute("the film was good")]
    prepared = model.prepare(asked)
    (found,) = model.run(prepared, length=prepared[0].length, rows=1)
    assert isinstance(found, Attributions)
    assert found.converged
    assert sum(found.scores) == pytest.approx(found.difference, rel=0.05, abs=1e-3)


def test_one_output_without_names_is_told(ranker):
    with pytest.raises(ModelError, match=r"labels: \[irrelevant, relevant\]"):
        load(ranker[0])
    with pytest.raises(ModelError, match="1 output"):
        load(ranker[0], labels=("one", "two", "three"))


@pytest.mark.parametrize("span", [(-1.0, 1.0), (0.0, 0.5), (-2.0, -1.0)])
def test_a_predicted_number_is_a_place_in_its_range(ranker, span):
    folder, module, tokenizer = ranker
    model = load(folder, labels=("low", "high"), span=span)
    assert model.facts.span == span
    with torch.inference_mode():
        raw = module(**tokenizer("the film was good", return_tensors="pt")).logits[0, 0].item()
    ((low, high),) = logits(model, ["the film was good"])
    place = min(1.0, max(0.0, (raw - span[0]) / (span[1] - span[0])))
    assert math.exp(high) == pytest.approx(place, abs=1e-6)
    assert math.exp(low) + math.exp(high) == pytest.approx(1.0, abs=1e-6)


def test_a_range_of_a_model_of_two_outputs_is_refused(copy):
    with pytest.raises(ModelError, match="range: .* has 2 outputs"):
        load(copy, labels=("low", "high"), span=(0.0, 1.0))


def test_another_range_is_another_model(ranker):
    keys = {
        ClassifierHandle(ranker[0], "m", labels=("low", "high"), span=span).key
        for span in (None, (0.0, 1.0), (0.0, 2.0))
    }
    assert len(keys) == 3
