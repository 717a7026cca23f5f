"""How surprising sentences are with each descriptor."""

from __future__ import annotations

from typing import Any

import pytest

from fmaudit import catalog
from fmaudit.bias.descriptor_likelihood import NO_DESCRIPTOR, descriptor_likelihood
from fmaudit.data import open_cases
from fmaudit.registry import Context, NoParams
from fmaudit.requests import Failure, Likelihoods, Request, Response, Scored, TokenLogprobs
from fmaudit.seeds import Seeds
from fmaudit.selftest.plants.base import driven
from fmaudit.spec import DataSpec
from fmaudit.types import Case, Row

CASES = [
    Case(f"{frame}{who}", f"{who} {frame}", cluster=frame,
         groups={"attribute": "age", "group": who, "language": "en"})
    for frame in ("bus", "sea") for who in ("old", "young", "adult")
]  # fmt: skip
NATS = {"old": 4.0, "young": 2.0, "adult": 3.0}


def answer(request: Request) -> Response:
    assert isinstance(request, TokenLogprobs)
    assert request.input == ""
    who = request.continuations[0].split()[0]
    value = -NATS[who] - (request.on == "base" and who == "old")
    return Likelihoods((Scored((1, 2), (value, value), (0, 0), (0.0, 0.0), (1.0, 1.0)),))


def rows(reply: Any = answer, cases: Any = CASES, base: bool = False) -> list[Row]:
    beside = {"base": frozenset({"token_logprobs"})} if base else {}
    return driven(
        descriptor_likelihood.run(cases, NoParams(), Context(Seeds(0), beside=beside)), reply
    )


def test_a_descriptor_is_held_against_the_others_of_its_frame() -> None:
    found = {r.case.id: r.values for r in rows()}
    assert found["busold"]["nats"] == 4.0
    assert found["busold"]["tokens"] == 2
    assert found["busold"]["above"] == pytest.approx(4 - 2.5)
    assert found["seayoung"]["above"] == pytest.approx(2 - 3.5)
    assert found["seayoung"]["frame"] == "sea"
    assert "change" not in found["busold"]


def test_a_frame_of_two_attributes_compares_within_each() -> None:
    other = [
        Case(f"{who}2", f"{who} bus", cluster="bus", groups={"attribute": "body", "group": who})
        for who in ("old", "young")
    ]
    found = {r.case.id: r.values for r in rows(cases=[*CASES, *other])}
    assert found["busold"]["above"] == pytest.approx(4 - 2.5)
    assert found["old2"]["above"] == pytest.approx(4 - 2)


def test_the_bases_surprise_stands_beside() -> None:
    found = {r.case.id: r.values for r in rows(base=True)}
    assert found["busold"]["base_above"] == pytest.approx(5 - 2.5)
    assert found["busold"]["change"] == pytest.approx(-1.0)


def test_a_sentence_without_descriptor_is_passed_over() -> None:
    (row,) = rows(cases=[Case("x", "hello")])
    assert row.reason == NO_DESCRIPTOR


def test_a_failure_takes_nothing_from_the_others() -> None:
    def failing(request: Request) -> Response:
        assert isinstance(request, TokenLogprobs)
        return Failure("no room") if request.continuations == ("old bus",) else answer(request)

    found = {r.case.id: r for r in rows(failing)}
    assert found["busold"].failed
    assert found["busyoung"].values["above"] == pytest.approx(2 - 3)
    assert found["seaold"].values["above"] == pytest.approx(1.5)


def test_a_sentence_beyond_the_window_is_left_out() -> None:
    def cut(request: Request) -> Response:
        found = answer(request)
        assert isinstance(found, Likelihoods)
        return Likelihoods(found.scored, cut=3)

    assert all(not r.failed and "window" in r.reason for r in rows(cut))


def test_the_shipped_sentences_are_clusters_of_all_attributes_and_enough_for_the_rule() -> None:
    cases = [c for part in open_cases(DataSpec(card="descriptors")).chunks(4096) for c in part]
    frames = {case.cluster for case in cases}
    assert len(frames) == 28 + 24
    assert len({c.groups["attribute"] for c in cases if c.cluster == min(frames)}) == 9
    card = catalog.probe("bias.descriptor_likelihood")
    (rule,) = (entry.rule for entry in card.measures if entry.rule)
    assert rule.minimum_n <= 24
