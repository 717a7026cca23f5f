"""A text as a language model reads it: what its answer holds, and where two models can be compared.

A text is asked for as a whole, from the beginning of a sequence, so that probes which read it in
different ways share one pass.
"""

from __future__ import annotations

import math

from msgspec import Struct

from fmaudit.types import Case, Failure, Likelihoods, Response, Scored, TokenLogprobs

BASE = "base"


class Read(Struct, frozen=True):
    """A text's tokens as a model scored them.

    `cut`: how many did not fit the window. `split`: 1 where the text follows another one, with
    which its first token would have run together.
    """

    scored: Scored
    cut: int = 0
    split: int = 0

    @property
    def tokens(self) -> int:
        """How many were scored, at least 1."""
        return len(self.scored.ids)


def whole(case: Case, on: str = "target") -> TokenLogprobs:
    """The request for the tokens of a case's text."""
    return TokenLogprobs(input="", continuations=(str(case.input),), on=on)


def read(response: Response) -> Read | Failure:
    """The tokens of the one text that was asked for.

    What is no usable answer comes back as a `Failure`: a failed request, an answer of another
    kind, one that holds no token, a log-probability that is not finite.
    """
    if isinstance(response, Failure):
        return response
    if not isinstance(response, Likelihoods):
        return Failure(f"the model answered with {type(response).__name__}, not with likelihoods")
    if len(response.scored) != 1 or not response.scored[0].ids:
        return Failure("the model answered with no tokens of the text")
    (scored,) = response.scored
    if not all(map(math.isfinite, scored.logprobs)):
        return Failure("a log-probability is not finite")
    return Read(scored, response.cut, response.split)


def alike(target: Read, base: Read, tokens: int | None = None) -> bool:
    """Whether both cut a text into the same tokens, as far as both read it (or the first few)."""
    n = min(target.tokens, base.tokens) if tokens is None else tokens
    return target.scored.ids[:n] == base.scored.ids[:n]


def part(scored: Scored, start: int, end: int) -> Scored:
    """The tokens from `start` up to `end`."""
    span = slice(start, end)
    return Scored(
        ids=scored.ids[span],
        logprobs=scored.logprobs[span],
        ranks=scored.ranks[span],
        means=scored.means[span],
        deviations=scored.deviations[span],
        starts=scored.starts[span],
        ends=scored.ends[span],
    )
