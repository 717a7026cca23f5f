"""Answers of made-up language models about whole texts, for the tests of the privacy probes."""

from __future__ import annotations

from collections.abc import Sequence

from fmaudit.types import Likelihoods, Scored


def scored(
    logprobs: Sequence[float],
    ranks: Sequence[int] = (),
    *,
    ids: Sequence[int] = (),
    means: Sequence[float] = (),
    deviations: Sequence[float] = (),
    spans: Sequence[tuple[int, int]] = (),
) -> Scored:
    """Tokens with these log-probabilities; what is not said is the same for all."""
    n = len(logprobs)
    return Scored(
        ids=tuple(ids or range(n)),
        logprobs=tuple(logprobs),
        ranks=tuple(ranks or [1] * n),
        means=tuple(means or [-1.0] * n),
        deviations=tuple(deviations or [1.0] * n),
        starts=tuple(start for start, _ in spans),
        ends=tuple(end for _, end in spans),
    )


def answer(logprobs: Sequence[float], ranks: Sequence[int] = (), **said) -> Likelihoods:
    """The answer of a model to one text."""
    cut, split = said.pop("cut", 0), said.pop("split", 0)
    return Likelihoods(
        (scored(logprobs, ranks, **said),), tokens=len(logprobs), cut=cut, split=split
    )
