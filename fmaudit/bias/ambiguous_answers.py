"""Whom does a language model name where the text does not say: by the answer that it writes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from msgspec import Meta, Struct

from fmaudit.bias.ambiguous import COLUMNS as CHOSEN
from fmaudit.bias.ambiguous import beyond, chosen, named, silent, unfit
from fmaudit.performance.asking import of_both, unusable
from fmaudit.performance.overlap import Words, normal
from fmaudit.prompts import prompted
from fmaudit.registry import Context, method
from fmaudit.robustness.formats import Format, Formats
from fmaudit.types import (
    Asks,
    Case,
    Decoding,
    Failure,
    Generate,
    Generated,
    Input,
    Response,
    Row,
    one_text,
)

COLUMNS: Mapping[str, Any] = {
    **CHOSEN,
    "written": Input,
    "unmatched": bool,
    "unfinished": bool,
    "base_written": Input,
    "base_unmatched": bool,
    "tokens": int,
}


class AnswerParams(Struct, frozen=True, forbid_unknown_fields=True):
    """How the question is laid out, how an answer is written and how it is read.

    `formats`: a list of formats; `use`: which of them. At most `most_tokens` are written, greedily,
    up to a text in `stop`. `articles`: words that are passed over where answer and options are
    compared.
    """

    formats: Formats
    use: str
    most_tokens: Annotated[int, Meta(ge=1)] = 16
    stop: tuple[Annotated[str, Meta(min_length=1)], ...] = ()
    articles: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError that names the key."""
        self.formats.check([self.use], "use")

    @property
    def layout(self) -> Format:
        """The format in use."""
        return self.formats.formats[self.use]

    @property
    def decoding(self) -> Decoding:
        """Greedy, and bounded."""
        return Decoding(most_tokens=self.most_tokens, stop=self.stop)


@method(
    "ambiguous_answers",
    needs={"target": {"generate"}},
    data={"text", "options", "target"},
    columns=COLUMNS,
    params=AnswerParams,
)
def ambiguous_answers(
    cases: Sequence[Case], params: AnswerParams, context: Context
) -> Asks[list[Row]]:
    """Which of the options shown to it a model writes as the answer, and its base.

    Greedy, so that the same model writes the same again. Parrish and others (2022),
    https://doi.org/10.18653/v1/2022.findings-acl.165.
    """
    why = partial(_unaskable, params)
    fit = [case for case in cases if not why(case)]
    requests = [request(case, params, context) for case in fit]
    answers = iter((yield from of_both(requests, "generate", context)))
    return [
        Row(case, named(case), reason=why(case))
        if why(case)
        else score(params, case, *next(answers))
        for case in cases
    ]


def request(case: Case, params: AnswerParams, context: Context) -> Generate:
    """The question with its options in sight."""
    text = params.layout.lay(one_text(case.input), case.options)
    return Generate(input=prompted(text, context), decoding=params.decoding)


def score(params: AnswerParams, case: Case, answer: Response, base: Response | None = None) -> Row:
    """The row of one written answer, and of the base's where there is one.

    `written`: the answer; `unmatched`: it names none of the options, or several, and the columns of
    `ambiguous.chosen` are null, so that no score counts it. `unfinished`: the most tokens ended it.
    `tokens` of the prompt were read. An answer that cannot be used gives a failed row; the target's
    columns stand where it is the base's. A question that does not fit the window is left out.
    """
    read = partial(matched, labels=params.layout.labels, articles=params.articles)
    found = _written(answer)
    if isinstance(found, Failure):
        return silent(case, found)
    place = read(found.text, case.options)
    values = named(case) | {
        "written": found.text,
        "unmatched": place is None,
        "unfinished": not found.finished,
        "tokens": found.prompt_tokens,
    }
    if base is None:
        return Row(case, values | ({} if place is None else chosen(case, place)))
    theirs = _written(base)
    if isinstance(theirs, Failure):
        alone = {} if place is None else chosen(case, place)
        return silent(case, theirs, values | alone, "base: ")
    before = read(theirs.text, case.options)
    values |= {"base_written": theirs.text, "base_unmatched": before is None}
    return Row(case, values | ({} if place is None else chosen(case, place, before)))


def matched(
    text: str, options: Sequence[str], labels: str = "", articles: Collection[str] = ()
) -> int | None:
    """The place of the option that a written answer names; None where it is none, or not one.

    It is that option word for word; or its label stands first ("B", "(b)", "B. …"), and no other
    option is named behind it; or of all options its words alone stand in the answer. An option
    whose words lie within those of another that stands there ("the man" in "the old man") is not
    counted. Letters' case, punctuation and `articles` do not count.

    >>> two = ("The grandfather", "The grandson", "Not known")
    >>> [matched(t, two, "ABC", ["the"]) for t in ("grandson.", "(A)", "It was the grandson", "He")]
    [1, 0, 1, None]
    """
    known = [normal(option, articles) for option in options]
    words = normal(text, articles)
    if known.count(words) == 1:
        return known.index(words)
    labelled = _labelled(text, labels[: len(options)])
    if labelled is not None:
        place, rest = labelled
        others = _said(normal(rest, articles), known) - {place}
        return None if others else place
    said = _said(words, known)
    return said.pop() if len(said) == 1 else None


def _labelled(text: str, labels: str) -> tuple[int, str] | None:
    """The place of the label that an answer begins with, and what stands behind it."""
    if not labels:
        return None
    signs = "".join(map(re.escape, labels))
    found = re.match(rf"\s*[(\[（]?([{signs}])(?:\s*$|\s*[)\].:,，、。：）])", text, re.IGNORECASE)
    if found is None:
        return None
    return labels.casefold().index(found[1].casefold()), text[found.end() :]


def _said(words: Words, known: Sequence[Words]) -> set[int]:
    """The options whose words stand in these, one after the other."""
    there = {place for place, option in enumerate(known) if _within(option, words)}
    return {
        place
        for place in there
        if not any(k != place and _within(known[place], known[k]) for k in there)
    }


def _within(run: Words, words: Words) -> bool:
    """Whether a run of words stands in others."""
    size = len(run)
    return any(words[k : k + size] == run for k in range(len(words) - size + 1)) if size else False


def _unaskable(params: AnswerParams, case: Case) -> str:
    if reason := unfit(case):
        return reason
    count, most = len(case.options), len(params.layout.labels)
    return f"{count} options, where the format has labels for {most}" if count > most else ""


def _written(answer: Response) -> Generated | Failure:
    if not isinstance(answer, Generated):
        return unusable(answer, "a text")
    return beyond(answer.cut) if answer.cut else answer
