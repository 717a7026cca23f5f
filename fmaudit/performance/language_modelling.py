"""How well a language model foresees texts: the rows under perplexity and bits per byte."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from fmaudit.performance.asking import failed, failed_base, rows_of, unusable
from fmaudit.registry import Context, NoParams, method
from fmaudit.types import (
    Asks,
    Case,
    Failure,
    Likelihoods,
    Response,
    Row,
    Scored,
    TokenLogprobs,
    one_text,
)

COLUMNS: Mapping[str, Any] = {
    "nats": float,
    "scored_tokens": int,
    "bytes": int,
    "base_nats": float,
    "tokens": int,
    "cut": int,
}

BLANK = "there is no text to read"
UNPLACED = "the text was cut at the window, and the tokenizer does not say where"
APART = "the model and its base were cut at different places of the text"


class Reading(Struct, frozen=True):
    """A text as one model read it: −log p of `scored` tokens in `nats`, 0 or more.

    `end`: how many characters of the text they are; None where nobody says. `tokens` were read,
    `cut` did not fit the window.
    """

    nats: float
    scored: int
    end: int | None
    tokens: int
    cut: int


@method("language_modelling", needs={"target": {"token_logprobs"}}, data={"text"}, columns=COLUMNS)
def language_modelling(
    cases: Sequence[Case], params: NoParams, context: Context
) -> Asks[list[Row]]:
    """How surprising each text is to the model, and to its base.

    The text as it is, without a chat template, from the beginning of a sequence. Jelinek et al.
    (1977), https://doi.org/10.1121/1.2016299; bits per byte of UTF-8, which compares models of
    different tokenizers: Gao et al. (2020), https://arxiv.org/abs/2101.00027.
    """
    return (
        yield from rows_of(
            cases,
            context,
            "token_logprobs",
            unfit=lambda case: "" if one_text(case.input).strip() else BLANK,
            request=lambda case: TokenLogprobs(input="", continuations=(one_text(case.input),)),
            score=score,
        )
    )


def score(case: Case, answer: Response, base: Response | None = None) -> Row:
    """The row of one text from the target's answer, and the base's where there is one.

    `nats`: −log p of the text, 0 or more, higher is worse. `scored_tokens`: the tokens that it is
    summed over. `bytes`: the UTF-8 bytes of the text that these tokens are, null where the text
    was cut and the tokenizer does not say where. `base_nats`: the base's `nats` for the same part
    of the text; null, with the reason, where it read another part. `tokens` is how many were
    read, `cut` how many did not fit the model's window. An answer that cannot be used gives a
    failed row; the target's columns stand where it is the base's.
    """
    text = one_text(case.input)
    found = reading(answer, text)
    if isinstance(found, Failure):
        return failed(case, found)
    values: dict[str, Any] = {
        "nats": found.nats,
        "scored_tokens": found.scored,
        "bytes": None if found.end is None else len(text[: found.end].encode()),
        "tokens": found.tokens,
        "cut": found.cut,
    }
    if found.end is None:
        return Row(case, values, reason=UNPLACED)
    if base is None:
        return Row(case, values)
    theirs = reading(base, text)
    if isinstance(theirs, Failure):
        return failed_base(case, values, theirs)
    if theirs.end != found.end:
        return Row(case, values, reason=APART)
    return Row(case, values | {"base_nats": theirs.nats})


def reading(answer: Response, text: str) -> Reading | Failure:
    """One model's reading of a text from its answer to `TokenLogprobs`, or why there is none."""
    if not isinstance(answer, Likelihoods):
        return unusable(answer, "likelihoods")
    if len(answer.scored) != 1 or not answer.scored[0].ids:
        return Failure("the answer holds no likelihood of one text")
    (scored,) = answer.scored
    if not math.isfinite(scored.total):
        return Failure("a log-probability is not finite")
    # A text that was read whole ends where it ends: tokenizers drop spaces at its edges.
    end = _end(scored) if answer.cut else len(text)
    return Reading(-scored.total, len(scored.ids), end, answer.tokens, answer.cut)


def _end(scored: Scored) -> int | None:
    """Where the last scored character stands; a token that stands nowhere ends at 0."""
    return max(scored.ends, default=0) or None
