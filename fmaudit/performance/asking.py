"""What the methods for language models share: one question for two models, one row a case."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from fmaudit.engine.asks import ask
from fmaudit.registry import Context
from fmaudit.types import Asks, Case, Failure, Request, Response, Row

Answers = tuple[Response, Response | None]
"""What the audited model answers, and what its base does; None where no base can be asked."""


class Score(Protocol):
    """A case's row from the target's answer, and the base's where there is one."""

    def __call__(self, case: Case, answer: Response, base: Response | None = None) -> Row:
        """See the methods."""
        ...


def rows_of(
    cases: Sequence[Case],
    context: Context,
    capability: str,
    *,
    unfit: Callable[[Case], str],
    request: Callable[[Case], Request],
    score: Score,
) -> Asks[list[Row]]:
    """One row a case, in order: `request` asked of the target, and of the base beside it.

    `unfit` says why the method does not apply to a case, "" where it does.
    """
    fit = [case for case in cases if not unfit(case)]
    answers = iter((yield from of_both([request(case) for case in fit], capability, context)))
    return [
        Row(case, {}, reason=why) if (why := unfit(case)) else score(case, *next(answers))
        for case in cases
    ]


def of_both(requests: Sequence[Request], capability: str, context: Context) -> Asks[list[Answers]]:
    """Each request's answers, by the target and by the base where it offers `capability`."""
    if capability not in context.beside.get("base", frozenset()):
        return [(answer, None) for answer in (yield from ask(requests))]
    again = [msgspec.structs.replace(request, on="base") for request in requests]
    found = yield from ask([*requests, *again])
    return list(zip(found[: len(requests)], found[len(requests) :], strict=True))


def unusable(answer: Response, wanted: str) -> Failure:
    """Why an answer is none of the kind that was asked for: its own cause, or what it is."""
    if isinstance(answer, Failure):
        return answer
    return Failure(f"the model answered with {type(answer).__name__}, not with {wanted}")


def failed(case: Case, why: Failure) -> Row:
    """The row of a case that the target could not answer; left out where it does not fit."""
    return Row(case, {}, reason=why.reason, failed=not why.beyond)


def failed_base(case: Case, values: Mapping[str, Any], why: Failure) -> Row:
    """The row of a case that the base could not answer: what the target did stands."""
    return Row(case, values, reason=f"base: {why.reason}", failed=not why.beyond)
