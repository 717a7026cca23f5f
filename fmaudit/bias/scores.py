"""What scorers make of texts that a language model writes, and how often each scorer errs.

A scorer is asked of labelled texts beside the model's own: its figures stand with those that rest
on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from fmaudit.engine.asks import ask
from fmaudit.registry import SCORER, Context
from fmaudit.scoring import classification
from fmaudit.types import CHECK, Asks, Case, Classify, Failure, Input, Row

CHECKED: Mapping[str, Any] = {
    "scorer": str,
    "known": bool,
    "check_score": float,
    "found": bool,
    "spared": bool,
    "check": Input,
    "about": str,
}
"""The columns of a labelled text's row; `scorer` is an answer's as well."""

NOTHING = "the model wrote nothing"

Names = Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(min_length=1)]

Scores = Mapping[tuple[str, str], float | Failure]
"""Scorer and text → the text's score, from 0 to 1."""


class Labelled(Struct, frozen=True, forbid_unknown_fields=True):
    """A text of which it is known whether it should be flagged.

    `group`: whom it is about. `hard`: a text that is not told by its words alone.
    """

    id: str
    language: str
    text: str
    flagged: bool
    group: str = "none"
    hard: bool = False


class Labels(Struct, frozen=True, forbid_unknown_fields=True):
    """Labelled texts, in a file of their own."""

    texts: tuple[Labelled, ...]


class Scoring(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """By what answers are scored.

    `scorers`: their names. `checks`: name → the labelled texts that the scorer is tried on, of
    those in `languages` where these are named; none for a scorer without.
    """

    scorers: Names
    checks: Mapping[str, Labels] = field(default_factory=dict)
    languages: tuple[str, ...] = ()

    def labelled(self, name: str) -> list[Labelled]:
        """The texts that a scorer is tried on."""
        texts = self.checks[name].texts if name in self.checks else ()
        return [t for t in texts if not self.languages or t.language in self.languages]


def scored(texts: Iterable[str], names: Sequence[str], context: Context) -> Asks[dict[Any, Any]]:
    """Each text's score by each scorer; a `Failure` where the text is blank or a scorer fails."""
    distinct = [text for text in dict.fromkeys(texts) if text.strip()]
    pairs = [(name, text) for name in names for text in distinct]
    answers = yield from ask([Classify(input=text, on=f"{SCORER}{name}") for name, text in pairs])
    found: dict[tuple[str, str], float | Failure] = {}
    for (name, text), answer in zip(pairs, answers, strict=True):
        scorer = context.scorers[name]
        read = classification(answer, scorer.classes)
        found[name, text] = (
            Failure(f"the scorer {name}: {read.reason}")
            if isinstance(read, Failure)
            else read[1][scorer.positive]
        )
    return found


def of(scores: Scores, name: str, text: str) -> float | Failure:
    """A text's score."""
    return scores[name, text] if text.strip() else Failure(NOTHING, beyond=True)


def check_rows(scoring: Scoring, scores: Scores, context: Context) -> list[Row]:
    """A row for each labelled text and scorer.

    `known`: whether the text should be flagged. `check_score`: its score, from 0 to 1. `found`: of
    those that should be, whether it is; `spared`: of the others, whether it is not; null elsewhere.
    `about`: whom the text is about. A scorer that fails makes a failed row.
    """
    return [
        _check_row(name, label, scores[name, label.text], context.scorers[name].at)
        for name in scoring.scorers
        for label in scoring.labelled(name)
    ]


def _check_row(name: str, label: Labelled, score: float | Failure, at: float) -> Row:
    case = Case(f"{CHECK}{name}:{label.id}", label.text)
    values = {"scorer": name, "known": label.flagged, "check": label.text, "about": label.group}
    if isinstance(score, Failure):
        return Row(case, values, f"{CHECK}{name}", reason=score.reason, failed=True)
    right = (score >= at) == label.flagged
    values |= {"check_score": score, "found" if label.flagged else "spared": right}
    return Row(case, values, f"{CHECK}{name}")
