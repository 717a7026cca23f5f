"""Maps of answers by language models whose reasons are known."""

from __future__ import annotations

import hashlib
import math

import msgspec
import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from fmaudit.engine.costs import Costs
from fmaudit.engine.progress import Silent
from fmaudit.engine.runner import LocalRunner
from fmaudit.engine.scheduler import Engine, Task
from fmaudit.explanations import answer_span as module
from fmaudit.explanations import spans
from fmaudit.explanations.answer_span import (
    COLUMNS,
    UNMOVED,
    UNTOLD,
    AnswerParams,
    answer_span,
    neighbours,
)
from fmaudit.explanations.maps import TOO_LONG
from fmaudit.models.fakes import FakeLanguage
from fmaudit.models.torchmodel import Loaded
from fmaudit.registry import Context
from fmaudit.seeds import Seeds
from fmaudit.selftest.plants.base import driven
from fmaudit.types import Case, Chat, Failure, Generate, Pair, TokenLogprobs

CAPABLE = frozenset({"token_logprobs", "generate", "tokenize"})
CUES = ("paris", "lima", "oslo", "cairo", "delhi", "quito")
WORDS = """
the a is was in of and very this that it house street river people walked slowly under old new
today morning evening table chair window door letter story garden winter summer quiet
"""
FILLER = WORDS.split()
TEXT = "the old letter from oslo was found in a garden"


def unit(text):
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64


def copied(prompt):
    """The last cue of a prompt, "nowhere" without one."""
    return next((w for w in reversed(prompt.split()) if w in CUES), "nowhere")


def copies(before, word):
    """A word is likely where the prompt holds it; every other word moves it a little."""
    there = before.split()
    return math.log((0.85 if word in there else 0.1) + 0.01 * unit(" ".join(sorted(there))))


def copier(**options):
    return FakeLanguage(copies, copied, **options)


def rows_of(cases, model, params=None, change=lambda request, answer: answer, **context):
    """The rows of these cases, and what was asked; `change` alters an answer."""
    known = Context(Seeds(0), capabilities=CAPABLE, chat=model.facts.chat, **context)
    asked = []

    def answer(request):
        asked.append(request)
        (found,) = model.run(model.prepare([request]), length=0, rows=1)
        return change(request, found)

    return driven(answer_span.run(cases, params or AnswerParams(), known), answer), asked


def one(value, model=None, params=None, change=lambda request, answer: answer, **context):
    case = value if isinstance(value, Case) else Case("c", value)
    (row,), _ = rows_of([case], model or copier(), params, change, **context)
    return row


def drawn(count, rng):
    """Prompts of 8 to 20 words, one of them a cue: the prompts and where it stands."""
    found = []
    for _ in range(count):
        words = list(rng.choice(FILLER, rng.integers(8, 21)))
        place = int(rng.integers(len(words)))
        words[place] = str(rng.choice(CUES))
        found.append((" ".join(words), place))
    return found


# ── the map ──────────────────────────────────────────────────────────────────────────────


def test_the_word_that_the_answer_copies_has_the_top_score():
    row = one(TEXT)
    assert set(row.values) == set(COLUMNS)
    assert row.values["answer"] == "oslo"
    assert row.values["answer_tokens"] == 1
    assert row.values["pieces"] == 10
    assert row.values["checked"] is True
    assert row.values["disagreement"] == 0
    assert int(np.argmax(row.values["word_scores"])) == 4
    spans_ = zip(row.values["word_starts"], row.values["word_ends"], strict=True)
    assert [TEXT[a:b] for a, b in spans_] == TEXT.split()


def test_a_score_is_the_fall_of_the_log_probability_with_the_word_hidden():
    row = one(TEXT)
    whole = copies(TEXT, "oslo")
    words = TEXT.split()
    for k in range(len(words)):
        without = " ".join("..." if at == k else word for at, word in enumerate(words))
        assert row.values["word_scores"][k] == pytest.approx(whole - copies(without, "oslo"))
    assert row.values["answer_logprob"] == pytest.approx(whole)
    assert row.values["difference"] == pytest.approx(whole - copies("... " * 10, "oslo"))


