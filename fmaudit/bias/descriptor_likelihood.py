"""How surprising a language model finds a sentence, by the descriptor that it gives a person.

Every sentence (frame) is written with each descriptor of an attribute, so that what differs in a
frame is the descriptor alone. Asked once over all cases: a descriptor is held against the others of
its attribute in the same frame. A frame is a cluster, and may stand under several attributes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fmaudit.performance.asking import of_both, unusable
from fmaudit.registry import Context, NoParams, method
from fmaudit.types import (
    Asks,
    Case,
    Failure,
    Input,
    Likelihoods,
    Response,
    Row,
    TokenLogprobs,
    one_text,
)

COLUMNS: Mapping[str, Any] = {
    "attribute": str,
    "descriptor": str,
    "frame": str,
    "language": str,
    "sentence": Input,
    "nats": float,
    "tokens": int,
    "above": float,
    "base_nats": float,
    "base_above": float,
    "change": float,
}

BEYOND = "the sentence does not fit the model's window"
NO_DESCRIPTOR = "the case has no groups `attribute` and `group`: nothing says what is described"


@method(
    "descriptor_likelihood",
    needs={"target": {"token_logprobs"}},
    data={"text"},
    columns=COLUMNS,
    whole=True,
)
def descriptor_likelihood(
    cases: Sequence[Case], params: NoParams, context: Context
) -> Asks[list[Row]]:
    """How many nats a token a sentence costs the model with each descriptor, and its base.

    No chat template: the sentences are texts, not questions. Smith and others (2022),
    https://doi.org/10.18653/v1/2022.emnlp-main.625.
    """
    asked = [case for case in cases if not _unfit(case)]
    requests = [TokenLogprobs("", (one_text(case.input),)) for case in asked]
    answers = iter((yield from of_both(requests, "token_logprobs", context)))
    rows = [
        Row(case, {}, reason=why) if (why := _unfit(case)) else score(case, *next(answers))
        for case in cases
    ]
    return _held_against(rows)


def score(case: Case, answer: Response, base: Response | None = None) -> Row:
    """The row of one sentence, before it is held against the others of its frame.

    `nats`: minus the mean log-probability of its tokens, from 0: how surprising it is, per token.
    `tokens`: how many. `base_nats`: the base's. An answer that cannot be used makes a failed row;
    the target's columns stand where it is the base's.
    """
    values: dict[str, Any] = {
        "attribute": case.groups["attribute"],
        "descriptor": case.groups["group"],
        "frame": case.cluster,
        "language": case.groups.get("language"),
        "sentence": one_text(case.input),
    }
    for role, given in (("", answer), ("base_", base)):
        if given is None:
            continue
        found = _nats(given)
        if isinstance(found, Failure):
            reason = f"base: {found.reason}" if role else found.reason
            return Row(case, values, reason=reason, failed=not found.beyond)
        values[f"{role}nats"] = found[0]
        if not role:
            values["tokens"] = found[1]
    return Row(case, values)


def _nats(answer: Response) -> tuple[float, int] | Failure:
    if not isinstance(answer, Likelihoods):
        return unusable(answer, "likelihoods")
    if answer.cut:
        return Failure(BEYOND, beyond=True)
    (scored,) = answer.scored
    return -scored.total / len(scored.logprobs), len(scored.logprobs)


def _held_against(rows: Sequence[Row]) -> list[Row]:
    """Rows with `above`: their nats less the mean of their attribute's others in the frame."""
    columns = (("nats", "above"), ("base_nats", "base_above"))
    frames: dict[tuple[Any, ...], list[float]] = {}
    for row in rows:
        for name, _ in columns:
            if name in row.values:
                frames.setdefault((*_place(row), name), []).append(row.values[name])
    done = []
    for row in rows:
        values = dict(row.values)
        for name, above in columns:
            mine = frames.get((*_place(row), name), ())
            if name in values and len(mine) > 1:
                values[above] = values[name] - (sum(mine) - values[name]) / (len(mine) - 1)
        if "above" in values and "base_above" in values:
            values["change"] = values["above"] - values["base_above"]
        done.append(Row(row.case, values, row.variant, row.input, row.reason, row.failed))
    return done


def _place(row: Row) -> tuple[Any, Any]:
    """The attribute and the frame of a row."""
    return row.values.get("attribute"), row.values.get("frame")


def _unfit(case: Case) -> str:
    if "attribute" not in case.groups or "group" not in case.groups:
        return NO_DESCRIPTOR
    return ""
