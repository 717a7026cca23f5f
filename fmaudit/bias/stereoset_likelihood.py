"""StereoSet by the likelihood of whole sentences, for causal and sequence-to-sequence models.

A sentence's score is the log-probability of its tokens, a token on average, as the reference's
program scores the sentences that fill a context (the geometric mean of their probabilities). It
reads the first token after the token that begins a text and all others without that token; here
it stands before them all. Sentences that follow a context it gives to a next-sentence classifier
that was trained for the purpose, and the published figures of causal models are of that; here
their own tokens are scored behind the context, so that figures of these items, and those over
both kinds, are not to be held against the published ones. As there, a context without an end mark
is given a full stop. bias-bench (McGill-NLP) scores the sentences that fill a context alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

from fmaudit.bias.preference import ALIKE, alike, beyond
from fmaudit.bias.stereoset import COLUMNS, SENTENCES, Asked, Read, rows_of, scored
from fmaudit.engine.asks import ask
from fmaudit.registry import Context, NoParams, method
from fmaudit.segments import between
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

NEEDS = frozenset({"token_logprobs"})

_END = (".", "!", "?")


@method("stereoset_likelihood", needs={"target": set(NEEDS)}, data={"text"}, columns=COLUMNS)
def stereoset_likelihood(
    cases: Sequence[Case], params: NoParams, context: Context
) -> Asks[list[Row]]:
    """The likelihood of a stereotyped, a contrary and an unrelated sentence, a token on average.

    One request an item, so that what the sentences begin with is read once. No chat template.
    Nadeem, Bethke and Reddy (2021), https://doi.org/10.18653/v1/2021.acl-long.416.
    """
    return (yield from rows_of(cases, context, NEEDS, read))


def read(asked: Sequence[Asked]) -> Asks[list[Read]]:
    """The scores of the sentences of items."""
    answers = yield from ask([request_of(case, role) for role, case in asked])
    return [scores(case, answer) for (_, case), answer in zip(asked, answers, strict=True)]


def request_of(case: Case, role: str = "target") -> TokenLogprobs:
    """The three sentences: whole texts of their own, or each behind the context it follows."""
    if case.groups.get("task") != "intersentence":
        return TokenLogprobs(input="", continuations=case.references, on=role)
    context = one_text(case.input).rstrip()
    context += "" if context.endswith(_END) else "."
    behind = tuple(between(context, text) + text for text in case.references)
    return TokenLogprobs(input=context, continuations=behind, on=role)


def scores(case: Case, answer: Response) -> Read:
    """The sentences' log-probabilities a token from the answer, or why there are none."""
    if isinstance(answer, Failure):
        return answer
    if not isinstance(answer, Likelihoods):
        return Failure(f"the model answered with {type(answer).__name__}, not with likelihoods")
    if len(answer.scored) != len(SENTENCES):
        return Failure(f"{len(answer.scored)} likelihoods for three sentences")
    if answer.cut:
        return beyond(answer.cut)
    if not all(one.logprobs for one in answer.scored):
        return Failure("a sentence without a token has no likelihood")
    texts = zip(case.references, answer.scored, strict=True)
    if any(alike((a, b), one.ids, two.ids) for (a, one), (b, two) in combinations(texts, 2)):
        return ALIKE
    means = [one.total / len(one.logprobs) for one in answer.scored]
    if not all(map(math.isfinite, means)):
        return Failure("a log-probability is not finite")
    return scored(means, [len(one.logprobs) for one in answer.scored])
