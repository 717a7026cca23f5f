"""The planted answers go through the whole method: what is wrong with it comes out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fmaudit import catalog
from fmaudit.explanations import answer_span
from fmaudit.selftest import tier1
from fmaudit.selftest.plants import explanations_lm
from fmaudit.selftest.trials import holm_sizes, trials

(CARD,) = catalog.select(["explanations.answer_span"])
CERTIFIED = {"excess_comprehensiveness", "excess_sufficiency"}
SEEDS = 3


@pytest.fixture(scope="module")
def tried():
    (mine,) = trials([CARD], holm_sizes(catalog.select(["explanations"])))
    return replace(mine, plant=replace(mine.plant, ladder=(100,)))


def alarmed(trial):
    """The measures that fail a true map in every audit, and those that miss a false one."""
    figures = tier1.run([trial], seeds=SEEDS).figures[trial.card.id]
    return (
        {f.measure for f in figures if f.false_alarms.value == 1.0},
        {f.measure for f in figures if f.power.value == 0.0},
    )


def test_a_sound_method_tells_true_maps_from_false_ones(tried):
    assert alarmed(tried) == (set(), set())


def test_scores_of_the_wrong_sign_are_found(tried, monkeypatch):
    sound = answer_span.occluded

    def reversed_(*asked):
        difference, scores = yield from sound(*asked)
        return difference, tuple(-score for score in scores)

    monkeypatch.setattr(answer_span, "occluded", reversed_)
    assert alarmed(tried) == (CERTIFIED, CERTIFIED)


def test_a_certificate_by_the_texts_of_the_map_finds_no_false_one(tried, monkeypatch):
    """Judged by hidden words, a map that lies about removed ones would pass."""
    from fmaudit.explanations import certificate
    from fmaudit.explanations.words import hidden

    monkeypatch.setattr(certificate, "only", hidden)
    false_alarms, missed = alarmed(tried)
    assert false_alarms == set()
    assert missed == CERTIFIED


def test_prompts_are_short_and_hold_the_planted_words_anywhere():
    made = [explanations_lm._Prompt(1, np.random.default_rng(k)) for k in range(200)]
    assert {len(prompt.words) for prompt in made} == {8, 9, 10, 11, 12}
    assert {int((prompt.moves != 0).sum()) for prompt in made} == {3}
    assert {int(np.flatnonzero(prompt.moves)[0]) for prompt in made} >= {0, 1, 2, 3}


def test_prompts_are_tried_as_the_card_tries_them():
    mine = explanations_lm._PARAMS
    assert {name: getattr(mine, name) for name in CARD.params} == CARD.params
