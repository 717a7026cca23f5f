from __future__ import annotations

import re
import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.performance.overlap import chrf, normal, rouge, token_f1

ARTICLES = ("a", "an", "the")
ASCII = st.text(st.sampled_from("ab AB the an.,!?'-_1 \n"), max_size=30)
ANY = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


# ── exact match and token F1 ─────────────────────────────────────────────────────────────


def squad(text: str) -> list[str]:
    """The normalisation of SQuAD, written as its paper has it."""
    bare = "".join(c for c in text.lower() if c not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", bare).split()


def squad_f1(answer: str, reference: str) -> float:
    one, two = squad(answer), squad(reference)
    same = sum((Counter(one) & Counter(two)).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(one), same / len(two)
    return 2 * precision * recall / (precision + recall)


@given(ASCII, ASCII)
def test_english_is_compared_as_in_squad(answer: str, reference: str) -> None:
    if not squad(answer) or not squad(reference):
        return  # where SQuAD leaves nothing: see below
    one, two = normal(answer, ARTICLES), normal(reference, ARTICLES)
    assert list(one) == squad(answer)
    assert token_f1(one, two) == pytest.approx(squad_f1(answer, reference))


@pytest.mark.parametrize(
    ("one", "two", "f1"),
    [
        ("The Denver Broncos!", "denver broncos", 1.0),
        ("the Broncos of Denver", "Denver Broncos", 0.8),
        ("Carolina", "Denver Broncos", 0.0),
        ("", "Denver", 0.0),
        ("答案是手机。", "手机", 4 / 7),
        ("手 机", "手机", 1.0),
        ("5G手机", "5G 手机", 1.0),
        ("«Ле́то»", "ле́то", 1.0),
        ("cafe\u0301", "CAFÉ", 1.0),
    ],
)
def test_token_f1(one: str, two: str, f1: float) -> None:
    assert token_f1(normal(one, ARTICLES), normal(two, ARTICLES)) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("one", "two"), [("A", "the"), ("+", "-"), ("A", "."), ("...", "？"), ("", "a")]
)
def test_what_would_leave_nothing_is_left_undone(one: str, two: str) -> None:
    assert normal(one, ARTICLES) != normal(two, ARTICLES)
    assert normal(one, ARTICLES) == normal(f" {one} ", ARTICLES)


@given(ANY, ANY)
def test_token_f1_is_symmetric_and_1_for_equal_words_alone(one: str, two: str) -> None:
    a, b = normal(one), normal(two)
    found = token_f1(a, b)
    assert 0 <= found <= 1
    assert found == token_f1(b, a)
    assert (found == 1) == (bool(a) and Counter(a) == Counter(b))


@given(ANY)
def test_a_text_with_letters_has_words(text: str) -> None:
    assert bool(normal(text, ARTICLES)) == bool(text.strip())


# ── ROUGE ────────────────────────────────────────────────────────────────────────────────

FOX = "The quick brown fox jumps over the lazy dog"
LOG = "The quick brown dog jumps on the log."


@pytest.mark.parametrize("stem", [False, True])
@pytest.mark.parametrize(
    ("answer", "references"),
    [
        (LOG, [FOX]),
        (FOX, [LOG, "Foxes are jumping quickly over lazy dogs"]),
        ("running runs_ran 42", ["he was running, ran 42 miles"]),
        ("nothing shared", ["at all here"]),
    ],
)
def test_ascii_scores_are_those_of_rouge_score(
    answer: str, references: list[str], stem: bool
) -> None:
    from rouge_score.rouge_scorer import RougeScorer

    theirs = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=stem)
    wanted = theirs.score_multi(references, answer)
    assert rouge(answer, references, stem=stem) == {
        "rouge_1": wanted["rouge1"].fmeasure,
        "rouge_2": wanted["rouge2"].fmeasure,
        "rouge_l": wanted["rougeL"].fmeasure,
    }


@given(ASCII, ASCII.filter(lambda text: len(re.findall("[a-zA-Z0-9]+", text)) > 1))
def test_any_ascii_text_is_cut_as_rouge_score_cuts_it(answer: str, reference: str) -> None:
    from rouge_score.rouge_scorer import RougeScorer

    wanted = RougeScorer(["rouge1", "rouge2", "rougeL"]).score(reference, answer)
    found = rouge(answer, [reference])
    assert list(found.values()) == [score.fmeasure for score in wanted.values()]


def test_the_known_figures_of_a_sentence() -> None:
    """Counted by hand: 9 and 8 words, 6 in common, 2 pairs in common, 5 in order."""
    found = rouge(LOG, [FOX])
    assert found["rouge_1"] == pytest.approx(12 / 17)
    assert found["rouge_2"] == pytest.approx(4 / 15)
    assert found["rouge_l"] == pytest.approx(10 / 17)


@pytest.mark.parametrize(
    ("answer", "reference", "one", "two"),
    [
        ("我的手机很好", "手机很好", 0.8, 0.75),  # 6 and 4 characters
        ("手机，很好！", "手机很好", 1.0, 1.0),
        ("le café est fermé", "café fermé", 2 / 3, 0.0),
        ("हिन्दी भाषा", "हिन्दी भाषा", 1.0, 1.0),
        ("좋은 날", "좋은 밤", 0.5, 0.0),
    ],
)
def test_letters_beyond_ascii_count(answer: str, reference: str, one: float, two: float) -> None:
    found = rouge(answer, [reference])
    assert found["rouge_1"] == pytest.approx(one)
    assert found["rouge_2"] == pytest.approx(two)


def test_figures_that_no_answer_could_have_are_none() -> None:
    assert rouge("Paris", ["Paris"]) == {"rouge_1": 1.0, "rouge_2": None, "rouge_l": 1.0}
    assert rouge("+", ["+", "-"]) == {"rouge_1": None, "rouge_2": None, "rouge_l": None}
    assert rouge("Paris", ["Paris", "in Paris"])["rouge_2"] == 0.0


def test_the_best_reference_counts_for_each_figure_by_itself() -> None:
    found = rouge("a b c d", ["d c b a", "a b x y"])
    assert found["rouge_1"] == 1.0
    assert found["rouge_2"] == pytest.approx(1 / 3)


# ── chrF ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("order", [0, 2])
def test_chrf_is_that_of_sacrebleu(order: int) -> None:
    import sacrebleu

    for answer, references in ((LOG, [FOX]), ("手机很好", ["我的手机很好", "x"]), ("", ["a"])):
        wanted = sacrebleu.sentence_chrf(answer, references, word_order=order).score
        assert chrf(answer, references, word_order=order) == wanted
    assert chrf("手机很好", ["手机很好"], word_order=order) == pytest.approx(100)


@given(ANY, ANY.filter(str.strip))
def test_chrf_lies_between_0_and_100(answer: str, reference: str) -> None:
    assert 0 <= chrf(answer, [reference]) <= 100 + 1e-9
