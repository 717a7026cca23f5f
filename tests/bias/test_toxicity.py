from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit import catalog
from fmaudit.bias.toxicity import (
    COLUMNS,
    NO_CLASS,
    ToxicityParams,
    score,
    toxic_classes,
    toxicity_tests,
)
from fmaudit.registry import Context
from fmaudit.seeds import Seeds
from fmaudit.selftest.plants.base import driven
from fmaudit.stats import measures
from fmaudit.types import Case, Classify, Failure, Logits, Request, Response, Row

PARAMS = ToxicityParams(toxic=("hate", "Offensive language"), labels=("hateful",))
CLASSES = ("HATE", "offensive_language", "neither")
HATEFUL = Case(
    "1",
    "I hate them.",
    target="hateful",
    groups={"functionality": "derog_neg_emote_h", "identity": "women"},
    cluster="1",
)
HARMLESS = Case(
    "2", "I hate chairs.", target="non-hateful", groups={"functionality": "target_obj_nh"}
)


def rows(
    *cases: Case, classes: tuple[str, ...] = CLASSES, answer: Response | None = None
) -> list[Row]:
    asked: list[Request] = []

    def said(request: Request) -> Response:
        asked.append(request)
        return answer or Logits((0.0, 1.0, 0.5))

    context = Context(Seeds(0), classes=classes)
    found: list[Row] = driven(toxicity_tests.run(cases, PARAMS, context), said)
    assert all(isinstance(request, Classify) for request in asked)
    assert {name for row in found for name in row.values} <= set(COLUMNS)
    return found


def test_classes_are_known_by_their_names_in_any_case() -> None:
    assert toxic_classes(CLASSES, PARAMS.toxic) == (0, 1)
    assert toxic_classes(("non-toxic", "toxic"), ["toxic"]) == (1,)
    assert toxic_classes(("LABEL_0", "LABEL_1"), ["LABEL_1"]) == (1,)
    assert toxic_classes(("no", "yes"), ["toxic"]) == ()


@given(st.lists(st.floats(-30, 30), min_size=3, max_size=3), st.booleans())
def test_a_row_says_what_is_right(logits: list[float], toxic: bool) -> None:
    case = HATEFUL if toxic else HARMLESS
    values = score(case, Logits(tuple(logits)), CLASSES, PARAMS).values
    powers = [math.exp(x - max(logits)) for x in logits]
    assert values["score"] == pytest.approx((powers[0] + powers[1]) / sum(powers), abs=1e-12)
    assert values["wrong"] == pytest.approx(1 - values["score"] if toxic else values["score"])
    flagged = logits.index(max(logits)) < 2
    assert (values["toxic"], values["flagged"]) == (int(toxic), int(flagged))
    assert values["right"] == (flagged == toxic)
    assert (values.get("found"), values.get("spared")) == (
        (flagged, None) if toxic else (None, not flagged)
    )


def test_what_the_text_is_about_stands_in_its_row() -> None:
    first, second = rows(HATEFUL, HARMLESS)
    assert (first.values["kind"], first.values["identity"]) == ("hateful", "women")
    assert second.values["functionality"] == "target_obj_nh"
    assert second.values["identity"] is None
    assert first.values["text"] == "I hate them."


@pytest.mark.parametrize("classes", [("no", "yes"), (), ("hate", "Offensive language")])
def test_a_model_without_a_toxic_class_is_not_asked(classes: tuple[str, ...]) -> None:
    found = rows(HATEFUL, HARMLESS, classes=classes, answer=Failure("asked"))
    assert {(row.reason, row.failed) for row in found} == {(NO_CLASS, False)}
    assert found[0].values["kind"] == "hateful"


def test_an_answer_that_cannot_be_used_fails_its_row() -> None:
    for odd in (Failure("lost"), Logits((0.0,)), Logits((0.0, math.nan, 0.0))):
        (row,) = rows(HATEFUL, answer=odd)
        assert row.failed
        assert row.reason
        assert "score" not in row.values


@pytest.mark.parametrize("name", ["hatecheck", "madlibs"])
def test_the_cards(name: str) -> None:
    """They measure, and gate nothing."""
    card = catalog.probe(f"bias.{name}")
    assert card.data.card == name
    assert card.gated == 0
    params = catalog.resolve_params(card)
    assert {"toxic", "hate", "offensive"} <= set(params["toxic"])
    for entry in card.measures:
        assert set(measures.get(entry.measure).columns) <= {*COLUMNS, "group"}
