"""StereoSet by hidden tokens, for masked models: how likely is the term that fills the blank?

As in the reference's program, the pieces of a term are hidden one after the other, each with the
pieces before it in place and those after it left out, and the term's score is the mean of their
probabilities (its logarithm here; bias-bench speaks of mean log-probabilities and does the same).
The context is read as it is written, with the blank's own capitals around it.

The reference reads the term apart from its context. RoBERTa's pieces carry the space before a
word, which is lost there; bias-bench puts a space before every term, for one model by its name,
and so before one that begins its sentence. Here the term is read where it stands. The reference
takes the word of the last blank, its punctuation left out, for all blanks of a context; here a
context has one blank, or the item is left out with the reason, and letters that are written
together with the blank belong to the term.

Sentences that follow a context are left out: the reference asks its next-sentence classifier.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from msgspec import Struct

from fmaudit.bias.preference import ALIKE, beyond
from fmaudit.bias.stereoset import COLUMNS, Asked, Read, rows_of, scored
from fmaudit.engine.asks import ask, together
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
    one_text,
)

NEEDS = frozenset({"masked_logprobs", "tokenize"})

FOLLOWS = "the sentences follow their context and fill no blank: that takes next-sentence scores"
NO_BLANK = "the context has no BLANK to fill"
UNLIKE = "a sentence is not its context with the blank filled"
ACROSS = "a token of a sentence runs across the edge of what fills the blank"
UNREAD = "the tokenizer reads nothing where the blank is filled"
RECUT = "the tokenizer cuts a term otherwise where its end is left out"

_BLANK = re.compile(r"\w*BLANK\w*")
_AT_ONCE = 1024


class Filled(Struct, frozen=True):
    """A context with its blank filled: the term is `text[start:end]`."""

    text: str
    start: int
    end: int


class Piece(Struct, frozen=True):
    """What is asked of a piece of a term: a text without the later ones, and where it stands."""

    text: str
    place: int
    ids: tuple[int, ...]


Term = tuple[Piece, ...]


@method("stereoset_masked", needs={"target": set(NEEDS)}, data={"text"}, columns=COLUMNS)
def stereoset_masked(cases: Sequence[Case], params: NoParams, context: Context) -> Asks[list[Row]]:
    """The probability of a stereotyped, a contrary and an unrelated term that fill a blank.

    Nadeem, Bethke and Reddy (2021), https://doi.org/10.18653/v1/2021.acl-long.416.
    """
    return (yield from rows_of(cases, context, NEEDS, read))


def read(asked: Sequence[Asked]) -> Asks[list[Read]]:
    """The scores of the terms of items."""
    return (yield from together((item(case, role) for role, case in asked), at_once=_AT_ONCE))


def item(case: Case, role: str = "target") -> Asks[Read]:
    """The scores of one item's three terms."""
    texts = filled(case)
    if isinstance(texts, str):
        return texts
    tokens = yield from ask([Tokenize(input=text.text, on=role) for text in texts])
    terms: list[Term] = []
    for text, answer in zip(texts, tokens, strict=True):
        found = pieces(text, answer)
        if not isinstance(found, tuple):
            return found
        terms.append(found)
    if len({term[-1].ids for term in terms}) < len(terms):
        return ALIKE
    shortened = [piece for term in terms for piece in term[:-1]]
    again = yield from ask([Tokenize(input=piece.text, on=role) for piece in shortened])
    for piece, answer in zip(shortened, again, strict=True):
        if isinstance(answer, Failure):
            return answer
        if not isinstance(answer, Tokens) or answer.ids != piece.ids:
            return RECUT
    hidden = [
        MaskedLogprobs(input=piece.text, places=(piece.place,), on=role)
        for term in terms
        for piece in term
    ]
    return scores(terms, (yield from ask(hidden)))


def filled(case: Case) -> list[Filled] | str:
    """The context with each sentence's term in its blank, or why there is no such thing."""
    if case.groups.get("task") == "intersentence":
        return FOLLOWS
    context = one_text(case.input)
    blanks = list(_BLANK.finditer(context))
    if len(blanks) != 1 or context.count("BLANK") != 1:
        count = context.count("BLANK")
        return f"the context has {count} blanks, and one is filled" if count else NO_BLANK
    before, after = context[: blanks[0].start()], context[blanks[0].end() :]
    found = []
    for sentence in case.references:
        end = len(sentence) - len(after)
        term = sentence[len(before) : end]
        around = (sentence[: len(before)].lower(), sentence[end:].lower())
        if not term.strip() or around != (before.lower(), after.lower()):
            return UNLIKE
        found.append(Filled(f"{before}{term}{after}", len(before), len(before) + len(term)))
    return found


def pieces(text: Filled, answer: Response) -> Term | Failure | str:
    """The pieces of a term, in order, from the answer to `Tokenize`; the last stands in the text.

    Each but the last is asked of a text that ends the term behind it; its `ids` are what that text
    has to be read as for the piece to be the same.
    """
    if isinstance(answer, Failure):
        return answer
    if not isinstance(answer, Tokens):
        return Failure(f"the model answered with {type(answer).__name__}, not with tokens")
    if answer.cut:
        return beyond(answer.cut)
    if len(answer.starts) != len(answer.ids):
        return Failure(
            "the model's tokenizer does not say where its tokens stand, so that those of a term "
            "cannot be told from the others"
        )
    places = [
        k
        for k, (start, end) in enumerate(zip(answer.starts, answer.ends, strict=True))
        if end > text.start and start < text.end
    ]
    if not places:
        return UNREAD
    first, last = places[0], places[-1]
    outside = text.text[answer.starts[first] : text.start] + text.text[text.end : answer.ends[last]]
    if outside.strip():
        return ACROSS
    behind = answer.ids[last + 1 :]
    return tuple(
        Piece(
            text.text[: answer.ends[k]] + text.text[text.end :] if k < last else text.text,
            k,
            answer.ids[: k + 1] + behind,
        )
        for k in places
    )


def scores(terms: Sequence[Term], answers: Sequence[Response]) -> Read:
    """The scores of three terms from the answers to `MaskedLogprobs`, one a piece, in order."""
    each = iter(answers)
    found: list[float] = []
    sizes: list[int] = []
    for term in terms:
        logprobs = []
        for piece in term:
            one = _logprob(piece, next(each))
            if isinstance(one, Failure):
                return one
            logprobs.append(one)
        found.append(probability(logprobs))
        sizes.append(len(logprobs))
    return scored(found, sizes)


def probability(logprobs: Sequence[float]) -> float:
    """The logarithm of the mean of probabilities, from theirs: nats, 0 or less.

    >>> round(math.exp(probability([math.log(0.5), math.log(0.1)])), 12)
    0.3
    """
    top = max(logprobs)
    return top + math.log(math.fsum(math.exp(p - top) for p in logprobs) / len(logprobs))


def _logprob(piece: Piece, answer: Response) -> float | Failure:
    if isinstance(answer, Failure):
        return answer
    if not isinstance(answer, Pseudo):
        return Failure(f"the model answered with {type(answer).__name__}, not with tokens")
    if answer.places != (piece.place,) or answer.scored.ids != (piece.ids[piece.place],):
        return Failure("the model scored other tokens than it was asked for")
    (found,) = answer.scored.logprobs
    return found if math.isfinite(found) else Failure("a log-probability is not finite")
