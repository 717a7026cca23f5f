from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fmaudit import catalog
from fmaudit.cards import ProbeCard
from fmaudit.errors import SpecError, UnknownName
from fmaudit.matching import Had, check, match
from fmaudit.plans import Universe

PEOPLE = Had(Universe({"sex": ("F", "M")}, {}, ("no", "yes"), 1), targets=True)
NOBODY = Had(Universe({}, {}, ("no", "yes"), 1), targets=True)
UNLABELLED = Had(PEOPLE.universe)
ABLE = {"target": frozenset({"classify", "tokenize"})}


def card(**changes: object) -> ProbeCard:
    said = {
        "id": "test.mine",
        "title": "A title",
        "claim": "A claim.",
        "method": "predictions",
        "measures": [{"measure": "accuracy"}],
        "harm": "A harm.",
        "citation": [{"text": "A paper"}],
    }
    return ProbeCard.model_validate(said | changes).at(Path("cards/mine.yaml"))


def why(card_: ProbeCard, had: Had = PEOPLE, capabilities=ABLE, **more: object) -> str:
    run, left = match([card_], had, capabilities=capabilities, **more)
    assert len(run) + len(left) == 1
    if run:
        return ""
    assert left[0].status == "not_tested"
    assert (left[0].probe, left[0].family) == (card_.id, card_.family)
    return left[0].reason


def test_what_applies_comes_with_its_method_and_its_plans():
    run, left = match([card()], PEOPLE, capabilities=ABLE)
    (found,) = run
    assert left == []
    assert found.method.name == "predictions"
    assert [p.measure for p in found.plans] == ["accuracy"]
    assert found.card_digest == catalog.digest(found.card)
    assert type(found.params) is found.method.params


ALL = Had(PEOPLE.universe, targets=True, options=True, references=True, numbers=True)
LANGUAGE = frozenset(
    {"token_logprobs", "generate", "masked_logprobs", "fill_mask", "tokenize", "embed"}
)


def test_every_shipped_card_applies_to_some_model_on_data_that_have_all():
    cards = catalog.select(None)
    able = {"target": ABLE["target"] | {"attribute"}}
    groups = {**ALL.universe.groups, "group": ("a", "b")}  # as sets of descriptors have
    sets = replace(ALL, universe=replace(ALL.universe, groups=groups))
    language = {"target": LANGUAGE, "base": LANGUAGE}
    ran = set()
    for capabilities in (able, language):
        run, left = match(cards, ALL, capabilities=capabilities, own=lambda name: sets, members=ALL)
        assert len(run) + len(left) == len(cards)
        assert all("which this model does not offer" in c.reason for c in left)
        ran |= {m.card.id for m in run}
    assert ran == {card.id for card in cards}


def test_a_probe_with_cases_of_its_own_is_matched_against_those():
    mine = card(data={"card": "preference_pairs", "groups": True})
    assert why(mine, NOBODY, own=lambda name: PEOPLE) == ""
    assert "data.groups" in why(mine, PEOPLE, own=lambda name: NOBODY)
    assert why(mine, PEOPLE, own=lambda name: f"no {name}") == "no preference_pairs"


@pytest.mark.parametrize(
    ("method", "word"),
    [("multiple_choice", "data.options"), ("written_answers", "data.references")],
)
def test_what_a_method_needs_of_the_data_is_named(method, word):
    measure = {"multiple_choice": "accuracy", "written_answers": "exact_match"}[method]
    found = card(method=method, measures=[{"measure": measure}])
    assert word in why(found, PEOPLE, {"target": LANGUAGE})
    assert why(found, ALL, {"target": LANGUAGE}) == ""


def test_a_capability_that_the_model_lacks_is_named():
    assert why(card(), capabilities={"target": frozenset({"tokenize"})}).startswith(
        "needs classify"
    )


def test_a_role_that_no_model_has_is_named():
    assert "'target'" in why(card(), capabilities={"base": frozenset({"classify"})})


def test_a_card_or_a_method_that_needs_groups_says_so():
    assert "data.groups" in why(card(data={"groups": True}), NOBODY)
    assert "data.groups" in why(card(method="group_outcomes"), NOBODY)
    assert why(card(), NOBODY) == ""


def test_a_card_or_a_method_that_needs_labels_says_so():
    assert "data.label" in why(card(data={"target": True}), had=UNLABELLED)
    assert "data.label" in why(card(method="group_outcomes"), had=UNLABELLED)
    assert why(card(), had=UNLABELLED) == ""


def test_each_probe_goes_one_way_or_the_other():
    two = [card(id="test.plain"), card(id="test.groups", data={"groups": True})]
    run, left = match(two, NOBODY, capabilities=ABLE)
    assert [m.card.id for m in run] == ["test.plain"]
    assert [c.probe for c in left] == ["test.groups"]


# ── cards that cannot be used ────────────────────────────────────────────────────────────


def test_an_unknown_method_is_named_with_the_file():
    with pytest.raises(UnknownName, match=r"cards/mine\.yaml: method: .*'predictions'"):
        check(card(method="prediction"))


def test_an_unknown_measure_is_named_with_the_file():
    with pytest.raises(UnknownName, match=r"cards/mine\.yaml: measures: .*'accuracy'"):
        check(card(measures=[{"measure": "acuracy"}]))


def test_a_measure_of_a_column_that_the_method_does_not_write():
    with pytest.raises(UnknownName, match=r"cards/mine\.yaml: .*read by flip_rate"):
        check(card(measures=[{"measure": "flip_rate"}]))


def test_a_category_that_the_method_does_not_write():
    entry = {"measure": "accuracy", "over": ["categories"], "category": "labels"}
    with pytest.raises(UnknownName, match="'labels'.*Did you mean 'label'"):
        check(card(measures=[entry]))


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("predictions", {"threshold": 0.5}),
        ("counterfactual_terms", {"lexicon": "list:identity_terms/en", "per_item": "all"}),
    ],
)
def test_parameters_that_the_method_does_not_take(method, params):
    with pytest.raises(SpecError, match=r"test\.mine: params: .*cards/mine\.yaml"):
        check(card(method=method, params=params))


def test_a_bad_card_is_an_error_even_where_it_does_not_apply():
    bad = card(data={"groups": True}, params={"threshold": 0.5})
    with pytest.raises(SpecError):
        match([bad], NOBODY, capabilities=ABLE)


def test_a_word_list_that_is_not_there():
    with pytest.raises(UnknownName, match="list:identity_terms/en"):
        check(card(method="counterfactual_terms", params={"lexicon": "list:identity_terms/fr"}))


def test_a_where_on_a_column_that_the_method_does_not_write():
    with pytest.raises(UnknownName, match="'labels'.*Did you mean 'label'"):
        check(card(measures=[{"measure": "accuracy", "where": {"labels": "yes"}}]))


def test_an_attribute_that_a_card_keeps_to_must_be_there():
    entry = {"measure": "accuracy", "over": ["groups"], "attributes": ["race"]}
    run, (left,) = match([card(measures=[entry])], PEOPLE, capabilities=ABLE)
    assert run == []
    assert left.status == "not_tested"
    assert "needs the attribute 'race'" in left.reason