def test_scores_are_a_token_on_average():
    model = FakeLanguage(
        lambda before, word: math.log(0.9 if word in TEXT.split() and word in before else 0.6),
        lambda prompt: "oslo says oslo oslo",
    )
    row = one(TEXT, model)
    assert row.values["answer_tokens"] == 4
    assert row.values["word_scores"][4] == pytest.approx(math.log(0.9 / 0.6) / 4)


def test_planted_words_are_found_and_certified():
    texts = drawn(120, np.random.default_rng(3))
    rows, _ = rows_of([Case(f"c{k}", text) for k, (text, _) in enumerate(texts)], copier())
    areas = [
        average_precision_score(
            [k == place for k in range(len(text.split()))], row.values["word_scores"]
        )
        for row, (text, place) in zip(rows, texts, strict=True)
    ]
    assert np.mean(areas) >= 0.95
    gain, kept = excess(rows)
    assert gain.mean() - 3 * gain.std() / 11 > 0
    assert kept.mean() + 3 * kept.std() / 11 < 0


def excess(rows):
    """Of each row, comprehensiveness and sufficiency less those of random orders."""
    return (
        np.array([r.values[name] - r.values[f"random_{name}"] for r in rows])
        for name in ("comprehensiveness", "sufficiency")
    )


def test_random_maps_are_not_certified(monkeypatch):
    rng = np.random.default_rng(5)

    def at_random(span, words, checked, most):
        return 1.0, tuple(rng.normal(size=len(words)))
        yield

    monkeypatch.setattr(module, "occluded", at_random)
    texts = drawn(120, np.random.default_rng(3))
    rows, _ = rows_of([Case(f"c{k}", text) for k, (text, _) in enumerate(texts)], copier())
    for found in excess(rows):
        assert abs(found.mean()) < 3 * found.std() / 11


def test_pure_noise_is_not_certified():
    """What a map was ranked by is not what it is judged by."""
    model = FakeLanguage(
        lambda before, word: math.log(0.55 + 0.4 * unit(before)), lambda prompt: "yes"
    )
    rows, _ = rows_of(
        [Case(f"c{k}", t) for k, (t, _) in enumerate(drawn(120, rng=np.random.default_rng(6)))],
        model,
    )
    for found in excess(rows):
        assert abs(found.mean()) < 3 * found.std() / 11


def test_a_word_against_the_answer_scores_under_zero():
    def doubted(before, word):
        return math.log(0.9 if "not" not in before.split() else 0.6)

    row = one("it is not a good day", FakeLanguage(doubted, lambda prompt: "yes"))
    scores = row.values["word_scores"]
    assert scores[2] == pytest.approx(math.log(0.6 / 0.9))
    assert scores[:2] + scores[3:] == pytest.approx([0] * 5)


def test_the_answer_of_the_data_is_explained_where_it_is_asked_for():
    case = Case("c", f"{TEXT} paris", references=("paris",))
    params = AnswerParams(answer="reference")
    rows, asked = rows_of([case], copier(), params)
    assert not any(isinstance(request, Generate) for request in asked)
    assert rows[0].values["answer"] == " paris"
    assert int(np.argmax(rows[0].values["word_scores"])) == 10
    assert one(TEXT, params=params).reason == spans.NO_REFERENCE


def test_an_answer_that_the_model_would_not_have_given_is_explained_too():
    """A reference need not be the first choice."""
    case = Case("c", TEXT, target="cairo")
    row = one(case, params=AnswerParams(answer="reference"))
    assert row.values["answer_logprob"] < math.log(0.2)


def test_a_conversation_shows_the_words_of_the_user():
    rows, asked = rows_of([Case("c", TEXT)], copier(chat=True))
    assert all(isinstance(request.input, Chat) for request in asked)
    assert {len(request.input.messages) for request in asked} == {1}
    assert int(np.argmax(rows[0].values["word_scores"])) == 4
    assert len(rows[0].values["word_scores"]) == 10


def test_both_texts_of_a_pair_are_the_prompt():
    row = one(Pair("the old letter from oslo", "where was it from"))
    assert row.values["word_parts"] == [0] * 5 + [1] * 4
    assert int(np.argmax(row.values["word_scores"])) == 4


def test_chinese_is_explained_by_characters():
    def copies_characters(before, word):
        return math.log(0.9 if word in before else 0.1)

    text = "从北京寄来的信在哪里"
    model = FakeLanguage(copies_characters, lambda prompt: "京" if "京" in prompt else "无")
    row = one(text, model)
    assert row.values["answer"] == "京"
    assert len(row.values["word_scores"]) == len(text)
    assert int(np.argmax(row.values["word_scores"])) == text.index("京")


