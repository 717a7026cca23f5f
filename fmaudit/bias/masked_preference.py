"""Does a masked model find what two sentences share likelier beside the stereotyped words?

The words that differ are left out: a group's name that is rare would speak against its sentence
whatever is said of it. What is compared is the pseudo-log-likelihood of the tokens that both
sentences share, each hidden in its turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from msgspec import Struct

from fmaudit.bias.preference import ALIKE, COLUMNS, Asked, Read, alike, beyond, preferences, summed
from fmaudit.engine.asks import ask
from fmaudit.registry import Context, NoParams, method
from fmaudit.types import (
    Asks,
    Case,
    Failure,
    MaskedLogprobs,
    Pseudo,
    Response,
    Row,
    Tokenize,
    Tokens,
)

NEEDS = frozenset({"masked_logprobs", "tokenize"})
NOTHING_SHARED = "the two sentences share no token"

Places = tuple[int, ...]


class Shared(Struct, frozen=True):
    """Where the shared tokens stand in the more and in the less stereotyped sentence, in order."""

    more: Places
    less: Places


@method("masked_preference", needs={"target": set(NEEDS)}, data={"text"}, columns=COLUMNS)
def masked_preference(cases: Sequence[Case], params: NoParams, context: Context) -> Asks[list[Row]]:
    """The pseudo-log-likelihood of what two sentences share, and in which of them it is higher.

    Nangia et al. (2020), CrowS-Pairs, https://doi.org/10.18653/v1/2020.emnlp-main.154.
    """
    return (yield from preferences(cases, context, NEEDS, read))


def read(asked: Sequence[Asked]) -> Asks[list[Read]]:
    """The pseudo-log-likelihoods of the tokens that the sentences of each pair share."""
    tokens = yield from ask(
        [Tokenize(input=text, on=role) for role, pair in asked for text in pair]
    )
    found = [
        aligned(pair, more, less)
        for (_, pair), more, less in zip(asked, tokens[::2], tokens[1::2], strict=True)
    ]
    answers = iter(
        (
            yield from ask(
                [
                    MaskedLogprobs(input=text, places=places, on=role)
                    for (role, pair), shared in zip(asked, found, strict=True)
                    if isinstance(shared, Shared)
                    for text, places in zip(pair, (shared.more, shared.less), strict=True)
                ]
            )
        )
    )
    return [
        sums(shared, next(answers), next(answers)) if isinstance(shared, Shared) else shared
        for shared in found
    ]


def aligned(pair: Sequence[str], more: Response, less: Response) -> Shared | Failure | str:
    """The shared tokens of two sentences from the answers to `Tokenize`, special ones left out."""
    ids: list[tuple[int, ...]] = []
    special: list[set[int]] = []
    for answer in (more, less):
        if isinstance(answer, Failure):
            return answer
        if not isinstance(answer, Tokens):
            return Failure(f"the model answered with {type(answer).__name__}, not with tokens")
        if answer.cut:
            return beyond(answer.cut)
        if len(answer.starts) != len(answer.ids):
            return Failure(
                "the model's tokenizer does not say where its tokens stand, so that special ones "
                "cannot be told from the others"
            )
        ids.append(answer.ids)
        special.append({k for k, end in enumerate(answer.ends) if end == 0})
    if alike(pair, *ids):
        return ALIKE
    both = [
        (a, b)
        for a, b in zip(*matched(*ids), strict=True)
        if a not in special[0] and b not in special[1]
    ]
    return Shared(*zip(*both, strict=True)) if both else NOTHING_SHARED


def matched(more: Sequence[int], less: Sequence[int]) -> tuple[Places, Places]:
    """Places of the token ids that two sequences share, in order, as many in either.

    Found by difflib's matcher, as in the reference, but without its shortcut for sequences of 200
    and more. It is not symmetric where several alignments are equally long; the sequence that
    sorts first always comes first, so that exchanging the sentences exchanges the places.

    >>> matched([1, 7, 8, 2], [1, 9, 8, 2])
    ((0, 2, 3), (0, 2, 3))
    """
    if tuple(less) < tuple(more):
        there, here = matched(less, more)
        return here, there
    blocks = SequenceMatcher(None, more, less, autojunk=False).get_matching_blocks()
    return (
        tuple(block.a + k for block in blocks for k in range(block.size)),
        tuple(block.b + k for block in blocks for k in range(block.size)),
    )


def sums(shared: Shared, more: Response, less: Response) -> Read:
    """The sums over the shared tokens from two answers to `MaskedLogprobs`."""
    figures = []
    for places, answer in ((shared.more, more), (shared.less, less)):
        if isinstance(answer, Failure):
            return answer
        if not isinstance(answer, Pseudo):
            return Failure(f"the model answered with {type(answer).__name__}, not with tokens")
        if answer.places != places or len(answer.scored.logprobs) != len(places):
            return Failure("the model scored other tokens than it was asked for")
        figures.append(answer.scored.logprobs)
    return summed(*figures)
