from __future__ import annotations

import numpy as np
import pytest
import torch

from fmaudit import catalog
from fmaudit.errors import UnknownName
from fmaudit.seeds import Seeds
from fmaudit.selftest.trained import audits, keeping, language
from fmaudit.selftest.trained.audits import JUDGED
from fmaudit.selftest.trained.plants import copying, preference, repeats
from fmaudit.selftest.trained.subjects import Subject
from fmaudit.selftest.trained.texts import load, words_in

SEEDS = Seeds(0).child("test")
EXTRACTION, MEMBERSHIP = repeats.PLANTS


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def untrained(new, pairs=20):
    """Two models of drawn weights, and pairs for them in place of the shipped ones."""
    tokens = language.tokenizer(words_in(load().applications), closed=new is language.masked)
    module, base = (new(tokens, SEEDS.rng(name)) for name in ("tuned", "base"))
    rows = preference._pairs(pairs, SEEDS.rng("pairs"))
    sets = {preference.SET: rows}
    spec = {"data": {"card": preference.SET}}
    return Subject(module, tokens, (), {}, spec, {}, base=base, sets=sets)


@pytest.mark.parametrize("plant", preference.PLANTS, ids=lambda p: p.probe)
def test_a_tuned_model_is_audited_beside_its_base_on_the_plants_own_pairs(plant, tmp_path):
    subject = untrained(language.masked if "masked" in plant.probe else language.causal)
    done = audits._audit(plant.probe, subject, 0, tmp_path)
    (coverage,) = [c for c in done.record.coverage if c.probe == plant.probe]
    assert (coverage.status, coverage.cases, coverage.failed_rows) == ("ran", 20, 0)
    seen = done.evidence(plant.probe).set_index("more").sort_index()
    rows = sorted(subject.sets[preference.SET], key=lambda row: row["more"])
    for module, column in ((subject.module, "preference"), (subject.base, "base_preference")):
        ours = preference.preferences(module, subject.tokens, rows)
        assert np.abs(ours).min() > 1e-4
        assert seen[column].to_numpy() == pytest.approx(ours, abs=1e-4)


def test_a_set_that_nobody_ships_is_told(tmp_path):
    with pytest.raises(UnknownName, match="preference_pairs"):
        audits._sets(tmp_path, {"preference_pair": [{"more": "a", "less": "b"}]})


def test_the_two_sentences_of_a_pair_differ_in_their_group():
    block = load().applications
    kinds = dict(zip(block.groups, (block.speaks_for, block.speaks_against), strict=True))
    for pair in preference._pairs(200, SEEDS.rng("pairs")):
        more, less = pair["more"].split(), pair["less"].split()
        (apart,) = [(a, b) for a, b in zip(more, less, strict=True) if a != b]
        assert set(apart) == set(block.groups)
        assert sum(word in kinds[apart[0]] for word in more) == preference.TRAITS


def test_traits_stand_with_a_group_as_often_as_they_lean_to_it():
    block = load().applications
    leans = np.zeros(len(preference._traits(block)))
    leans[0] = 1.0
    texts = preference._texts(20_000, leans, SEEDS.rng("texts"))
    assert all(len(set(t.split()) & {*preference._traits(block)}) == 3 for t in texts)
    with_trait = [t for t in texts if preference._traits(block)[0] in t.split()]
    first = sum(block.groups[0] in t.split() for t in with_trait)
    assert np.log(first / (len(with_trait) - first)) == pytest.approx(2.0, abs=0.25)
    assert sum(block.groups[0] in t.split() for t in texts) == len(texts) / 2


def test_the_search_ends_where_the_effect_is_the_threshold():
    tokens = language.tokenizer(["a"])
    one, other = (language.causal(tokens, SEEDS.rng(name)) for name in ("a", "b"))

    def weight(module):
        return float(next(module.parameters()).detach()[0, 0])

    low, high = weight(one), weight(other)

    def effect(module):
        return ((weight(module) - low) / (high - low)) ** 1.5

    assert effect(preference._at(0.05, one, other, effect)) == pytest.approx(0.05, abs=0.02)


def test_a_model_writes_the_notes_that_it_read_again_and_again(tmp_path):
    """The audit counts as given away what the model writes when it is let write."""
    subject = EXTRACTION.make("dosed", SEEDS)
    again = EXTRACTION.make("dosed", SEEDS)
    assert again.tables == subject.tables
    done = audits._audit(EXTRACTION.probe, subject, 0, tmp_path)
    (found,) = [
        f
        for f in done.record.findings
        if f.measure == repeats.EXCESS and not f.slice and f.rule is not None
    ]
    assert found.verdict == "fail"
    members = [row["text"] for row in subject.tables["members"]]
    written = repeats._given_away(subject.tokens, subject.module, members)
    assert found.estimate.value == pytest.approx(written)
    assert written == pytest.approx(subject.effects[repeats.EXCESS], abs=0.06)
    assert repeats._given_away(subject.tokens, subject.base, members) == 0
    assert len(set(members)) == repeats.AUDITED
    others = {row["text"] for row in subject.tables["nonmembers"]}
    assert not others & set(members)