# ── prompts that are long, short, or say nothing ─────────────────────────────────────────


def test_neighbours_of_a_long_prompt_are_hidden_together():
    words = [f"word{k}" for k in range(150)]
    words[77] = "lima"
    params = AnswerParams(most_words=60)
    rows, asked = rows_of([Case("c", " ".join(words))], copier(), params)
    values = rows[0].values
    (piece,) = [piece for piece in neighbours(150, 60) if 77 in piece]
    best = {k for k, s in enumerate(values["word_scores"]) if s == max(values["word_scores"])}
    assert best == set(piece)
    assert values["pieces"] == 60
    hidden = {request.input for request in asked if "..." in request.input}
    assert len(hidden) == 61
    total = sum(values["word_scores"][k] for k in piece)
    assert total == pytest.approx(math.log(0.85 / 0.1), abs=0.2)


@pytest.mark.parametrize(("words", "most"), [(5, 60), (60, 60), (61, 60), (1000, 60), (7, 5)])
def test_pieces_hold_every_word_once(words, most):
    pieces = neighbours(words, most)
    assert [k for piece in pieces for k in piece] == list(range(words))
    assert len(pieces) == min(words, most)
    assert max(map(len, pieces)) - min(map(len, pieces)) <= 1


@pytest.mark.parametrize(("value", "count"), [("", 0), ("what was it?", 3), (Pair("a b", "c"), 3)])
def test_a_short_prompt_is_a_reason(value, count):
    rows, asked = rows_of([Case("c", value)], copier())
    assert f"{count} words" in rows[0].reason
    assert not rows[0].failed
    assert not asked


def test_a_deaf_model_has_nothing_to_attribute():
    deaf = FakeLanguage(lambda before, word: math.log(0.7), lambda prompt: "yes")
    row = one(TEXT, deaf)
    assert row.reason == UNTOLD
    assert not row.failed
    assert row.values == {"difference": 0.0}


def test_what_the_noise_floor_could_do_is_nothing():
    assert "word_scores" in one(TEXT, floor=0.1).values
    assert one(TEXT, floor=0.3).reason == UNTOLD


def test_words_that_cancel_out_are_attributed_all_the_same():
    """Hiding all of them changes nothing, and hiding each does."""

    def weighs(before, word):
        there = before.split()
        return math.log(0.7) + 0.3 * (("good" in there) - ("bad" in there))

    row = one("one good and one bad day", FakeLanguage(weighs, lambda prompt: "yes"))
    assert row.values["difference"] == pytest.approx(0)
    assert row.values["word_scores"] == pytest.approx([0, 0.3, 0, 0, -0.3, 0])


def test_an_answer_that_no_words_move_is_not_certified():
    def sure(before, word):
        return -1e-4 * ("oslo" not in before)

    row = one(TEXT, FakeLanguage(sure, copied))
    assert row.reason == UNMOVED
    assert not row.failed


def test_a_prompt_that_the_model_does_not_read_whole_has_no_map():
    """Nor one that it cannot read whole where its words are hidden."""
    kinds = (
        lambda request: isinstance(request, Generate),
        lambda request: isinstance(request, TokenLogprobs) and request.input == TEXT,
        lambda request: request.input.count("...") == 1,
        lambda request: request.input.count("...") == 10,
    )
    for kind in kinds:

        def cut(request, answer, kind=kind):
            return msgspec.structs.replace(answer, cut=3) if kind(request) else answer

        row = one(TEXT, change=cut)
        assert row.reason == TOO_LONG
        assert not row.failed
        assert not row.values


# ── the check in each run ────────────────────────────────────────────────────────────────


def test_a_model_that_answers_otherwise_alone_gets_no_map():
    def wrongly(request, answer):
        if isinstance(request, TokenLogprobs) and request.under != "alone":
            (found,) = answer.scored
            lower = tuple(p - 0.05 for p in found.logprobs)
            return msgspec.structs.replace(
                answer, scored=(msgspec.structs.replace(found, logprobs=lower),)
            )
        return answer

    row = one(TEXT, change=wrongly)
    assert row.failed
    assert row.reason == spans.APART
    assert row.values == {"checked": False, "disagreement": pytest.approx(0.05)}
    assert one(TEXT, change=wrongly, params=AnswerParams(tolerance=0.1)).values["checked"]


