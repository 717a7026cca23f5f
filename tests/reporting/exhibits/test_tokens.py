from __future__ import annotations

import re

import msgspec
import pytest

from fmaudit.reporting.exhibits.maps import AROUND, LONG, STEPS, STRONGEST
from fmaudit.reporting.exhibits.picks import LEAST, MOST, RIGHT, WRONG
from fmaudit.reporting.exhibits.tokens import LISTED, tokens
from fmaudit.reporting.html import render
from fmaudit.types import Case, Estimate, Exhibit, Finding, Input, Pair, Row, Rule

PROBE, OTHER = "explanations.integrated_gradients", "explanations.partition_shap"
COLUMNS = {
    "predicted": int,
    "difference": float,
    "converged": bool,
    "agreement": float,
    "special_share": float,
    "comprehensiveness": float,
    "random_comprehensiveness": float,
    "sufficiency": float,
    "random_sufficiency": float,
    "rank_p": float,
    "word_parts": list[int],
    "word_starts": list[int],
    "word_ends": list[int],
    "word_scores": list[float],
}
CLASSES = ("<=50K", ">50K")


def row(case, scores, spans=None, parts=None, **values):
    """The map of a case; its words are those between spaces where no spans are given."""
    spans = spans or [m.span() for m in re.finditer(r"\S+", case.input)]
    found = {
        "predicted": 1,
        "converged": True,
        "comprehensiveness": 0.5,
        "random_comprehensiveness": 0.125,
        "sufficiency": 0.1,
        "random_sufficiency": 0.4,
        "word_parts": parts or [0] * len(scores),
        "word_starts": [start for start, _ in spans],
        "word_ends": [end for _, end in spans],
        "word_scores": scores,
    }
    return Row(case, {**found, **values})


def shown_as(**options):
    return Exhibit(PROBE, "tokens", "Explained texts", options)


@pytest.fixture
def explained(source, written):
    """Write rows as evidence and read them as the report does."""

    def read(rows, others=None, findings=(), **options):
        written(PROBE, COLUMNS, rows)
        if others is not None:
            written(OTHER, COLUMNS, others)
        return tokens(source(findings=findings), shown_as(**options))

    return read


def the_map(found):
    return found.shown[0].explanations[0].map


