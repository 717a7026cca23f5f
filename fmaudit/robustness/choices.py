"""Multiple-choice questions asked in several ways: what is asked, and the row of each way.

The options stand in the prompt, each behind its label, and the model chooses the one whose label
is the likeliest answer. Equally likely ones: the first in the case's own order, wherever it
stands, so that a tie is no preference for a place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from fmaudit.engine.asks import ask
from fmaudit.prompts import prompted
from fmaudit.registry import Context
from fmaudit.robustness.formats import Format
from fmaudit.robustness.repeats import compared, unusable, with_repeats
from fmaudit.scoring import classified
from fmaudit.types import (
    Asks,
    Case,
    Failure,
    Input,
    Likelihoods,
    Logits,
    Response,
    Row,
    TokenLogprobs,
    one_text,
)

NO_OPTIONS = "no options to choose from"
NO_QUESTION = "no question before the options"
EQUAL = "two options are equal, or one is empty"

COLUMNS: Mapping[str, Any] = {
    "chosen": Input,
    "base_chosen": Input,
    "place": int,
    "flip": bool,
    "repeat_flip": float,
    "correct": bool,
    "noisy_correct": bool,
    "repeat_correct": float,
    "distance": float,
    "cut": int,
    "split": int,
    "unedited": Input,
}
"""The columns of a row that `score` makes."""


class Way(Struct, frozen=True):
    """One way to ask a case: the prompt's text, its request, which option stands at each place."""

    text: str
    request: TokenLogprobs
    order: tuple[int, ...]


class Trial(Struct, frozen=True):
    """A case asked in its first way, and in another one; `said`: columns that wait for nothing.

    The first way itself is a trial as well, whose ways are equal.
    """

    case: Case
    variant: str
    said: Mapping[str, Any]
    base: Way
    changed: Way


def unaskable(case: Case, layout: Format) -> str:
    """Why the case cannot be asked in this format; "" where it can."""
    count, most = len(case.options), len(layout.labels)
    if not count:
        return NO_OPTIONS
    if not 2 <= count <= most:
        return f"{count} options, where the format has labels for 2 to {most}"
    stripped = {option.strip() for option in case.options}
    if len(stripped) < count or "" in stripped:
        return EQUAL
    return "" if one_text(case.input).strip() else NO_QUESTION


def way(case: Case, layout: Format, order: Sequence[int], context: Context) -> Way:
    """The case in this format, its options in this order.

    The answer to a conversation is a turn of its own, which no space stands before.
    """
    text = layout.lay(one_text(case.input), [case.options[k] for k in order])
    answers = layout.answers(len(order))
    if context.chat:
        answers = tuple(answer.lstrip() for answer in answers)
    request = TokenLogprobs(input=prompted(text, context), continuations=answers)
    return Way(text, request, tuple(order))


def answered(steps: Sequence[Trial | Row]) -> Asks[list[Row]]:
    """The rows of trials, each case's first way asked again as often as the noise floor does.

    What is a row already stays as it is.
    """
    trials = [step for step in steps if isinstance(step, Trial)]
    wanted = dict.fromkeys(
        request
        for trial in trials
        for request in (*with_repeats(trial.base.request), trial.changed.request)
    )
    answers = dict(zip(wanted, (yield from ask(list(wanted))), strict=True))

    def scored(trial: Trial) -> Row:
        base, *repeats = (answers[request] for request in with_repeats(trial.base.request))
        return score(trial, base, answers[trial.changed.request], repeats)

    return [scored(step) if isinstance(step, Trial) else step for step in steps]


def score(trial: Trial, base: Response, changed: Response, repeats: Sequence[Response]) -> Row:
    """The row of one trial from the answers to the first way, to this one, to the first's repeats.

    As `compared` says of the chosen option, by what it says and not by where it stands.
    `chosen`, `base_chosen`: its text; `place`: where it stood, from 1. Of the first way itself
    only `noisy_correct` is filled, not what is compared with it. `cut`: tokens of the prompt that
    the window leaves out; a row with any is dropped with its reason. `split`: labels that the
    tokenizer would have run together with the prompt. An answer that cannot be used gives a
    failed row.
    """
    case, first, this = trial.case, trial.base.order, trial.changed.order
    asked = [("base", base, first), ("change", changed, this)]
    asked += [("repeat", answer, first) for answer in repeats]
    found = [
        (what, classified(case, as_logits(answer, order), case.options))
        for what, answer, order in asked
    ]
    said = {**trial.said, "unedited": trial.base.text}
    if broken := unusable(found):
        return Row(case, said, trial.variant, trial.changed.text, broken, failed=True)
    before, after, *again = (row.values for _, row in found)
    if cut := max(before["cut"], after["cut"]):
        reason = "the prompt does not fit the model's window"
        return Row(case, said | {"cut": cut}, trial.variant, trial.changed.text, reason)
    assert isinstance(changed, Likelihoods)
    values = compared(before, after, again)
    if trial.changed == trial.base:
        values = {"noisy_correct": values["noisy_correct"]}
    values |= {
        "chosen": case.options[after["predicted"]],
        "base_chosen": case.options[before["predicted"]],
        "place": this.index(after["predicted"]) + 1,
        "cut": 0,
        "split": changed.split,
    }
    return Row(case, said | values, trial.variant, trial.changed.text)


def as_logits(response: Response, order: Sequence[int]) -> Response:
    """The log-likelihoods of the labels as logits over the options, in the case's own order.

    `order`: which option stood at each place. What is no such answer comes back as a `Failure`.
    """
    if isinstance(response, Failure):
        return response
    if not isinstance(response, Likelihoods):
        return Failure(f"the model answered with {type(response).__name__}, not with likelihoods")
    if len(response.scored) != len(order):
        return Failure(f"{len(response.scored)} likelihoods for {len(order)} options")
    if not all(one.ids for one in response.scored):
        return Failure("a label without a token has no likelihood")
    totals = {option: one.total for option, one in zip(order, response.scored, strict=True)}
    return Logits(tuple(totals[k] for k in range(len(order))), response.tokens, response.cut)
