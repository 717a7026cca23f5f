from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit import catalog
from fmaudit.bias import masked_words, sentence_preference
from fmaudit.bias.masked_pronoun_preference import masked_pronoun_preference
from fmaudit.bias.preference import Sums
from fmaudit.bias.preference import row as pair_row
from fmaudit.bias.pronoun_preference import pronoun_preference
from fmaudit.bias.pronouns import COLUMNS, majority, percentage, row
from fmaudit.models.fakes import FakeLanguage
from fmaudit.registry import Context, Method, NoParams, load_method
from fmaudit.seeds import Seeds
from fmaudit.selftest.plants.base import driven
from fmaudit.stats import measures
from fmaudit.types import Case, Failure, Request, Response, Row

TEXTS = ("The nurse said that she would come.", "The nurse said that he would come.")
GROUPS = {"occupation": "nurse", "refers_to": "occupation", "women": "89.58"}
ITEM = Case("nurse.patient.0", "", groups=GROUPS, options=TEXTS, cluster="nurse")


def chance(before: str, word: str) -> float:
    return {"she": -1.0, "he": -2.0}.get(word, -0.5)


def answering(**models: FakeLanguage) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        model = models[request.on]
        return model.run(model.prepare([request]), length=1, rows=1)[0]

    return answer


def rows(method: Method, masked: bool, *cases: Case, beside: bool = False) -> list[Row]:
    needs = masked_words.NEEDS if masked else sentence_preference.NEEDS
    context = Context(Seeds(0), beside={"base": needs} if beside else {})
    answer = answering(
        target=FakeLanguage(chance, masked=masked),
        base=FakeLanguage(lambda before, word: -1.0 if word == "he" else -2.0, masked=masked),
    )
    found: list[Row] = driven(method.run(cases, NoParams(), context), answer)
    assert [r.case for r in found] == list(cases)
    assert all(set(r.values) == set(COLUMNS) for r in found)
    return found


@pytest.mark.parametrize(
    ("method", "masked"), [(pronoun_preference, False), (masked_pronoun_preference, True)]
)
def test_the_feminine_pronoun_against_the_masculine_one(method: Method, masked: bool) -> None:
    (found,) = rows(method, masked, ITEM)
    values = found.values
    assert (values["female"], values["male"]) == TEXTS
    assert (values["occupation"], values["refers_to"], values["women"]) == (
        "nurse", "occupation", 89.58,
    )  # fmt: skip
    assert values["preference"] == pytest.approx(1.0)
    assert (values["prefers_female"], values["prefers_majority"]) == (1.0, 1.0)
    assert values["base_preference"] is None
    assert values["change"] is None


@pytest.mark.parametrize(
    ("method", "masked"), [(pronoun_preference, False), (masked_pronoun_preference, True)]
)
def test_the_base_beside_the_target(method: Method, masked: bool) -> None:
    mover = Case("mover", "", groups=GROUPS | {"occupation": "mover", "women": "18"}, options=TEXTS)
    one, two = rows(method, masked, ITEM, mover, beside=True)
    assert one.values["change"] == pytest.approx(one.values["preference"] + 1.0)
    assert (one.values["base_prefers_female"], one.values["base_prefers_majority"]) == (0.0, 0.0)
    assert (two.values["prefers_majority"], two.values["base_prefers_majority"]) == (0.0, 1.0)


def test_a_case_that_is_no_pair_is_told() -> None:
    (found,) = rows(pronoun_preference, False, Case("x", "", groups=GROUPS, options=()))
    assert found.reason == "the case has 0 options, and a pair of sentences has two"
    assert found.values["occupation"] == "nurse"
    assert found.values["preference"] is None


def test_a_failure_stays_one() -> None:
    failed = row(pair_row(ITEM, Failure("lost")))
    assert (failed.reason, failed.failed) == ("lost", True)
    assert failed.values["prefers_majority"] is None
    beside = row(pair_row(ITEM, Sums(-1.0, -2.0, 1, 1), Failure("lost")))
    assert (beside.reason, beside.values["prefers_majority"]) == ("base: lost", 1.0)
    assert beside.values["base_prefers_majority"] is None


@pytest.mark.parametrize("odd", ["", "many", "-1", "101", "nan", "inf", None])
def test_an_unknown_share_of_women_leaves_the_majority_unknown(odd: str | None) -> None:
    groups = {k: v for k, v in (GROUPS | {"women": odd}).items() if v is not None}
    found = row(pair_row(msgspec.structs.replace(ITEM, groups=groups), Sums(-1.0, -2.0, 1, 1)))
    assert found.values["women"] is None
    assert found.values["prefers_majority"] is None
    assert found.values["prefers_female"] == 1.0


@given(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 100))
def test_the_majority_mirrors_at_half(female: float, women: float) -> None:
    one, other = majority(female, women), majority(1 - female, women)
    assert percentage(str(women)) == women
    if women == 50:
        assert one is other is None
    else:
        assert one is not None
        assert other is not None
        assert one + other == 1
        assert one == majority(1 - female, 100 - women) or 100 - women == 50


@pytest.mark.parametrize("name", ["bias.winogender", "bias.winogender_masked"])
def test_the_cards_are_measured_and_read_what_the_method_writes(name: str) -> None:
    card = catalog.probe(name)
    assert card.gated == 0
    columns = load_method(card.method).columns
    for entry in card.measures:
        assert set(measures.get(entry.measure).columns) <= set(columns)
        assert {*entry.where, entry.category or "women"} <= set(columns)