def test_words_keep_their_order_and_what_stands_between_them(explained):
    case = Case("a", "Good,  but <b>slow</b>.", target="no")
    found = the_map(explained([row(case, [2.0, -1.0, 0.1], [(0, 5), (7, 10), (11, 23)])]))
    assert "".join(word.text for word in found.words) == case.input
    assert [(w.text, w.level, w.sign) for w in found.words if w.score is not None] == [
        ("Good,", STEPS, "+"),
        ("but", -STEPS // 2, "−"),
        ("<b>slow</b>.", 0, ""),
    ]
    assert [(w.text, w.written) for w in found.strongest] == [
        ("Good,", "+2.0"),
        ("but", "−1.0"),
        ("<b>slow</b>.", "+0.10"),
    ]


def test_a_pairs_texts_stand_one_after_the_other(explained):
    case = Case("a", Pair("one two", "two three"))
    spans = [(0, 3), (4, 7), (0, 3), (4, 9)]
    found = the_map(explained([row(case, [1.0, 2.0, 3.0, 4.0], spans, [0, 0, 1, 1])]))
    assert "".join(word.text for word in found.words) == "one two\ntwo three"
    assert [word.score for word in found.words if word.score is not None] == [1.0, 2.0, 3.0, 4.0]


def test_texts_without_a_map_are_passed_over(explained):
    blank = Row(Case("a", "x"), {}, reason="fewer than 5 words")
    assert [text.case for text in explained([blank, row(Case("b", "word"), [0.0])]).shown] == ["b"]
    assert explained([blank]).missing == "no text could be explained"


def test_a_long_text_folds_around_its_strongest_words(explained):
    words = [f"w{k}" for k in range(3 * LONG)]
    scores = [9.0 if k == 200 else 0.1 for k in range(len(words))]
    (text,) = explained([row(Case("a", " ".join(words)), scores)]).shown
    found = text.explanations[0].map
    brief = [run for word in found.brief for run in word.runs]
    assert "w200" in [run.text for run in brief]
    assert len(found.brief) <= STRONGEST * (2 * AROUND + 1) + STRONGEST + 1
    assert sum(len(run.text) + run.left_out for run in brief) == len(" ".join(words))
    assert (len(text.lines), text.unlisted) == (LISTED, len(words) - LISTED)


# ── which texts ──────────────────────────────────────────────────────────────────────────


def test_the_texts_are_a_wrong_one_a_right_one_and_a_hardly_moved_one_in_turn(explained):
    rows = [
        row(Case(f"c{k}", "a word", target=CLASSES[label]), [1.0, 0.5], difference=moved)
        for k, (label, moved) in enumerate(
            [(1, 1.0), (0, 2.0), (1, -9.0), (0, 3.0), (1, 0.1), (1, 5.0)]
        )
    ]
    found = explained(rows, top=5)
    assert [(text.case, text.why) for text in (*found.shown, *found.folded)] == [
        ("c3", WRONG),
        ("c2", RIGHT),
        ("c4", LEAST),
        ("c1", WRONG),
        ("c5", RIGHT),
    ]
    assert found.rule.startswith("Shown are 5 of 6 explained texts, in turn: one decided otherwise")


def test_without_labels_no_text_is_said_to_be_decided_wrongly(explained):
    rows = [row(Case(f"c{k}", "a word"), [1.0, 0.5], difference=float(k)) for k in range(4)]
    found = explained(rows, top=2)
    assert [(t.case, t.why) for t in found.shown] == [("c3", MOST), ("c0", LEAST)]


# ── what vouches for a map ───────────────────────────────────────────────────────────────


def certifying(measure, value, verdict, op):
    estimate = Estimate(value, value - 0.02, value + 0.02, 120, 120, "linearised_t")
    rule = None if verdict == "measured" else Rule(op, 0.0)
    return Finding(PROBE, "explanations", measure, {}, estimate, rule, verdict)


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (("pass", "pass"), "certified over the sample"),
        (("pass", "inconclusive"), "not certified: inconclusive"),
        (("fail", "pass"), "not certified: no better than random words"),
        (("measured", "measured"), "not certified: measured without a rule"),
    ],
)
def test_the_certificate_is_the_worst_verdict_with_both_figures(explained, verdicts, said):
    findings = (
        certifying("excess_comprehensiveness", 0.2, verdicts[0], ">="),
        certifying("excess_sufficiency", -0.1, verdicts[1], "<="),
    )
    (found,) = explained([row(Case("a", "a word"), [1.0, 0.5])], findings=findings).certificates
    assert found.said == said
    assert found.figures == (
        "excess comprehensiveness 0.200 (0.180 to 0.220)",
        "excess sufficiency −0.100 (−0.120 to −0.080)",
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "both tests"),
        ({"sufficiency": 0.4}, "one test of two"),
        ({"comprehensiveness": 0.1, "sufficiency": 0.5}, "neither test"),
    ],
)
def test_each_map_says_how_it_did_against_random_words(explained, values, said):
    made = row(Case("a", "a word"), [1.0, 0.5], special_share=0.018, **values)
    tested = explained([made]).shown[0].explanations[0].tested
    assert said in tested.said
    assert "Special tokens hold 1.8 % of the scores." in tested.notes
    assert "Converged." in tested.notes


def test_a_map_that_was_not_tried_says_nothing_of_itself(explained):
    made = row(Case("a", "a word"), [1.0, 0.5], sufficiency=None, converged=False)
    tested = explained([made]).shown[0].explanations[0].tested
    assert tested.said == ""
    assert "The scores have not converged." in tested.notes


# ── two methods ──────────────────────────────────────────────────────────────────────────


def test_two_methods_explain_the_same_texts_with_the_agreement_of_their_ranks(explained):
    mine = [row(Case(f"c{k}", "a word"), [1.0, 0.2], agreement=0.5) for k in range(3)]
    others = [row(Case(f"c{k}", "a word"), [0.1, -3.0]) for k in (2, 1)]
    found = explained(mine, others, beside=OTHER)
    assert [text.case for text in found.shown] == ["c1", "c2"]
    assert [e.method for e in found.shown[0].explanations] == [PROBE, OTHER]
    assert found.shown[0].agreement == "0.50"
    lines = {line.word.text: line.scores for line in found.shown[0].lines}
    assert lines == {"a": ("+1.0", "+0.10"), "word": ("+0.20", "−3.0")}


def test_texts_that_the_other_method_could_not_explain_are_passed_over(explained):
    blank = Row(Case("a", "a word"), {}, reason="longer than the model's window")
    found = explained([row(Case("a", "a word"), [1.0, 0.5])], [blank], beside=OTHER)
    assert found.missing == "no text could be explained"


