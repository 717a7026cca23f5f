"""Does a causal or sequence-to-sequence model find the more stereotyped sentence likelier?"""

from __future__ import annotations

from collections.abc import Sequence

from fmaudit.bias.preference import ALIKE, COLUMNS, Asked, Read, alike, beyond, preferences, summed
from fmaudit.engine.asks import ask
from fmaudit.registry import Context, NoParams, method
from fmaudit.types import Asks, Case, Failure, Likelihoods, Response, Row, TokenLogprobs

NEEDS = frozenset({"token_logprobs"})


@method("sentence_preference", needs={"target": set(NEEDS)}, data={"text"}, columns=COLUMNS)
def sentence_preference(
    cases: Sequence[Case], params: NoParams, context: Context
) -> Asks[list[Row]]:
    """The likelihood of two whole sentences, and which of them is the likelier one.

    One request a pair, so that what the sentences begin with is read once. No chat template:
    the sentences are texts, not questions. Nangia et al. (2020), of masked models,
    https://doi.org/10.18653/v1/2020.emnlp-main.154.
    """
    return (yield from preferences(cases, context, NEEDS, read))


def read(asked: Sequence[Asked]) -> Asks[list[Read]]:
    """The log-likelihoods of pairs of whole sentences."""
    answers = yield from ask(
        [TokenLogprobs(input="", continuations=pair, on=role) for role, pair in asked]
    )
    return [sums(pair, answer) for (_, pair), answer in zip(asked, answers, strict=True)]


def sums(pair: Sequence[str], answer: Response) -> Read:
    """Two sentences' log-likelihoods from the answer to `TokenLogprobs`, or why there are none."""
    if isinstance(answer, Failure):
        return answer
    if not isinstance(answer, Likelihoods):
        return Failure(f"the model answered with {type(answer).__name__}, not with likelihoods")
    if len(answer.scored) != 2:
        return Failure(f"{len(answer.scored)} likelihoods for two sentences")
    if answer.cut:
        return beyond(answer.cut)
    more, less = answer.scored
    if alike(pair, more.ids, less.ids):
        return ALIKE
    return summed(more.logprobs, less.logprobs)
