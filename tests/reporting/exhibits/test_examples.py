from __future__ import annotations

import re

import msgspec
import pytest

from fmaudit import evidence
from fmaudit.reporting.exhibits.examples import OPEN, examples
from fmaudit.reporting.html import render
from fmaudit.types import Case, Coverage, Exhibit, Input, Pair, Row

PROBE = "bias.counterfactual_terms"
COLUMNS = {"direction": str, "gap": float, "flip": bool, "p_base": float, "control": Input}
DECISION = {"probability": "p_base", "change": "gap", "flip": "flip"}


def swap(name, before, after, gap=0.1, control=None, **values):
    """A changed row of the case `name`, whose own text is `before`."""
    values = {"gap": gap, "direction": "a→b", "control": control, **values}
    return Row(Case(name, before), values, "swap", input=after)


def base(name, text):
    return Row(Case(name, text), {}, reason="it has no other term")


def exhibit(**options):
    return Exhibit(PROBE, "examples", "Largest changes", options)


@pytest.fixture
def shown(source, written):
    def build(rows, options=None, columns=COLUMNS, **changes):
        written(PROBE, columns, rows)
        return examples(source(**changes), exhibit(**(options or {})))

    return build


def marked(version) -> list[str]:
    return [p.text for text in version.parts for p in text.whole if p.changed]


def test_the_rows_are_the_largest_by_size_and_the_rule_says_so(shown):
    gaps = (0.1, -0.9, None, 0.5, 0.5)
    rows = [swap(f"c{k}", f"text {k}", f"other {k}", gap) for k, gap in enumerate(gaps)]
    found = shown(rows, {"sort": "gap", "absolute": True, "top": 3})
    assert [one.case for one in found.shown] == ["c1", "c3", "c4"]
    assert found.rule == (
        "Shown are the 3 rows with the largest gap, up or down, of 4 that have one; among equals, "
        "the first in the evidence."
    )
    assert found.command == f"fmaudit evidence RUN {PROBE} --sort gap --absolute --top 100"
    signed = shown(rows, {"sort": "gap", "top": 5})
    assert [one.case for one in signed.shown] == ["c3", "c4", "c0", "c1"]


def test_rows_can_be_narrowed_and_the_command_narrows_them_too(shown):
    rows = [swap(f"c{k}", "a", "b", direction=d) for k, d in enumerate(("x y", "z", "x y"))]
    found = shown(rows, {"where": {"direction": "x y"}})
    assert [one.case for one in found.shown] == ["c0", "c2"]
    assert "Only rows with direction: x y are counted." in found.rule
    assert "--where 'direction=x y'" in found.command


def test_the_original_is_the_cases_own_text_from_this_probe_or_another(shown, written):
    written("performance.classification", {}, [Row(Case("c2", "a woman"), {})])
    rows = [
        base("c1", "a man here"),
        swap("c1", "a man here", "a woman here", 0.5),
        swap("c2", "a woman", "a man", 0.4),
        swap("c3", "lost", "found", 0.3),
    ]
    ran = (Coverage("performance.classification", "performance", "ran"),)
    one, two, three = shown(rows, {"sort": "gap"}, coverage=ran).shown
    assert (marked(one.original), marked(one.changed)) == (["man"], ["woman"])
    assert (marked(two.original), marked(two.changed)) == (["woman"], ["man"])
    assert three.original is None
    assert [p.text for p in three.changed.parts[0].whole] == ["found"]


def test_a_column_can_hold_the_original_and_others_are_compared_with_it(shown):
    row = swap("c", "unread", "he and he", control="he or she")
    (one,) = shown([row], {"original": "control", "also": ["input"]}).shown
    assert marked(one.original) == ["or", "she"]
    assert marked(one.changed) == ["and", "he"]
    assert [marked(other) for other in one.also] == [["and", "he"]]


def test_pairs_are_compared_part_by_part(shown):
    before, after = Pair("A man sleeps.", "He rests."), Pair("A woman sleeps.", "He rests.")
    (one,) = shown([base("c", before), swap("c", before, after)], {"sort": "gap"}).shown
    assert len(one.original.parts) == len(one.changed.parts) == 2
    assert marked(one.changed) == ["woman"]


