"""Whom a masked model expects to say a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from fmaudit.bias import masked_words
from fmaudit.bias.masked_words import NEEDS
from fmaudit.bias.preference import Read
from fmaudit.bias.speakers import COLUMNS, Framed, SpeakerParams, speaker_rows
from fmaudit.registry import Context, method
from fmaudit.types import Asks, Case, Row


@method(
    "masked_speaker_gender",
    needs={"target": set(NEEDS)},
    data={"text"},
    columns=COLUMNS,
    params=SpeakerParams,
)
def masked_speaker_gender(
    cases: Sequence[Case], params: SpeakerParams, context: Context
) -> Asks[list[Row]]:
    """Whether a man or a woman is expected to say a sentence that goes with a stereotype.

    The word that differs is hidden, and the two are compared in its place. Pikuliak et al. (2024),
    GEST, https://arxiv.org/abs/2311.18711.
    """
    return (yield from speaker_rows(cases, params, context, NEEDS, read))


def read(asked: Sequence[Framed]) -> Asks[list[Read]]:
    """The log-probabilities of the two words in their place."""
    whole = [(role, (prompt + one, prompt + other)) for role, (prompt, one, other) in asked]
    return (yield from masked_words.read(whole))
