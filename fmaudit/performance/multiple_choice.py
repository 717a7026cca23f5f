"""Which of several answers a language model finds likeliest: the rows under its accuracy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fmaudit.errors import UnknownName
from fmaudit.performance.asking import failed, failed_base, rows_of, unusable
from fmaudit.prompts import prompted
from fmaudit.registry import Context, NoParams, method
from fmaudit.segments import between
from fmaudit.types import (
    Asks,
    Case,
    Chat,
    Failure,
    Input,
    Likelihoods,
    Response,
    Row,
    TokenLogprobs,
    one_text,
)

COLUMNS: Mapping[str, Any] = {
    "label": int,
    "predicted": int,
    "correct": bool,
    "correct_per_byte": bool,
    "base_correct": bool,
    "answer": Input,
    "loglikelihoods": list[float],
    "tokens": int,
    "cut": int,
    "split": int,
}

NO_OPTIONS = "the case has no options to choose from"
BLANK = "an option of the case is empty"


@method(
    "multiple_choice",
    needs={"target": {"token_logprobs"}},
    data={"text", "options", "target"},
    columns=COLUMNS,
)
def multiple_choice(cases: Sequence[Case], params: NoParams, context: Context) -> Asks[list[Row]]:
    """Which of its options the model finds likeliest behind the question, and its base.

    Each option's whole text is scored, none of them shown in the prompt. Brown et al. (2020),
    https://arxiv.org/abs/2005.14165, section 2.4.
    """
    return (
        yield from rows_of(
            cases,
            context,
            "token_logprobs",
            unfit=unfit,
            request=lambda case: request_of(case, context),
            score=score,
        )
    )


def unfit(case: Case) -> str:
    """Why there is nothing to choose from; "" where there is."""
    if not case.options:
        return NO_OPTIONS
    return "" if all(text.strip() for text in case.options) else BLANK


def request_of(case: Case, context: Context) -> TokenLogprobs:
    """All the options of a case behind its question, in one request.

    A space parts a plain question from its option, unless one stands there already or the script
    sets none. In a conversation an option is the whole answer.
    """
    text = one_text(case.input)
    prompt = prompted(text, context)
    if isinstance(prompt, Chat):
        return TokenLogprobs(input=prompt, continuations=case.options)
    behind = tuple(between(text, option) + option for option in case.options)
    return TokenLogprobs(input=prompt, continuations=behind)


def score(case: Case, answer: Response, base: Response | None = None) -> Row:
    """The row of one question from the target's answer, and the base's where there is one.

    `label`, `predicted`: places of the right and of the likeliest option among `Case.options`; of
    equally likely ones the first. `correct`: they are the same. `correct_per_byte`: the same of
    the option that is likeliest per UTF-8 byte of its text, which long options lose less by;
    lm-evaluation-harness's `acc_norm` divides by characters,
    https://github.com/EleutherAI/lm-evaluation-harness. `base_correct`: `correct` of the base.
    All three are null without a target. `answer`: the predicted option. `loglikelihoods`: of each
    option, in nats. `tokens` were read, `cut` of the question did not fit the window; of `split`
    options the first token would have run together with the question. An answer that cannot be
    used gives a failed row; the target's columns stand where it is the base's.

    Raises:
        UnknownName: the target is none of the options.
    """
    label = _label(case)
    found = totals(answer, len(case.options))
    if isinstance(found, Failure):
        return failed(case, found)
    assert isinstance(answer, Likelihoods)
    predicted = _first(found)
    shares = [total / len(o.encode()) for total, o in zip(found, case.options, strict=True)]
    values: dict[str, Any] = {
        "label": label,
        "predicted": predicted,
        "answer": case.options[predicted],
        "loglikelihoods": list(found),
        "tokens": answer.tokens,
        "cut": answer.cut,
        "split": answer.split,
    }
    if label is not None:
        values |= {"correct": predicted == label, "correct_per_byte": _first(shares) == label}
    if base is None:
        return Row(case, values)
    theirs = totals(base, len(case.options))
    if isinstance(theirs, Failure):
        return failed_base(case, values, theirs)
    right = None if label is None else _first(theirs) == label
    return Row(case, values | {"base_correct": right})


def totals(answer: Response, options: int) -> tuple[float, ...] | Failure:
    """The log-likelihood of each option, in nats, or why there is none."""
    if not isinstance(answer, Likelihoods):
        return unusable(answer, "likelihoods")
    if len(answer.scored) != options:
        return Failure(f"{len(answer.scored)} likelihoods for {options} options")
    if not all(scored.ids for scored in answer.scored):
        return Failure("an option without a token has no likelihood")
    found = tuple(scored.total for scored in answer.scored)
    return found if all(map(math.isfinite, found)) else Failure("a log-probability is not finite")


def _first(figures: Sequence[float]) -> int:
    """The place of the largest; of equal ones the first."""
    return figures.index(max(figures))


def _label(case: Case) -> int | None:
    if case.target is None:
        return None
    if case.target not in case.options:
        raise UnknownName("option", case.target, case.options, f"case {case.id}")
    return case.options.index(case.target)