def test_a_method_that_did_not_run_is_named(explained):
    found = explained([row(Case("a", "a word"), [1.0, 0.5])], beside="explanations.none")
    assert found.note.startswith("explanations.none: the evidence is not beside the record")
    assert len(found.shown[0].explanations) == 1


# ── answers in words ─────────────────────────────────────────────────────────────────────

ANSWERS = {k: v for k, v in COLUMNS.items() if k != "predicted"} | {
    "answer": Input,
    "disagreement": float,
}


def answered(case, scores, answer, **values):
    """The map of an answer; a row without one has no answer either."""
    made = row(case, scores, converged=None, answer=answer, **values)
    return msgspec.structs.replace(
        made, values={k: v for k, v in made.values.items() if k != "predicted"}
    )


@pytest.fixture
def answers(source, written):
    """Write rows of answers as evidence and read them as the report does."""

    def read(rows, **options):
        written(PROBE, ANSWERS, rows)
        return tokens(source(), shown_as(**options))

    return read


def test_an_answer_stands_in_place_of_a_class(answers):
    made = answered(Case("a", "one word"), [2.0, -1.0], " Lima", disagreement=0.002)
    found = answers([Row(Case("b", "x"), {}, reason="too short"), made])
    (text,) = found.shown
    assert found.answers
    assert "".join(run.text for run in text.answer) == " Lima"
    assert text.predicted == ""
    assert [word.text for word in text.explanations[0].map.strongest] == ["one", "word"]
    notes = text.explanations[0].tested.notes
    assert notes[-1].startswith("The answer's log-probability, asked for a second time alone: 0.00")


def test_an_answer_is_not_held_against_a_label(answers):
    rows = [
        answered(Case(f"c{k}", "a word", target="Rome"), [1.0, 0.5], "Lima", difference=float(k))
        for k in range(4)
    ]
    found = answers(rows, top=3)
    assert [(t.case, t.why) for t in found.shown] == [("c3", MOST), ("c0", LEAST), ("c2", MOST)]
    assert found.rule.startswith("Shown are 3 of 4 explained prompts, in turn: one whose words")


def test_a_class_is_shown_as_before(explained):
    (text,) = explained([row(Case("a", "a word"), [1.0, 0.5])]).shown
    assert (text.predicted, text.answer) == (">50K", ())


def test_the_page_shows_answers_escaped_and_in_nats(record, written, tmp_path):
    made = answered(Case("a", "one word", target="Rome"), [2.0, -1.5], "<b>Li\u202ema</b>\n")
    written(PROBE, ANSWERS, [made])
    probe = msgspec.structs.replace(record, exhibits=(shown_as(),), probes={PROBE: {}})
    found = Finding(PROBE, "explanations", "converged_share", {}, None, None, "not_tested")
    page = render(msgspec.structs.replace(probe, findings=(found,)), tmp_path)
    figure = page[page.index('<figure class="maps">') :].partition("</figure>")[0]
    assert "Answer: <bdi>&lt;b&gt;Li" in figure
    assert "⟨U+202E⟩" in figure
    assert "Predicted" not in figure
    assert "nats a token of the answer" in figure
    assert "logits" not in figure


# ── the page ─────────────────────────────────────────────────────────────────────────────


def test_no_text_is_shown_where_digests_were_kept(source, record):
    hidden = source(audit={**record.audit, "evidence_texts": "hash"})
    assert "digests" in tokens(hidden, shown_as()).missing


def test_options_that_cannot_be_read_are_named(explained):
    made = [row(Case("a", "a word"), [1.0, 0.5])]
    assert explained(made, top="many").missing == "its options cannot be read"


def test_the_page_escapes_words_and_says_the_sign_in_numbers(record, written, tmp_path):
    case = Case("a", "<script>x</script> fi\u202ene", target="no")
    written(PROBE, COLUMNS, [row(case, [2.0, -1.5])])
    probe = msgspec.structs.replace(record, exhibits=(shown_as(),), probes={PROBE: {}})
    found = Finding(PROBE, "explanations", "converged_share", {}, None, None, "not_tested")
    page = render(msgspec.structs.replace(probe, findings=(found,)), tmp_path)
    figure = page[page.index('<figure class="maps">') :].partition("</figure>")[0]
    assert "<script" not in figure
    assert "&lt;script&gt;x&lt;/script&gt;" in figure
    assert "\u202e" not in figure
    assert "⟨U+202E⟩" in figure
    assert "+2.0" in figure
    assert "−1.5" in figure
