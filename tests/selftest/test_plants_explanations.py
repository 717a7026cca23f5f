"""The planted maps go through the certificate's own code: what is wrong with it comes out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fmaudit import catalog
from fmaudit.explanations import certificate
from fmaudit.selftest import tier1
from fmaudit.selftest.plants import explanations
from fmaudit.selftest.trials import holm_sizes, trials

CARDS = catalog.select(["explanations"])
CERTIFIED = {"excess_comprehensiveness", "excess_sufficiency"}
SEEDS = 4


@pytest.fixture(scope="module")
def tried():
    (mine,) = trials(catalog.select(["explanations.partition_shap"]), holm_sizes(CARDS))
    return mine


def alarmed(trial):
    """The measures that fail a true map in every audit, and those that miss a false one."""
    small = replace(trial, plant=replace(trial.plant, ladder=(100,)))
    figures = tier1.run([small], seeds=SEEDS).figures[trial.card.id]
    return (
        {f.measure for f in figures if f.false_alarms.value == 1.0},
        {f.measure for f in figures if f.power.value == 0.0},
    )


def test_a_sound_certificate_tells_true_maps_from_false_ones(tried):
    assert alarmed(tried) == (set(), set())


def test_a_reversed_order_of_the_words_is_found(tried, monkeypatch):
    ranked = certificate.ranked
    monkeypatch.setattr(certificate, "ranked", lambda scores, rng: ranked(scores, rng)[::-1])
    assert alarmed(tried) == (CERTIFIED, CERTIFIED)


def test_kept_and_removed_words_taken_for_each_other_are_found(tried, monkeypatch):
    erasure = certificate.erasure

    def swapped(*asked):
        found = erasure(*asked)
        return certificate.Erasure(removed=found.kept, kept=found.removed)

    monkeypatch.setattr(certificate, "erasure", swapped)
    assert alarmed(tried) == (CERTIFIED, CERTIFIED)


def test_a_certificate_of_the_other_class_is_found(tried, monkeypatch):
    given = certificate.certificate

    def other(value, orders, answers, predicted, classes):
        return given(value, orders, answers, 1 - predicted, classes)

    monkeypatch.setattr(certificate, "certificate", other)
    assert alarmed(tried) == (CERTIFIED, CERTIFIED)


def test_texts_are_short_and_hold_the_planted_words_anywhere():
    texts = [explanations._text(np.random.default_rng(k)).split() for k in range(200)]
    assert {len(words) for words in texts} == {8, 9, 10, 11, 12}
    planted = [[w in explanations._MOVES for w in words] for words in texts]
    assert {sum(some) for some in planted} == {3}
    assert {some.index(True) for some in planted} >= {0, 1, 2, 3}
    assert all(len(set(words)) == len(words) for words in texts)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_maps_are_tried_as_the_cards_try_them(card):
    assert card.params["random_orders"] == explanations._ORDERS
