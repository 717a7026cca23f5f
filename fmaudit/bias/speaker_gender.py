"""Whom a causal or sequence-to-sequence model expects to have said a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from fmaudit.bias.preference import Read
from fmaudit.bias.sentence_preference import NEEDS, sums
from fmaudit.bias.speakers import COLUMNS, Framed, SpeakerParams, speaker_rows
from fmaudit.engine.asks import ask
from fmaudit.registry import Context, method
from fmaudit.types import Asks, Case, Row, TokenLogprobs


@method(
    "speaker_gender",
    needs={"target": set(NEEDS)},
    data={"text"},
    columns=COLUMNS,
    params=SpeakerParams,
)
def speaker_gender(
    cases: Sequence[Case], params: SpeakerParams, context: Context
) -> Asks[list[Row]]:
    """Whether a man or a woman is expected behind a sentence that goes with a stereotype.

    The likelihoods of the masculine and of the feminine word after the sentence. Pikuliak et al.
    (2024), GEST, https://arxiv.org/abs/2311.18711.
    """
    return (yield from speaker_rows(cases, params, context, NEEDS, read))


def read(asked: Sequence[Framed]) -> Asks[list[Read]]:
    """The log-likelihoods of the two words behind their prompts."""
    pairs = [(masculine, feminine) for _, (_, masculine, feminine) in asked]
    answers = yield from ask(
        [
            TokenLogprobs(input=prompt, continuations=pair, on=role)
            for (role, (prompt, *_)), pair in zip(asked, pairs, strict=True)
        ]
    )
    return [sums(pair, answer) for pair, answer in zip(pairs, answers, strict=True)]
