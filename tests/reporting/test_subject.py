"""What was audited, in words: kinds of models, the pair of tuned and base, cases and their sets."""

from __future__ import annotations

import msgspec
import pytest
from support_page import Page
from support_spoken import BEFORE, NEW, PAIRS, TUNED, tuned

from fmaudit.reporting.html import render
from fmaudit.reporting.language import PLAIN, language
from fmaudit.reporting.subject import KINDS, answers, brought, subject

replace = msgspec.structs.replace


def model(record, **changes):
    return replace(record, model={**record.model, **changes})


def page(record) -> str:
    return Page(render(record)).text


def test_the_first_sentence_names_the_pair():
    text = page(tuned())
    assert (
        "The language model letters was audited against hub:made-up/letters-base , the base that "
        "it was tuned from, on 300 cases" in text
    )
    alone = page(model(tuned(), before=None))
    assert "The language model letters was audited on 300 cases" in alone
    assert "tuned from" not in alone


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_said_in_words(kind, record):
    assert f"The {KINDS[kind]} income-model was audited" in page(model(record, kind=kind))
    chinese = subject(model(record, kind=kind), language("zh"))
    assert chinese.kind != KINDS[kind]


def test_the_pair_stands_side_by_side_with_both_digests():
    found = {name: values for name, *values in subject(tuned(), PLAIN).pair}
    assert found["digest"] == [TUNED["digest"], BEFORE["digest"]]
    assert found["path"] == ["./letters", "hub:made-up/letters-base"]
    assert found["parameters"] == ["134\u2009515\u2009008"] * 2
    text = page(tuned())
    assert "Audited model Its base" in text
    assert TUNED["digest"] in text
    assert BEFORE["digest"] in text
    assert "Of the model: stored in float16, served in float32 on the CPU" in text
    assert "Of its base: no chat template: prompts are given as they are" in text


def test_a_model_without_classes_has_no_row_of_them():
    text = page(tuned())
    shown = text[text.index("What was audited", 200) : text.index("Figures under a rule, worst")]
    assert "classes" not in shown
    assert "positive" not in shown
    assert "through its own chat template" in shown
    assert "chat template" not in page(model(tuned(), chat=False, before=None))


def test_what_cannot_be_compared_is_a_limit():
    assert subject(tuned(), PLAIN).limits == ()
    other = model(tuned(), before={**BEFORE, "same_tokenizer": False})
    text = page(other)
    assert text.count("The two cut texts into different tokens.") == 2  # beside it, and in limits
    assert "what is counted per byte, per text or per question can" in text
    same = model(tuned(), before={**BEFORE, "digest": TUNED["digest"]})
    assert "The two are the same, byte for byte" in page(same)


def test_whether_the_base_is_asked_through_its_template_too():
    both = model(tuned(), before={**BEFORE, "chat": True})
    assert "Its base is asked so too, through a template of its own." in page(both)
    alone = model(tuned(), before={**BEFORE, "chat": False})
    text = page(alone)
    assert text.count("and its base is given the same words without one") == 2
    assert "asked so too" not in text
    neither = subject(model(alone, chat=False), PLAIN)
    assert (len(neither.said), neither.limits) == (1, ())
    assert "its base is" not in page(tuned())  # an older record says nothing of it


def test_cases_with_options_and_references_are_counted_in_words():
    assert answers({"rows": 300, "with_options": 300, "with_references": 0}, PLAIN) == (
        "300 of 300 cases bring options: answers to choose from, one of them right.",
    )
    assert answers({"rows": 300}, PLAIN) == answers({}, PLAIN) == ()
    (said,) = answers({"rows": 300, "repeated": 12}, PLAIN)
    assert said.startswith("12 of 300 cases say in everything what an earlier one says")
    text = page(tuned())
    assert "120 of 300 cases bring references: texts that a written answer is held against" in text
    assert "with options" not in text


def test_a_data_set_that_a_probe_brings_is_named_with_its_licence():
    (found,) = brought(tuned())
    assert (found.id, found.title, found.probes) == (
        "preference_pairs",
        "Pairs of the project",
        (PAIRS,),
    )
    text = page(tuned())
    assert "Pairs of the project Tried by: bias.sentence_preference" in text
    assert "licence Apache-2.0" in text
    assert "sets, preference pairs" not in text
    assert "Sources of these data Written by hand" in text


def test_a_data_set_of_which_the_record_knows_nothing_more():
    record = tuned()
    bare = replace(record, data={k: v for k, v in record.data.items() if k != "sets"})
    (found,) = brought(bare)
    assert (found.title, found.facts) == ("", {})
    assert "preference_pairs Tried by: bias.sentence_preference" in page(bare)


def test_an_older_record_says_less_and_is_shown(record):
    assert not set(NEW) & set(record.model)
    found = subject(record, PLAIN)
    assert (found.kind, found.base, found.said, found.pair, found.limits) == (
        "model",
        "",
        (),
        (),
        (),
    )
    assert brought(record) == ()
    text = page(record)
    assert "The model income-model was audited on 1 200 cases" in text
    assert "Audited model" not in text
    older = tuned()
    older = replace(older, model={k: v for k, v in older.model.items() if k not in NEW})
    assert "The model letters was audited on 300 cases" in page(older)
    assert subject(replace(record, model={}), PLAIN).pair == ()
