"""shap through the bridge is shap: the values of direct calls, and what is known of Owen values."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from fmaudit.explanations.owen import Unanswered, owen_values, tree
from fmaudit.explanations.words import words_of
from fmaudit.types import Failure, Logits, Pair

TEXT = "The film, they said, was not good (but the end was) and nobody laughed. We left early!"
WEIGHT = {"good": 2.0, "end": 1.0, "laughed.": -1.5, "left": -0.25, "film,": 0.125}


def additive(text):
    return math.fsum(WEIGHT.get(word, 0.0) for word in text.split())


def negated(text):
    words = text.split()
    return additive(text) - 4.0 * ("not" in words and "good" in words) + 0.01 * len(text)


def drive(generator, rule):
    """Its result, and how many inputs each round asked for."""
    rounds, answers = [], None
    while True:
        try:
            asked = generator.send(answers)
        except StopIteration as stop:
            return stop.value, rounds
        rounds.append(len(asked))
        answers = [rule(request.input) for request in asked]


def values(value, rule, max_evals=200, seed=0):
    generator = owen_values(
        value,
        words_of(value),
        lambda response: response.values[0],
        max_evals,
        np.random.default_rng(seed),
    )
    return drive(generator, lambda shown: Logits((rule(shown),)))


def direct(text, rule, max_evals, seed):
    """shap with its own masker for text, called as its documentation says."""
    import shap

    def tokenizer(text, return_offsets_mapping=True):
        places = [match.span() for match in re.finditer(r"\S+", text)]
        return {"input_ids": list(range(len(places))), "offset_mapping": places}

    masker = shap.maskers.Text(tokenizer, mask_token=0)
    masker.mask_token, masker.collapse_mask_token = "... ", False
    explainer = shap.explainers.PartitionExplainer(
        lambda texts: np.array([rule(text) for text in texts]), masker
    )
    np.random.seed(int(np.random.default_rng(seed).integers(2**32, size=2, dtype=np.uint64)[0]))  # noqa: NPY002
    return explainer([text], max_evals=max_evals, batch_size=20, silent=True).values[0]


@pytest.mark.parametrize("max_evals", [30, 100, 1000])
@pytest.mark.parametrize("rule", [additive, negated])
def test_the_values_are_those_of_shap_called_directly(rule, max_evals):
    (found, evaluations), _ = values(TEXT, rule, max_evals, seed=3)
    state = np.random.get_state()  # noqa: NPY002
    assert found == pytest.approx(direct(TEXT, rule, max_evals, seed=3), abs=1e-9)
    np.random.set_state(state)  # noqa: NPY002
    assert evaluations <= max_evals


def test_where_words_only_add_up_each_gets_its_own():
    (found, _), _ = values(TEXT, additive, 1000)
    assert found == pytest.approx([WEIGHT.get(word, 0.0) for word in TEXT.split()], abs=1e-12)


@pytest.mark.parametrize("max_evals", [4, 20, 90])
def test_they_add_up_however_few_the_evaluations(max_evals):
    (found, _), rounds = values(TEXT, negated, max_evals)
    assert math.fsum(found) == pytest.approx(
        negated(TEXT) - negated(re.sub(r"\S+", "...", TEXT)), abs=1e-9
    )
    assert sum(rounds) <= max_evals


def test_the_evaluations_it_says_are_those_it_asked_for():
    (_, evaluations), rounds = values(TEXT, negated, 90)
    assert evaluations == sum(rounds)
    assert max(rounds) == 20


def test_the_same_seed_gives_the_same_values():
    assert values(TEXT, negated, 60, seed=1) == values(TEXT, negated, 60, seed=1)


def test_a_pair_has_its_halves_apart():
    value = Pair("a good start", "not so good an end")

    def rule(shown):
        return additive(shown.first) + 10 * additive(shown.second)

    (found, _), _ = values(value, rule)
    assert found == pytest.approx([0, 2, 0, 0, 0, 20, 0, 10], abs=1e-12)


def test_scripts_without_spaces_and_from_right_to_left():
    (found, _), _ = values("他说手机很好", lambda shown: 3.0 * ("好" in shown))
    assert found == pytest.approx([0, 0, 0, 0, 0, 3], abs=1e-12)
    (found, _), _ = values("זה סרט טוב מאוד באמת", lambda shown: 2.0 * ("טוב" in shown))
    assert found == pytest.approx([0, 0, 2, 0, 0], abs=1e-12)


@pytest.mark.parametrize(
    "value",
    [TEXT, "one two", Pair("one two three", "four"), Pair("one", "two"), Pair("", "one two three")],
)
def test_the_tree_joins_all_words_once(value):
    words = words_of(value)
    joins = tree(value, words)
    assert joins.shape == (len(words) - 1, 4)
    inside = {k: {k} for k in range(len(words))}
    for k, (left, right, distance, size) in enumerate(joins):
        inside[len(words) + k] = inside.pop(int(left)) | inside.pop(int(right))
        assert len(inside[len(words) + k]) == size
        assert distance > 0
    assert list(inside.values()) == [set(range(len(words)))]


def test_the_halves_of_a_pair_are_joined_last():
    value = Pair("one two three", "four five six")
    *_, last = tree(value, words_of(value))
    assert list(last) == [7, 9, 1, 6]  # the last joins of either half


def test_an_answer_that_cannot_be_read_ends_it():
    answers = iter([Logits((1.0,)), Failure("the window is too small", transient=True)])
    generator = owen_values(
        TEXT,
        words_of(TEXT),
        lambda response: response if isinstance(response, Failure) else response.values[0],
        200,
        np.random.default_rng(0),
    )
    with pytest.raises(Unanswered, match="window") as error:
        drive(generator, lambda shown: next(answers))
    assert error.value.failure.transient


def test_it_prints_nothing(capfd, monkeypatch):
    """Not even where explaining takes longer than shap's bars wait."""
    import shap.explainers._partition as partition
    import shap.utils._show_progress as progress

    clock = iter(range(0, 10**9, 60))
    monkeypatch.setattr(partition.time, "time", lambda: next(clock))
    monkeypatch.setattr(progress.time, "time", lambda: next(clock))
    values(TEXT, negated)
    said = capfd.readouterr()
    assert said.out + said.err == ""
