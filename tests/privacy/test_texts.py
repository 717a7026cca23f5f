from __future__ import annotations

import math

import pytest
from support_texts import answer, scored

from fmaudit.privacy import texts
from fmaudit.privacy.texts import Read
from fmaudit.types import Case, Failure, Likelihoods, Logits, TokenLogprobs


def test_a_text_is_asked_for_as_a_whole():
    assert texts.whole(Case("a", "one two")) == TokenLogprobs("", ("one two",))
    assert texts.whole(Case("a", "one"), "base").on == "base"


def test_an_answer_is_read():
    found = texts.read(answer([-1.0, -2.0], cut=3, split=1))
    assert isinstance(found, Read)
    assert (found.tokens, found.cut, found.split) == (2, 3, 1)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (Failure("lost", transient=True), "lost"),
        (Logits((0.0,)), "answered with Logits"),
        (Likelihoods(()), "no tokens"),
        (Likelihoods((scored([-1.0]), scored([-1.0]))), "no tokens"),
        (answer([]), "no tokens"),
        (answer([-1.0, -math.inf]), "not finite"),
        (answer([math.nan]), "not finite"),
    ],
)
def test_what_is_no_usable_answer_is_a_failure(given, why):
    found = texts.read(given)
    assert isinstance(found, Failure)
    assert why in found.reason


def test_models_are_alike_as_far_as_both_read():
    one, two = Read(scored([-1.0] * 5)), Read(scored([-2.0] * 3), cut=2)
    assert texts.alike(one, two)
    assert not texts.alike(one, two, 5)
    assert not texts.alike(one, Read(scored([-1.0] * 5, ids=[0, 1, 9, 3, 4])))
    assert texts.alike(one, Read(scored([-1.0] * 5, ids=[0, 1, 9, 3, 4])), 2)


def test_a_part_keeps_every_figure_of_its_tokens():
    whole = scored([-1.0, -2.0, -3.0], [0, 1, 2], spans=[(0, 2), (2, 5), (5, 6)])
    part = texts.part(whole, 1, 3)
    assert (part.ids, part.logprobs, part.ranks) == ((1, 2), (-2.0, -3.0), (1, 2))
    assert (part.starts, part.ends, len(part.means), len(part.deviations)) == ((2, 5), (5, 6), 2, 2)
    assert texts.part(scored([-1.0, -2.0]), 0, 1).starts == ()
