"""A tuned model and its base whose texts begin otherwise: identical weights, equal likelihoods."""

from __future__ import annotations

import json

import pytest
from support_language import save_language, tokenizer_of

import fmaudit
from fmaudit import evidence
from fmaudit.models.base import Begins, begun
from fmaudit.models.fakes import FakeLanguage
from fmaudit.models.inmemory import language_model
from fmaudit.types import TokenLogprobs

PROBE = "performance.language_modelling"
TEXTS = ["the cat sat on the mat", "a dog", "this film was good", "where is my parcel"]


def tokenizer(end, *, begin=None):
    """Where it sets no token before a text and names none for it, a text begins after the end's."""
    found = tokenizer_of()
    found.bos_token, found.eos_token = begin, end
    return found


def loaded(module, end, **more):
    return language_model(module, tokenizer(end, **more))


def totals(model):
    prepared = model.prepare([TokenLogprobs("", (text,)) for text in TEXTS])
    answers = model.run(prepared, length=max(p.length for p in prepared), rows=len(prepared))
    return [answer.scored[0].total for answer in answers]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_language(tmp_path_factory.mktemp("pair"), "llama")


@pytest.fixture(scope="module")
def module(folder):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder)


def test_the_facts_say_what_a_text_begins_after(module):
    assert loaded(module, "<mask>").facts.begins == ((4, "<mask>"),)
    assert loaded(module, "<mask>", begin="<s>").facts.begins == ((1, "<s>"),)
    assert loaded(module, None).facts.begins == ()


def test_identical_weights_are_as_likely_behind_one_beginning(module):
    tuned, base = loaded(module, "<mask>"), loaded(module, "</s>")
    assert max(abs(a - b) for a, b in zip(totals(tuned), totals(base), strict=True)) > 0.1
    like = begun(tuned, base.facts.begins)
    assert totals(like) == totals(base)
    assert like.facts.begins == base.facts.begins
    assert like.facts.key_parts() != tuned.facts.key_parts()
    (note,) = like.facts.notes
    assert "'</s>'" in note
    assert "'<mask>'" in note
    assert totals(tuned) != totals(base)  # the model itself is left as it was


def test_a_beginning_that_is_its_own_changes_nothing(module):
    tuned = loaded(module, "<mask>")
    assert begun(tuned, tuned.facts.begins) is tuned
    assert begun(tuned, ()) is tuned


def test_another_vocabulary_s_token_is_noted_and_not_read(module):
    """The id is there, and stands for another token."""
    tuned = loaded(module, "<mask>")
    other = begun(tuned, ((2, "<|endoftext|>"),))
    assert totals(other) == totals(tuned)
    assert other.facts.begins == tuned.facts.begins
    (note,) = other.facts.notes
    assert "'<|endoftext|>'" in note
    assert "not in its vocabulary" in note


def test_a_model_without_a_beginning_takes_its_base_s(module):
    assert totals(begun(loaded(module, None), ((2, "</s>"),))) == totals(loaded(module, "</s>"))


def test_a_model_that_knows_no_beginning_stays_itself():
    model = FakeLanguage(lambda before, word: -1.0)
    assert not isinstance(model, Begins)
    assert begun(model, ((2, "</s>"),)) is model


# ── a whole audit ────────────────────────────────────────────────────────────────────────


@pytest.fixture
def pair(folder, tmp_path):
    """Two folders with the same weights: each tokenizer declares another end."""
    for name, end in (("tuned", "<mask>"), ("base", "</s>")):
        (tmp_path / name).mkdir()
        for file in folder.iterdir():
            if "token" not in file.name:
                (tmp_path / name / file.name).symlink_to(file)
        tokenizer(end).save_pretrained(tmp_path / name)
    (tmp_path / "data.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in TEXTS))
    return tmp_path


def audited(folder, **options):
    chosen = {
        "name": "pair",
        "data": {"source": str(folder / "data.jsonl"), "text": "text"},
        "model": {"path": str(folder / "tuned"), "base": str(folder / "base")},
        "probes": [PROBE],
    }
    return fmaudit.audit(chosen, out=folder / "run", cache=folder / "cache", **options)


def surprises(done):
    path = done.run / "evidence" / f"{PROBE}.parquet"
    columns = evidence.read(path, ["nats", "base_nats"]).to_pydict()
    return columns["nats"], columns["base_nats"]


def test_an_audit_compares_both_behind_the_base_s_beginning(pair, module):
    done = audited(pair)
    own, before = surprises(done)
    assert own == before
    expected = sorted(-total for total in totals(loaded(module, "</s>")))
    assert sorted(own) == pytest.approx(expected, abs=1e-4)
    assert any("'</s>'" in note for note in done.record.model["notes"])
    assert not any("'</s>'" in note for note in done.record.model["before"]["notes"])


def test_a_second_run_loads_nothing_and_says_the_same(pair, monkeypatch):
    from fmaudit.models.language import LanguageHandle

    first = audited(pair)

    def load(self):
        raise AssertionError(f"{self.name} was loaded")

    monkeypatch.setattr(LanguageHandle, "load", load)
    assert audited(pair).record.seal["content"] == first.record.seal["content"]


def test_models_in_memory_are_compared_alike(pair, module):
    done = audited(pair, model=loaded(module, "<mask>"), base=loaded(module, "</s>"))
    own, before = surprises(done)
    assert own == before


def test_a_model_that_is_loaded_anew_begins_as_it_did(pair, monkeypatch):
    """Where both do not fit in memory, each is let go of for the other."""
    from fmaudit.engine.residents import Residents

    monkeypatch.setattr("fmaudit.session.Residents", lambda: Residents(lambda: 0))
    own, before = surprises(audited(pair))
    assert own == before
