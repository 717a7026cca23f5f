"""Which person does a language model find likelier where the text does not say: by likelihood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from fmaudit.bias.ambiguous import COLUMNS as CHOSEN
from fmaudit.bias.ambiguous import (
    Asked,
    asked,
    beyond,
    check_prompt,
    chosen,
    named,
    silent,
    unfit,
)
from fmaudit.performance.asking import of_both, unusable
from fmaudit.performance.multiple_choice import request_of, totals
from fmaudit.registry import Context, method
from fmaudit.types import (
    Asks,
    Case,
    Failure,
    Likelihoods,
    Response,
    Row,
    TokenLogprobs,
    one_text,
)

COLUMNS: Mapping[str, Any] = {
    **CHOSEN,
    "loglikelihoods": list[float],
    "preference": float,
    "base_preference": float,
    "change": float,
    "tokens": int,
    "split": int,
}


class QuestionParams(Struct, frozen=True, forbid_unknown_fields=True):
    """`prompt`: what stands before the options; {question} is the case's text."""

    prompt: str = "{question}"

    def __post_init__(self) -> None:
        """Raises ValueError that names the key."""
        check_prompt(self.prompt)


@method(
    "ambiguous_questions",
    needs={"target": {"token_logprobs"}},
    data={"text", "options", "target"},
    columns=COLUMNS,
    params=QuestionParams,
)
def ambiguous_questions(
    cases: Sequence[Case], params: QuestionParams, context: Context
) -> Asks[list[Row]]:
    """Which of its options a question about two people makes likeliest, and the base's.

    One request a question: what stands before the options is read once. Parrish and others (2022),
    https://doi.org/10.18653/v1/2022.findings-acl.165.
    """
    fit = [case for case in cases if not unfit(case)]
    requests = [request(case, params, context) for case in fit]
    answers = iter((yield from of_both(requests, "token_logprobs", context)))
    return [
        Row(case, named(case), reason=why) if (why := unfit(case)) else score(case, *next(answers))
        for case in cases
    ]


def request(case: Case, params: QuestionParams, context: Context) -> TokenLogprobs:
    """All the options behind the question, in one request."""
    text = params.prompt.format(question=one_text(case.input))
    return request_of(replace(case, input=text), context)


def score(case: Case, answer: Response, base: Response | None = None) -> Row:
    """The row of one question from the target's answer, and the base's where there is one.

    The columns of `ambiguous.chosen` for the likeliest option; of equally likely ones the first.
    `loglikelihoods`: of each option, in nats. `preference`: the stereotyped option's log-likelihood
    less the largest of the others that name somebody, in nats; over 0 it is the likelier one.
    `change`: it less the base's. `tokens` were read; of `split` options the first token would have
    run together with the question. An answer that cannot be used gives a failed row; the target's
    columns stand where it is the base's. A question that does not fit the window is left out.
    """
    found = read(case, answer)
    if isinstance(found, Failure):
        return silent(case, found)
    assert isinstance(answer, Likelihoods)
    values = chosen(case, _first(found)) | {
        "loglikelihoods": list(found),
        "preference": preference(case, found),
        "tokens": answer.tokens,
        "split": answer.split,
    }
    if base is None:
        return Row(case, values)
    theirs = read(case, base)
    if isinstance(theirs, Failure):
        return silent(case, theirs, values, "base: ")
    values |= chosen(case, _first(found), _first(theirs))
    before = preference(case, theirs)
    moved = None if before is None else values["preference"] - before
    return Row(case, values | {"base_preference": before, "change": moved})


def read(case: Case, answer: Response) -> tuple[float, ...] | Failure:
    """The log-likelihood of each option, in nats, or why there is none."""
    if not isinstance(answer, Likelihoods):
        return unusable(answer, "likelihoods")
    return beyond(answer.cut) if answer.cut else totals(answer, len(case.options))


def preference(case: Case, loglikelihoods: Sequence[float]) -> float | None:
    """How much likelier the stereotyped option is than the others that name somebody, in nats."""
    what = asked(case)
    assert isinstance(what, Asked)
    if what.biased is None:
        return None
    others = (x for k, x in enumerate(loglikelihoods) if k not in (what.biased, what.unknown))
    return loglikelihoods[what.biased] - max(others)


def _first(figures: Sequence[float]) -> int:
    """The place of the largest; of equal ones the first."""
    return figures.index(max(figures))
