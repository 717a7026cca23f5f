"""What an attack on members is held beside: the columns of a row that the model has no part in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fmaudit.privacy.blind import BlindParams, blind
from fmaudit.privacy.members import Sides
from fmaudit.registry import Context
from fmaudit.types import Case, Row

COLUMNS: Mapping[str, Any] = {
    "member": bool,
    "score": float,
    "blind": float,
    "blind_p": float,
    "overlap": float,
    "drawn": bool,
}
"""What the measures of membership read."""

Told = Mapping[str, Any]


class MembershipParams(BlindParams, frozen=True, forbid_unknown_fields=True):
    """How the blind classifier is fitted; with `fewest` members or others it is not."""

    fewest: int = 50


def common(found: Sides, context: Context) -> dict[str, Any]:
    """The same in all rows: the `overlap` of the sides, and whether they are on record as `drawn`.

    `overlap` is the share of a side's texts on the other one; `drawn` says whether a recorded draw
    at random made the sides.
    """
    return {"overlap": found.overlap, "drawn": context.random_members}


def too_few(found: Sides, fewest: int) -> str:
    """Why the sides cannot be compared; "" where they can."""
    inside, outside = found.of(True), found.of(False)
    if min(inside, outside) >= fewest:
        return ""
    shared = f"{found.overlap:.1%} of a side's texts stand on the other one too: "
    return (
        f"{shared if found.overlap else ''}{inside} members and {outside} non-members with texts "
        f"of their own, and at least {fewest} of each are needed to say what the texts "
        "alone give away, 1,000 of each for a rate at 1 % false alarms"
    )


def beside(
    found: Sides, told: Told, params: BlindParams, context: Context
) -> tuple[Told, dict[str, Told]]:
    """What is told of all rows, with `blind_p`; and of each compared case, by its id.

    `blind` is the score of the classifier that sees the row alone, `blind_p` the permutation p of
    its AUC (see `privacy.blind`).
    """
    apart = blind(found.kept, params, context.seeds.child("blind"))
    everywhere = {**told, "blind_p": apart.p}
    own = zip(found.kept, apart.scores.tolist(), strict=True)
    return everywhere, {case.id: {**everywhere, "blind": score} for case, score in own}


def silent(case: Case, told: Told, reason: str) -> Row:
    """A case that cannot be compared, with its reason; the model did not fail."""
    return Row(case, {"member": case.member, **told}, reason=reason)
