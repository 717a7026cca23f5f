from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from fmaudit.errors import UnknownName
from fmaudit.scoring import CLASSIFIED, classification, classified
from fmaudit.types import Case, Failure, Logits, Tokens

CLASSES = ("no", "yes")
logits = st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=6)


@given(logits)
def test_probabilities_are_scipys_softmax(values: list[float]) -> None:
    answer = classification(Logits(tuple(values)), [str(k) for k in range(len(values))])
    assert not isinstance(answer, Failure)
    predicted, probs = answer
    np.testing.assert_allclose(probs, softmax(values), rtol=1e-12, atol=1e-300)
    assert math.isclose(math.fsum(probs), 1.0, rel_tol=1e-12)
    assert predicted == int(np.argmax(values))


@given(logits, st.floats(-100, 100))
def test_a_shift_of_all_logits_changes_nothing(values: list[float], shift: float) -> None:
    names = [str(k) for k in range(len(values))]
    before = classification(Logits(tuple(values)), names)
    after = classification(Logits(tuple(v + shift for v in values)), names)
    assert not isinstance(before, Failure)
    assert not isinstance(after, Failure)
    np.testing.assert_allclose(after[1], before[1], rtol=1e-9, atol=1e-12)


def test_logits_decide_where_their_shares_round_to_one() -> None:
    assert classification(Logits((40.0, 40.0 + 1e-14)), CLASSES)[0] == 1  # type: ignore[index]
    assert classification(Logits((3.0, 3.0)), CLASSES)[0] == 0  # type: ignore[index]


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (Failure("out of tokens"), "out of tokens"),
        (Tokens((1, 2)), "the model answered with Tokens, not with logits"),
        (Logits((0.0, 1.0, 2.0)), "3 logits for 2 classes"),
        (Logits((0.0, math.nan)), "a logit is not finite"),
        (Logits((0.0, -math.inf)), "a logit is not finite"),
    ],
)
def test_what_is_no_answer_is_a_failed_row(response: object, reason: str) -> None:
    row = classified(Case("a", "text", "yes"), response, CLASSES)  # type: ignore[arg-type]
    assert row.failed
    assert row.reason == reason
    assert not row.values


def test_a_classified_row() -> None:
    case = Case("a", "text", "no")
    row = classified(case, Logits((0.0, math.log(3)), tokens=7, cut=2), CLASSES)
    assert set(row.values) == set(CLASSIFIED)
    assert row.case is case
    assert (row.variant, row.input, row.reason, row.failed) == ("base", None, "", False)
    assert row.values["probs"] == pytest.approx([0.25, 0.75], rel=1e-15)
    assert {k: row.values[k] for k in ("label", "predicted", "tokens", "cut")} == {
        "label": 0,
        "predicted": 1,
        "tokens": 7,
        "cut": 2,
    }


def test_without_a_target_the_label_is_null() -> None:
    row = classified(Case("a", "text"), Logits((1.0, 0.0)), CLASSES)
    assert row.values["label"] is None
    assert row.values["predicted"] == 0


def test_a_target_that_is_no_class_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"case a: unknown class 'yess'. Did you mean 'yes'"):
        classified(Case("a", "text", "yess"), Logits((0.0, 1.0)), CLASSES)
