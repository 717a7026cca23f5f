"""Which words of a prompt moved the answer: each is hidden in its turn, and the answer asked again.

What is explained is a language model's answer as a whole: its log-probability behind the prompt,
teacher-forced, a token on average. The map is made by hiding words behind "...", the certificate
by leaving them out, so that it judges by prompts that the map has not seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from fmaudit.engine.asks import ask, together
from fmaudit.explanations.certificate import CERTIFIED, answered, compared, orders
from fmaudit.explanations.maps import MAP, hiding, mapped, told, too_short, without_map
from fmaudit.explanations.spans import Checked, Span, check, mean, own, reference
from fmaudit.explanations.words import Word, hidden, words_of
from fmaudit.registry import Context, method
from fmaudit.types import Asks, Case, Failure, Input, Response, Row

COLUMNS: Mapping[str, Any] = {
    "answer": Input,
    "answer_tokens": int,
    "answer_logprob": float,
    "checked": bool,
    "disagreement": float,
    "difference": float,
    "pieces": int,
    **MAP,
    **CERTIFIED,
}

UNTOLD = (
    "nothing to attribute: hiding its words moves the answer's log-probability by less than ten "
    "times the noise floor"
)
UNMOVED = "nothing to certify: no words, removed or kept, move the probability of the answer"


class AnswerParams(Struct, frozen=True, forbid_unknown_fields=True):
    """What a card or a spec may set.

    `answer`: "own", what the model writes greedily, at most `most_tokens` tokens of it; or
    "reference", the case's right option or first reference. `most_words`: the words of a longer
    prompt are hidden by so many groups of neighbours, which share a score evenly.
    `random_orders`: orders of the words, drawn by the case's id, that each map is compared with.
    `tolerance`: nats a token by which the answer's log-probability, asked for twice, may differ.
    """

    answer: Literal["own", "reference"] = "own"
    most_tokens: int = 16
    most_words: int = 60
    random_orders: int = 5
    tolerance: float = 0.01

    def __post_init__(self) -> None:
        """Raises ValueError for a number that leaves nothing to compute."""
        if self.most_tokens < 1:
            raise ValueError("most_tokens counts the tokens of an answer: 1 or more")
        if self.most_words < 5:
            raise ValueError("most_words counts the words or groups of a map: 5 or more")
        if self.random_orders < 1:
            raise ValueError("random_orders counts the orders to compare with: 1 or more")
        if not 0 < self.tolerance < math.inf:
            raise ValueError("tolerance is in nats a token: over 0")


@method(
    "answer_span",
    needs={"target": {"token_logprobs"}},
    data={"text"},
    columns=COLUMNS,
    params=AnswerParams,
)
def answer_span(cases: Sequence[Case], params: AnswerParams, context: Context) -> Asks[list[Row]]:
    """An answer's likelihood with each word of the prompt hidden, each map tried by removing words.

    Occlusion: Li, Monroe and Jurafsky (2016), https://arxiv.org/abs/1612.08220; Zeiler and Fergus
    (2014), https://doi.org/10.1007/978-3-319-10590-1_53.
    """
    rows = yield from together(explained(case, params, context) for case in cases)
    return [
        without_map(case, row) if isinstance(row, Failure) else row
        for case, row in zip(cases, rows, strict=True)
    ]


def explained(case: Case, params: AnswerParams, context: Context) -> Asks[Row | Failure]:
    """The row of one case, with the columns of `COLUMNS`; a `Failure` for an unusable answer.

    `word_scores`: nats a token by which the answer is likelier with the word than with "..." in its
    place; over 0 the word speaks for it. `answer_logprob`: the answer's mean log-probability a
    token, 0 or less, of `answer_tokens`; `difference`: by how much it is over that where every
    word is hidden. `disagreement`: how far it lies from the same asked for alone, nats a token;
    `checked`: near enough, and greedy writing agrees; a row in which it is false has failed.
    `pieces`: how many words, or groups of them, were hidden. The certificate is of exp(mean
    log-probability a token), from 0 to 1.
    """
    words = words_of(case.input)
    if reason := too_short(words):
        return Row(case, {}, reason=reason)
    span = yield from _span(case, params, context)
    if isinstance(span, str):
        return Row(case, {}, reason=span)
    if isinstance(span, Failure):
        return span
    checked = yield from check(span, params.tolerance)
    if isinstance(checked, Failure):
        return checked
    if checked.wrong or checked.unsure:
        return _unsound(case, checked)
    found = yield from occluded(span, words, checked, params.most_words)
    if isinstance(found, Failure):
        return found
    difference, scores = found
    if not told(max(map(abs, (difference, *scores))), context):
        return Row(case, {"difference": difference}, reason=UNTOLD)
    certified = yield from _certified(case, span, words, scores, checked, params)
    if isinstance(certified, Failure):
        return certified
    if certified is None:
        return Row(case, {"difference": difference}, reason=UNMOVED)
    values = {
        "answer": span.answer,
        "answer_tokens": checked.tokens,
        "answer_logprob": checked.mean,
        "checked": True,
        "disagreement": checked.disagreement,
        "difference": difference,
        "pieces": min(len(words), params.most_words),
        **mapped(words, scores),
        **certified,
    }
    return Row(case, values)


def occluded(
    span: Span, words: Sequence[Word], checked: Checked, most: int
) -> Asks[tuple[float, tuple[float, ...]] | Failure]:
    """`difference` and `word_scores` as in `explained`, from at most `most` + 1 prompts."""
    pieces = neighbours(len(words), most)
    everything = set(range(len(words)))
    without = [hidden(span.text, words, everything.difference(piece)) for piece in pieces]
    prompts = [hidden(span.text, words, ()), *without]
    answers = yield from ask([span.asked(prompt) for prompt in prompts])
    falls: list[float] = []
    for k, answer in enumerate(answers):
        found = mean(answer, checked.tokens)
        if isinstance(found, Failure):
            return hiding("some words" if k else "its words", found)
        falls.append(checked.mean - found)
    shares = zip(pieces, falls[1:], strict=True)
    return falls[0], tuple(fall / len(piece) for piece, fall in shares for _ in piece)


def neighbours(words: int, most: int) -> tuple[range, ...]:
    """The places of so many words in runs of neighbours, at most `most`, as even as can be.

    >>> neighbours(3, 5), neighbours(5, 2)
    ((range(0, 1), range(1, 2), range(2, 3)), (range(0, 2), range(2, 5)))
    """
    count = min(words, most)
    return tuple(range(k * words // count, (k + 1) * words // count) for k in range(count))


def _span(case: Case, params: AnswerParams, context: Context) -> Asks[Span | str | Failure]:
    """The answer that is explained; a reason where there is none."""
    if params.answer == "reference":
        return reference(case, context)
    return (yield from own(case, params.most_tokens, context))


def _certified(
    case: Case,
    span: Span,
    words: Sequence[Word],
    scores: Sequence[float],
    checked: Checked,
    params: AnswerParams,
) -> Asks[Mapping[str, Any] | Failure | None]:
    """The certificate of a map: of the answer's probability a token, from 0 to 1."""
    rng = span.context.seeds.rng("random_orders", case.id)
    tried = orders(span.text, words, scores, rng, params.random_orders)
    answers = yield from answered(span.text, tried, span.asked)

    def chance(response: Response) -> float | Failure:
        found = mean(response, checked.tokens)
        return found if isinstance(found, Failure) else math.exp(found)

    return compared(span.text, tried, answers, chance)


def _unsound(case: Case, checked: Checked) -> Row:
    """The row of an answer whose log-probability is wrong, or cannot be checked."""
    values: dict[str, Any] = {"disagreement": checked.disagreement}
    if checked.wrong:
        return Row(case, {**values, "checked": False}, reason=checked.wrong, failed=True)
    return Row(case, values, reason=checked.unsure)
