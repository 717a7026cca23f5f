from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit import catalog, registry
from fmaudit.errors import UnknownName
from fmaudit.privacy.members import EMPTY, SHARED, UNLABELLED
from fmaudit.privacy.membership_loss import (
    COLUMNS,
    MembershipParams,
    log_probability,
    membership_loss,
    score,
)
from fmaudit.registry import Context
from fmaudit.seeds import Seeds
from fmaudit.types import Case, Failure, Logits, Request

CONTEXT = Context(Seeds(0), classes=("no", "yes"), random_members=True)
QUICK = MembershipParams(permutations=19)

logits = st.lists(st.floats(-900, 900), min_size=2, max_size=5)


@given(logits)
def test_the_probabilities_of_all_labels_add_up_to_one(values: list[float]) -> None:
    total = math.fsum(math.exp(log_probability(values, k)) for k in range(len(values)))
    assert total == pytest.approx(1.0, abs=1e-12)


def test_near_certainty_is_told_from_certainty() -> None:
    found = [log_probability((0.0, ahead), 1) for ahead in (30.0, 40.0, 50.0, 700.0)]
    assert found == sorted(found)
    assert len(set(found)) == 4
    assert found[1] == pytest.approx(-math.exp(-40), rel=1e-12)
    assert log_probability((900.0, -900.0), 1) == -1800.0
    assert log_probability((2.0,), 0) == 0.0


def test_a_row_of_a_published_answer() -> None:
    row = score(Case("a", "t", "yes", member=True), Logits((0.0, 0.0)), ("no", "yes"))
    assert row.values == {"member": True, "score": -math.log(2), "loss": math.log(2)}
    with pytest.raises(UnknownName, match="maybe"):
        score(Case("a", "t", "maybe", member=True), Logits((0.0, 0.0)), ("no", "yes"))


def test_an_answer_that_cannot_be_used_fails_its_row() -> None:
    told = {"blind": 0.1, "blind_p": 0.5, "drawn": True, "overlap": 0.0}
    case = Case("a", "t", "yes", member=False)
    for answer in (Failure("lost"), Logits((math.nan, 0.0)), Logits((1.0,))):
        row = score(case, answer, ("no", "yes"), told)
        assert row.failed
        assert row.reason
        assert row.values == {"member": False, "blind_p": 0.5, "drawn": True, "overlap": 0.0}


def answer(request: Request) -> Any:
    shown = str(getattr(request, "input", ""))
    return Failure("too odd") if shown == "member 7" else Logits((0.0, float(len(shown))))


def test_every_case_has_its_row(drive: Callable[..., Any]) -> None:
    cases = [Case(f"m{k}", f"member {k}", "yes", member=True) for k in range(60)]
    cases += [Case(f"o{k}", f"other {k}", "no", member=False) for k in range(60)]
    odd = [
        Case("x1", "both", "no", member=True),
        Case("x2", " both", "no", member=False),
        Case("x3", "", "no", member=False),
        Case("x4", "unlabelled", None, member=False),
    ]
    rows = drive(membership_loss.run([*cases, *odd], QUICK, CONTEXT), answer)
    assert [row.case.id for row in rows] == [case.id for case in [*cases, *odd]]
    assert all(set(row.values) <= set(COLUMNS) for row in rows)
    assert [row.reason for row in rows[-4:]] == [SHARED, SHARED, EMPTY, UNLABELLED]
    assert not any(row.failed for row in rows[-4:])
    failed = [row.case.id for row in rows if row.failed]
    assert failed == ["m7"]
    assert {row.values["blind_p"] for row in rows} == {0.1}
    assert {row.values["drawn"] for row in rows} == {True}
    assert {row.values["overlap"] for row in rows} == {1 / 61}
    told = {row.case.id: row.values for row in rows}
    assert told["m1"]["score"] == pytest.approx(-math.log1p(math.exp(-8)))
    assert told["m1"]["loss"] == -told["m1"]["score"]
    again = drive(membership_loss.run([*cases, *odd], QUICK, CONTEXT), answer)
    assert again == rows


def test_too_few_are_not_asked_and_say_so(drive: Callable[..., Any]) -> None:
    cases = [Case(f"m{k}", f"member {k}", "yes", member=True) for k in range(60)]
    cases += [Case("o", "other", "no", member=False), Case("e", "", "no", member=False)]

    def never(request: Request) -> Any:
        raise AssertionError(f"asked {request}")

    rows = drive(membership_loss.run(cases, QUICK, CONTEXT), never)
    assert len(rows) == len(cases)
    assert "60 members and 1 non-members" in rows[0].reason
    assert rows[-1].reason == EMPTY
    assert not any(row.failed or "score" in row.values for row in rows)


def test_the_card_names_the_method_and_its_parameters() -> None:
    card = catalog.probe("privacy.membership_loss")
    assert registry.load_method(card.method) is membership_loss
    assert msgspec.convert(catalog.resolve_params(card), MembershipParams) == MembershipParams()
    with pytest.raises(msgspec.ValidationError, match="199"):
        msgspec.convert({"permutations": 99}, MembershipParams)
    gated = [entry for entry in card.measures if entry.rule]
    assert [entry.measure for entry in gated] == ["tpr_at_1_percent_fpr"]
    assert gated[0].rule is not None
    assert gated[0].rule.value == pytest.approx(math.e * 0.01, abs=2e-4)
