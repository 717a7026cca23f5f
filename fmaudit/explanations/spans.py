"""An answer behind a prompt: whose it is, how it is asked for, and whether the figure is sound.

A map of an answer stands on one log-probability. So that is asked for once more in another way, in
each run: alone, where it was packed with others; and where the model wrote the answer itself, each
of its tokens must be the one that its likelihoods put first. A tool that reads a model wrongly in
silence is found by either.
"""

from __future__ import annotations

import math
from typing import Literal

from msgspec import Struct

from fmaudit.engine.asks import ask
from fmaudit.explanations.maps import TOO_LONG
from fmaudit.explanations.words import texts_of, words_of
from fmaudit.prompts import prompted
from fmaudit.registry import Context
from fmaudit.types import (
    Asks,
    Case,
    Decoding,
    Failure,
    Generate,
    Generated,
    Input,
    Likelihoods,
    Pair,
    Response,
    Scored,
    TokenLogprobs,
    one_text,
)

MOST_APART = 0.25
"""Nats a token that are never forgiven, however large the noise floor of half precision is."""

BROKEN = "\ufffd"
"""What stands for a letter of which an answer that was broken off has not all bytes."""

NO_REFERENCE = "the case has no answer to explain: neither a target nor a reference"
NOT_WRITTEN = "the model writes no answers; `answer: reference` explains those of the data"
SILENT = "the model writes nothing after the prompt"
APART = "asked for alone, the answer has another log-probability: no map can stand on it"
NOT_FIRST = "the model wrote what its own likelihoods do not put first: no map can stand on them"
REREAD = "the answer reads as other tokens than it was written in"
NEAR_TIE = "the model wrote a token that its likelihoods put second: a near tie"


class Span(Struct, frozen=True):
    """An answer, word for word, and the prompt that it stands behind.

    `text`: the prompt, whose words are explained (of a pair, the first text stands above the
    second); `end`: the spaces and line breaks after them.
    `written`: how many tokens the model wrote the answer in, `ids` which, () where nobody says;
    None where others wrote it.
    """

    text: Input
    end: str
    answer: str
    context: Context
    written: int | None = None
    ids: tuple[int, ...] = ()

    def asked(self, text: Input, under: Literal["", "alone"] = "") -> TokenLogprobs:
        """The request for the answer's likelihood behind `text` in place of the prompt's."""
        prompt = prompted(one_text(text) + self.end, self.context)
        return TokenLogprobs(input=prompt, continuations=(self.answer,), under=under)


class Checked(Struct, frozen=True):
    """An answer's log-probability behind its whole prompt, and whether it can be built on.

    `mean`: nats a token, of `tokens` tokens. `disagreement`: mean absolute difference from the
    same tokens asked for alone, in nats a token, 0 or more, lower is better. `wrong`: why the
    figure is none; `unsure`: why it cannot be told; "" where it is sound.
    """

    mean: float
    tokens: int
    disagreement: float
    wrong: str = ""
    unsure: str = ""


def own(case: Case, most_tokens: int, context: Context) -> Asks[Span | str | Failure]:
    """The answer that the model writes itself, greedily, of at most `most_tokens` tokens.

    A reason where it writes none.
    """
    if "generate" not in context.capabilities:
        return NOT_WRITTEN
    text, end = _ended(case.input)
    # A model goes on behind a prompt without the spaces at its end, and writes its own.
    end = end if context.chat else end.rstrip(" ")
    request = Generate(
        input=prompted(one_text(text) + end, context), decoding=Decoding(most_tokens=most_tokens)
    )
    (response,) = yield from ask([request])
    if isinstance(response, Failure):
        return response
    if not isinstance(response, Generated):
        return Failure(f"the model answered with {type(response).__name__}, not with a text")
    if response.cut:
        return Failure(TOO_LONG, beyond=True)
    answer = response.text.rstrip(BROKEN)
    if not answer.strip():
        return SILENT
    return Span(text, end, answer, context, response.written, response.ids)


def reference(case: Case, context: Context) -> Span | str:
    """The answer of the data: the right option, else the first reference; a reason without one."""
    answer = case.references[0] if case.references and not case.options else case.target
    if not answer or not answer.strip():
        return NO_REFERENCE
    text, end = _ended(case.input)
    apart = context.chat or end or _apart(one_text(text)[-1], answer[0])
    return Span(text, end, answer if apart else f" {answer}", context)


def check(span: Span, tolerance: float) -> Asks[Checked | Failure]:
    """The answer's log-probability, asked for among others and alone.

    `tolerance`: nats a token that the two may lie apart. Twice the noise floor is forgiven, up to
    `MOST_APART`.
    """
    packed, alone = yield from ask([span.asked(span.text), span.asked(span.text, "alone")])
    one, other = scored(packed), scored(alone)
    if isinstance(one, Failure):
        return one
    if isinstance(other, Failure):
        return Failure(f"asked for alone: {other.reason}", other.transient)
    n = len(one.ids)
    if one.ids != other.ids:
        return Checked(one.total / n, n, abs(one.total - other.total) / n, wrong=APART)
    pairs = zip(one.logprobs, other.logprobs, strict=True)
    disagreement = math.fsum(abs(a - b) for a, b in pairs) / n
    most = max(tolerance, min(MOST_APART, 2 * span.context.floor))
    wrong, unsure = _ranked(span, one, other)
    return Checked(
        mean=one.total / n,
        tokens=n,
        disagreement=disagreement,
        wrong=APART if disagreement > most else wrong,
        unsure=unsure,
    )


def scored(response: Response) -> Scored | Failure:
    """The answer's tokens; what is no usable likelihood comes back as a `Failure`."""
    if isinstance(response, Failure):
        return response
    if not isinstance(response, Likelihoods) or len(response.scored) != 1:
        return Failure(f"the model answered with {type(response).__name__}, not with a likelihood")
    if response.cut:
        return Failure(TOO_LONG, beyond=True)
    (found,) = response.scored
    if not found.ids or not math.isfinite(found.total):
        return Failure("a log-probability is not finite" if found.ids else "the answer is empty")
    return found


def mean(response: Response, tokens: int) -> float | Failure:
    """An answer's log-probability in nats a token.

    `tokens`: how many it has behind its whole prompt. Behind another one a tokenizer may cut it
    otherwise; what is compared is the likelihood of the same text.
    """
    found = scored(response)
    return found if isinstance(found, Failure) else found.total / tokens


def _ranked(span: Span, one: Scored, other: Scored) -> tuple[str, str]:
    """Why greedy writing and likelihoods part, as `wrong` and `unsure` of `Checked`."""
    # What packing moves may exchange two tokens that are as likely: first in either is first.
    worst = max(map(min, one.ranks, other.ranks))
    if span.written is None or worst == 0:
        return "", ""
    if span.written != len(one.ids) or (span.ids and span.ids != one.ids):
        return "", REREAD
    return ("", NEAR_TIE) if worst == 1 else (NOT_FIRST, "")


def _ended(value: Input) -> tuple[Input, str]:
    """A prompt's text, and the spaces at its end."""
    last = texts_of(value)[-1]
    text = last.rstrip()
    kept = Pair(value.first, text) if isinstance(value, Pair) else text
    return kept, last[len(text) :]


def _apart(last: str, first: str) -> bool:
    """Whether a prompt and an answer that meet in these characters stand apart as they are."""
    return last.isspace() or first.isspace() or len(words_of(last + first)) > 1
