"""A map of word scores as it stands in evidence, and which texts can have none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fmaudit.explanations.words import Word
from fmaudit.registry import Context
from fmaudit.types import Case, Failure, Row

FEWEST_WORDS = 5
"""Under so many words the shares that a certificate removes are all one word."""

TOO_LONG = "longer than the model's window: words that are not read could have no score"

NOISE = 1e-6
"""What float32 leaves open of a logit, where the noise floor shows nothing."""

UNTOLD = "nothing to attribute: the text moves the logits by less than ten times the noise floor"

MAP: Mapping[str, Any] = {
    "word_parts": list[int],
    "word_starts": list[int],
    "word_ends": list[int],
    "word_scores": list[float],
}
"""Columns of a map: where each word stands (as in `Word`), and its signed score.

In logits for a class, in nats a token for an answer; over 0 the word speaks for it.
"""


def mapped(words: Sequence[Word], scores: Sequence[float]) -> Mapping[str, Any]:
    """The columns of `MAP`."""
    return {
        "word_parts": [word.part for word in words],
        "word_starts": [word.start for word in words],
        "word_ends": [word.end for word in words],
        "word_scores": list(scores),
    }


def too_short(words: Sequence[Word]) -> str:
    """The reason why a text has too few words for a map; "" where it has enough."""
    enough = len(words) >= FEWEST_WORDS
    return "" if enough else f"the text has {len(words)} words; a map needs {FEWEST_WORDS}"


def untold(difference: float, context: Context) -> str:
    """The reason why there is nothing to attribute; "" where there is.

    `difference`: F(text) − F(baseline) in logits, which a map shares out. Under ten times the
    noise floor it could be noise.
    """
    return "" if told(difference, context) else UNTOLD


def told(difference: float, context: Context) -> bool:
    """Whether a difference is over ten times the noise floor, so that it is none of it."""
    return abs(difference) > 10 * max(context.floor, NOISE)


def hiding(what: str, found: Failure) -> Failure:
    """A failure of an input with words hidden. One that "..." made too long is just too long."""
    if found.beyond:
        return found
    return Failure(f"with {what} hidden: {found.reason}", found.transient)


def without_map(case: Case, found: Failure) -> Row:
    """The row of a text that has none; that the model cannot read it whole is no failure."""
    return Row(case, {}, reason=found.reason, failed=not found.beyond)