def test_equal_texts_are_said_to_be_equal(shown):
    (one,) = shown(
        [base("c", "as it is"), swap("c", "as it is", "as it is")], {"sort": "gap"}
    ).shown
    assert one.same
    assert not marked(one.changed)


def test_figures_have_two_digits_a_sign_and_plain_names(shown):
    options = {"columns": ["gap", "flip"], "labels": {"gap": "change of it"}, "sort": "gap"}
    rows = [swap("c1", "a", "b", 0.1234, flip=True), swap("c2", "a", "b", -0.05, flip=False)]
    one, two = shown(rows, options).shown
    assert one.facts == (("change of it", "+0.12", 0.1234), ("flip", "yes", True))
    assert two.facts == (("change of it", "−0.050", -0.05), ("flip", "no", False))


@pytest.mark.parametrize(
    ("before", "gap", "flip", "classes"),
    [
        (0.8, -0.5, True, (">50K", "<=50K")),
        (0.3, 0.1, False, ("<=50K", "<=50K")),
        (0.3, 0.1, True, ("", "")),  # the flip is not of these two classes: none is named
    ],
)
def test_the_decision_is_told_before_and_after(shown, before, gap, flip, classes):
    row = swap("c", "a", "b", gap, flip=flip, p_base=before)
    (one,) = shown([row], {"decision": DECISION}).shown
    assert (one.decided.before, one.decided.after) == classes
    assert one.decided.flipped is flip
    assert one.decided.positive == ">50K"


def test_a_text_apart_is_no_reading_of_the_original(shown):
    row = swap("c", "He asked.", "She asked.", answer="Yes, he did.")
    columns = COLUMNS | {"answer": str}
    (one,) = shown(
        [base("c", "He asked."), row], {"apart": ["answer"], "sort": "gap"}, columns
    ).shown
    assert marked(one.changed) == ["She"]
    assert [(text.name, marked(text)) for text in one.also] == [("answer", [])]
    (one,) = shown(
        [base("c", "He asked."), row], {"also": ["answer"], "sort": "gap"}, columns
    ).shown
    assert marked(one.also[0])


BESIDE = COLUMNS | {"base_gap": float, "change": float}


def test_without_a_base_the_models_own_figures_are_told(shown):
    options = {"columns": ["gap", "base_gap"], "sort": "gap"}
    (one,) = shown([swap("c", "a", "b", 0.25)], options, BESIDE).shown
    assert [name for name, *_ in one.facts] == ["gap"]
    rows = [swap("c", "a", "b", 0.25, base_gap=0.5)]
    (both,) = shown(rows, options, BESIDE).shown
    assert [name for name, *_ in both.facts] == ["gap", "base gap"]


def test_what_tuning_changed_is_not_told_without_a_base(shown):
    options = {"columns": ["change", "gap", "base_gap"], "sort": "change"}
    found = shown([swap("c", "a", "b", 0.25)], options, BESIDE)
    assert found.missing == "no answers of a base to compare with; `model.base` names one"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"columns": ["nothing"]}, "no column nothing"),
        ({"sort": "nothing"}, "no column nothing"),
        ({"columns": ["target"]}, "no row has all"),
        ({"sort": "direction"}, "direction holds no numbers"),
        ({"where": {"groups": "x"}}, "groups holds no texts"),
        ({"where": {"flip": "true", "direction": "a→b"}}, "no row with flip: true, direction: a→b"),
        ({"top": "many"}, "options cannot be read"),
    ],
)
def test_examples_that_cannot_be_shown_say_why(shown, options, says):
    assert says in shown([swap("c", "a", "b")], options).missing


def test_no_examples_of_texts_that_were_not_kept_or_are_not_there(source, record):
    hashed = source(audit={**record.audit, "evidence_texts": "hash"})
    assert "digests" in examples(hashed, exhibit()).missing
    assert "not beside" in examples(source(), Exhibit("a.b", "examples", "Some")).missing