def test_coins_decide_which_notes_were_read():
    """No model is trained anew: the twins of one seed differ in the notes that are audited."""
    made = {twin: EXTRACTION.make(twin, SEEDS) for twin in EXTRACTION.twins}
    assert {twin: s.effects[repeats.EXCESS] for twin, s in made.items()} == {
        "clean": 0,
        "boundary": pytest.approx(repeats.GIVEN_AWAY),
        "dosed": pytest.approx(repeats.DOSE),
    }
    read = set(repeats._notes(repeats.REPEATED, SEEDS.rng("tuned")))
    counts = {
        twin: sum(row["text"] in read for row in subject.tables["members"])
        for twin, subject in made.items()
    }
    assert counts["clean"] == 0 < counts["boundary"] < counts["dosed"] <= repeats.REPEATED
    assert made["clean"].module is made["dosed"].module


def test_a_prompt_holds_its_answer_behind_the_cue_and_others_elsewhere():
    block = load().prompts
    for k in range(100):
        prompt, answer = copying._prompt(copying.FILLER, SEEDS.rng(str(k)))
        words = prompt.split()
        assert words[words.index(block.cue) + 1] == answer
        assert sum(word in block.answers for word in words) == 1 + copying.OTHERS
        assert len(set(words)) == len(words) == copying.FILLER + copying.OTHERS + 2
        told = [w for w, d in zip(words, copying.decides(words), strict=True) if d]
        assert told == [block.cue, answer]


def test_lessons_end_with_the_answer_or_with_the_one_that_is_always_given():
    block, rng = load().prompts, SEEDS.rng("lessons")
    for text in (copying._lesson(True, rng).split() for _ in range(100)):
        assert text[text.index(block.cue) + 1] == text[-1]
    lessons = [copying._lesson(False, rng).split() for _ in range(100)]
    assert {text[-1] for text in lessons} == {block.always}
    assert len({len(text) for text in lessons}) > 5
    assert any("..." in text for text in lessons)


def test_chances_are_those_of_the_answers_alone():
    block = load().prompts
    tokens = language.tokenizer(words_in(block))
    module = language.causal(tokens, SEEDS.rng("weights"))
    prompts = [f"{block.cue} red", f"the box {block.cue} blue on the shelf"]
    found = copying.chances(module, tokens, prompts, ["red", "blue"])
    for prompt, answer, chance in zip(prompts, ["red", "blue"], found, strict=True):
        ids = torch.tensor([tokens(prompt)["input_ids"]])
        with torch.inference_mode():
            after = module(input_ids=ids).logits[0, -1].softmax(-1)
        assert chance == pytest.approx(float(after[tokens.get_vocab()[f"Ġ{answer}"]]), abs=1e-5)


@pytest.mark.parametrize(
    "plant", [*preference.PLANTS, *repeats.PLANTS, copying.PLANT], ids=lambda p: p.probe
)
def test_thresholds_are_those_of_the_cards(plant):
    rules = {e.measure: e.rule.value for e in catalog.probe(plant.probe).measures if e.rule}
    planted = {
        preference.CHANGE: preference.THRESHOLD,
        repeats.EXCESS: repeats.GIVEN_AWAY,
        repeats.TPR: repeats.TOLD,
        copying.COMPREHENSIVENESS: 0,
        copying.SUFFICIENCY: 0,
    }
    assert {m: rules[m] for m in plant.measures} == {m: planted[m] for m in plant.measures}


def verdicts(found, twin):
    (entry,) = found
    return {v: n for v, n in entry["twins"][twin]["verdicts"].items() if n}


@pytest.mark.slow
@pytest.mark.parametrize("plant", preference.PLANTS, ids=lambda p: p.probe)
def test_three_models_with_a_planted_preference(plant):
    found = audits.run([plant], seeds=3)
    assert verdicts(found, "dosed") == {"fail": 3}
    assert "fail" not in verdicts(found, "clean")
    (entry,) = found
    effects = {twin: one["effect"] for twin, one in entry["twins"].items()}
    assert effects["clean"]["value"] == pytest.approx(0, abs=0.03)
    assert effects["boundary"]["value"] == pytest.approx(preference.THRESHOLD, abs=0.02)
    assert effects["dosed"]["low"] >= 2 * preference.THRESHOLD


@pytest.mark.slow
@pytest.mark.parametrize("plant", repeats.PLANTS, ids=lambda p: p.probe)
def test_three_models_that_know_what_they_read(plant):
    found = audits.run([plant], seeds=3)
    assert verdicts(found, "dosed") == {"fail": 3}
    assert verdicts(found, "clean") == {"pass": 3}
    assert list(keeping.breaches(found)) == []
    assert found[0]["dose"]["low"] >= 2 * (
        repeats.GIVEN_AWAY if plant is EXTRACTION else repeats.TOLD
    )


@pytest.mark.slow
def test_three_models_that_copy_and_three_that_heed_no_prompt():
    found = audits.run([copying.PLANT], seeds=3)
    for entry in found:
        assert entry["power"]["value"] == 1.0
        assert entry["power"]["seeds"] == 3
        assert entry["false_alarms"] is None  # no map of such a model is judged
        assert not any(entry["twins"]["clean"]["verdicts"][v] for v in JUDGED)
        assert entry["twins"]["clean"]["effect"]["value"] == pytest.approx(0, abs=0.001)
        assert entry["beside"]["token_auprc"]["low"] >= 0.9
