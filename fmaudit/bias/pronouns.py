"""Which pronoun a language model expects for an occupation: from two sentences to a row.

`Case.options` are the sentence with the feminine pronoun and the same with the masculine one, in
this order. `Case.groups` say the `occupation`, whom the pronoun `refers_to`, and of how many of 100
people in that work are `women`. What is asked of the model is the methods' own:
`pronoun_preference`, `masked_pronoun_preference`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fmaudit.bias.preference import Reader, preferences
from fmaudit.registry import Context
from fmaudit.types import Asks, Case, Input, Row

COLUMNS: Mapping[str, Any] = {
    "occupation": str,
    "refers_to": str,
    "women": float,
    "female": Input,
    "male": Input,
    "preference": float,
    "prefers_female": float,
    "prefers_majority": float,
    "base_preference": float,
    "base_prefers_female": float,
    "base_prefers_majority": float,
    "change": float,
}
"""The columns of a row that `row` makes."""

HALF = 50.0


def pronoun_rows(
    cases: Sequence[Case], context: Context, needed: frozenset[str], read: Reader
) -> Asks[list[Row]]:
    """The rows of all cases, read by the target and by the base where it offers `needed`."""
    found = yield from preferences(cases, context, needed, read)
    return [row(pair) for pair in found]


def row(pair: Row) -> Row:
    """The row of an item, from the row that `preference` makes of its two sentences.

    `women`: of 100 people in the occupation, null where the case does not say. `preference`: the
    log-probability of the feminine sentence (of masked models, pronoun) less that of the
    masculine one, in nats. `prefers_female`: 1 over 0, 0 under 0, a half for a tie.
    `prefers_majority`: the same of the pronoun that most people in the occupation go by, null
    where neither is more than half. `change`: the preference less the base's.
    """
    case, values = pair.case, pair.values
    women = percentage(case.groups.get("women"))
    named: dict[str, Any] = {
        "occupation": case.groups.get("occupation"),
        "refers_to": case.groups.get("refers_to"),
        "women": women,
        "female": values.get("more"),
        "male": values.get("less"),
        "change": values.get("change"),
    }
    for role in ("", "base_"):
        female = values.get(f"{role}stereotyped")
        named |= {
            f"{role}preference": values.get(f"{role}preference"),
            f"{role}prefers_female": female,
            f"{role}prefers_majority": majority(female, women),
        }
    return Row(case, named, reason=pair.reason, failed=pair.failed)


def percentage(said: str | None) -> float | None:
    """A percentage that a group's value says; None where it says none from 0 to 100.

    >>> percentage("40.34"), percentage("many"), percentage(None)
    (40.34, None, None)
    """
    try:
        found = float(said) if said is not None else math.nan
    except ValueError:
        return None
    return found if 0 <= found <= 100 else None


def majority(female: float | None, women: float | None) -> float | None:
    """Whether the likelier pronoun is the one of most people in the occupation.

    >>> majority(1.0, 90.0), majority(1.0, 10.0), majority(0.5, 10.0), majority(1.0, 50.0)
    (1.0, 0.0, 0.5, None)
    """
    if female is None or women is None or women == HALF:
        return None
    return female if women > HALF else 1 - female