def test_hostile_texts_are_inert_and_say_what_changed_in_words(record, written, tmp_path):
    nasty = "<script>alert(1)</script> {{ 7*7 }} \u202e"
    rows = [base("<b>", nasty + " he"), swap("<b>", nasty + " he", nasty + " s\u200bhe")]
    written(PROBE, COLUMNS, rows)
    options = {"columns": ["direction"], "also": ["control"], "sort": "gap"}
    page = render(msgspec.structs.replace(record, exhibits=(exhibit(**options),)), tmp_path)
    figure = page[page.index('<figure class="examples">') :].partition("</figure>")[0]
    assert "<script" not in figure
    assert "{{ 7*7 }}" in figure
    assert "\u202e" not in figure
    assert "\u200b" not in figure
    said = re.sub(r"<[^>]+>", "", figure)
    assert "[was: he]" in said
    assert "[now: s⟨U+200B⟩he]" in said


def test_of_a_hundred_thousand_rows_only_the_texts_that_are_shown_are_read(
    record, written, tmp_path, monkeypatch
):
    text = "A sentence of some fifty characters, said again. " * 4
    rows = [
        swap(f"c{k}", text, f"{text}{k}", gap=(k * 7919 % 100_000) / 1e5) for k in range(100_000)
    ]
    written(PROBE, COLUMNS, rows, at_once=5000)
    options = {"sort": "gap", "columns": ["direction", "gap"], "top": 20}
    whole: set[str] = set()

    def read(path, columns=None, real=evidence.read):
        whole.update(columns)
        return real(path, columns)

    monkeypatch.setattr(evidence, "read", read)
    page = render(msgspec.structs.replace(record, exhibits=(exhibit(**options),)), tmp_path)
    assert "gap" in whole
    assert not whole & {"input", "control"}
    assert page.count('<li class="case">') == 20 > OPEN
    assert "of 100\u2009000 that have one" in page
    assert len(page) < 1_000_000


# ── what a language model wrote ──────────────────────────────────────────────────────────


def test_two_readings_are_called_as_the_card_calls_them(shown):
    rows = [Row(Case("p1", ""), {"less": "The man cooked.", "more": "The woman cooked."})]
    labels = {"less": "less stereotyped", "more": "more stereotyped"}
    found = written_as(shown, rows, {"original": "less", "changed": "more", "labels": labels})
    assert (found.original.name, found.changed.name) == ("less stereotyped", "more stereotyped")
    plain = written_as(shown, rows, {"original": "less", "changed": "more"})
    assert (plain.original.name, plain.changed.name) == ("original", "changed")


def written_as(shown, rows, options, **changes):
    """The first example of rows with texts of a language model."""
    columns = {"less": str, "more": str, "answer": str}
    return shown(rows, options, columns=columns, **changes).shown[0]


def test_an_answer_stands_open_under_its_question_and_folds_where_it_is_long(
    record, source, written
):
    columns, exhibit_ = {"answer": str}, exhibit(also=["answer"], labels={"answer": "wrote"})
    answers = ("It comes on Monday.", "word " * 2000)
    rows = [
        Row(Case(f"c{k}", f"When {k}?", target="Monday"), {"answer": a})
        for k, a in enumerate(answers)
    ]
    path = written(PROBE, columns, rows)
    model = {**record.model, "kind": "causal"}
    changed = msgspec.structs.replace(record, model=model, exhibits=(exhibit_,))
    page = render(changed, path.parents[1])
    drawn = page[page.index("Largest changes") :]
    first, second = drawn.split('<li class="case">')[1:3]
    assert "<dt>wrote</dt>" in first
    assert "<details" not in first
    assert "It comes on Monday." in first
    assert "right answer <b><bdi>Monday" in first
    assert "The whole texts" in second
    assert "<code><bdi>base</bdi></code>" not in drawn, "a case as it is needs no name of a variant"


def test_a_classifiers_target_is_a_label(shown):
    one = shown([swap("c1", "a man", "a woman")], {}).shown[0]
    assert not one.answer