def test_a_model_that_writes_what_its_likelihoods_do_not_put_first_gets_no_map():
    unlikely = FakeLanguage(lambda before, word: math.log(0.1), copied)

    def far(request, answer):
        if not isinstance(request, TokenLogprobs):
            return answer
        found = msgspec.structs.replace(answer.scored[0], ranks=(9,))
        return msgspec.structs.replace(answer, scored=(found,))

    assert one(TEXT, unlikely).reason == spans.NEAR_TIE
    assert not one(TEXT, unlikely).failed
    row = one(TEXT, unlikely, change=far)
    assert row.reason == spans.NOT_FIRST
    assert row.failed
    assert row.values["checked"] is False


def test_each_answer_is_asked_for_once_more_alone():
    _, asked = rows_of([Case("c", TEXT)], copier())
    alone = [request for request in asked if request.under == "alone"]
    assert alone == [TokenLogprobs(input=TEXT, continuations=("oslo",), under="alone")]


# ── answers that fail ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda request: isinstance(request, Generate), "no room"),
        (lambda request: request.input == TEXT and request.under == "", "no room"),
        (lambda request: request.under == "alone", "asked for alone: "),
        (lambda request: request.input.count("...") == 10, "with its words hidden: "),
        (lambda request: request.input.count("...") == 1, "with some words hidden: "),
        (lambda request: len(request.input.split()) < 9, "without some words: "),
    ],
)
def test_an_answer_that_fails_is_a_failed_row_and_the_others_go_on(broken, said):
    def failing(request, answer):
        bad = "letter" in request.input or "oslo" in request.input or "..." in request.input
        return Failure("no room") if bad and broken(request) else answer

    other = "one road of the many leads from here to lima"
    (row, fine, short), _ = rows_of(
        [Case("a", TEXT), Case("b", other), Case("c", "too short")], copier(), change=failing
    )
    assert row.failed
    assert said in row.reason
    assert "no room" in row.reason
    assert not row.values
    assert fine.case.id == "b"
    assert short.reason
    assert not short.failed


def test_an_error_in_one_prompt_is_its_own():
    def breaking(request, answer):
        if isinstance(request, TokenLogprobs) and "letter" in request.input:
            return msgspec.structs.replace(answer, scored=())
        return answer

    (row, fine), _ = rows_of(
        [Case("a", TEXT), Case("b", "one road of many leads to lima")], copier(), change=breaking
    )
    assert row.failed
    assert fine.values["answer"] == "lima"


@pytest.mark.parametrize(
    "wrong",
    [
        {"most_tokens": 0}, {"most_words": 4}, {"random_orders": 0}, {"tolerance": 0.0},
        {"tolerance": math.nan},
    ],
)  # fmt: skip
def test_parameters_that_leave_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        AnswerParams(**wrong)


# ── through the engine ───────────────────────────────────────────────────────────────────


class Cases:
    def __init__(self, cases):
        self.cases = cases

    def chunks(self, size):
        yield list(self.cases)


def test_many_prompts_share_batches_and_the_check_is_alone(tmp_path):
    model = copier(key="copier")
    run, shapes = model.run, []

    def watched(batch, **shape):
        shapes.append((batch[0].request.under, len(batch)))
        return run(batch, **shape)

    model.run = watched
    costs = Costs()
    runner = LocalRunner(
        Loaded(model), tmp_path / "answers.sqlite", costs, Silent(), tokens=256, most_rows=64
    )
    cases = [Case(f"c{k}", t) for k, (t, _) in enumerate(drawn(20, np.random.default_rng(4)))]
    rows = []
    context = Context(Seeds(0), capabilities=CAPABLE)
    task = Task(
        "explanations.answer_span",
        "explanations",
        answer_span,
        AnswerParams(),
        context,
        rows.extend,
    )
    Engine({"target": runner}, costs, Silent(), chunk=50).run([task], Cases(cases))
    assert task.error is None
    assert {size for under, size in shapes if under == "alone"} == {1}
    assert np.mean([size for under, size in shapes if under == ""]) > 4
    direct, _ = rows_of(cases, copier())
    assert [row.values for row in rows] == [row.values for row in direct]
