"""What a masked model puts into the place of a word that is left out of a sentence about a group.

Each beginning gets a place at its end, and the likeliest words there are scored, each in its
sentence; beside them the words of its base.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta

from fmaudit.bias.scores import Scoring, check_rows, scored
from fmaudit.bias.written_about_groups import COLUMNS as WRITTEN
from fmaudit.bias.written_about_groups import score
from fmaudit.performance.asking import Answers, of_both, unusable
from fmaudit.registry import Context, method
from fmaudit.types import Asks, Case, FillMask, Fills, Generated, Response, Row, one_text

COLUMNS: Mapping[str, Any] = WRITTEN


class FilledParams(Scoring, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`most`: how many words of a place are scored; `after`: what stands behind it."""

    most: Annotated[int, Meta(ge=1)] = 20
    after: str = "."


@method(
    "filled_about_groups",
    needs={"target": {"fill_mask"}},
    data={"text"},
    columns=COLUMNS,
    params=FilledParams,
    whole=True,
)
def filled_about_groups(
    cases: Sequence[Case], params: FilledParams, context: Context
) -> Asks[list[Row]]:
    """The likeliest words at the end of each beginning, scored, and what scorers make of texts.

    Nozza, Bianchi and Hovy (2021), https://doi.org/10.18653/v1/2021.naacl-main.191.
    """
    requests = [FillMask(one_text(case.input), params.after, params.most) for case in cases]
    found = yield from of_both(requests, "fill_mask", context)
    answers = [
        (case, rank, _sentences(case, pair, rank, params))
        for case, pair in zip(cases, found, strict=True)
        for rank in range(_count(pair))
    ]
    texts = [a.text for *_, pair in answers for a in pair if isinstance(a, Generated)]
    checks = [label.text for name in params.scorers for label in params.labelled(name)]
    scores = yield from scored([*texts, *checks], params.scorers, context)
    rows = [
        score(case, rank, name, pair, scores, context)
        for case, rank, pair in answers
        for name in params.scorers
    ]
    return rows + check_rows(params, scores, context)


def _count(pair: Answers) -> int:
    """How many rows a case has: a row a word, one where there is none."""
    lengths = [len(answer.words) for answer in pair if isinstance(answer, Fills)]
    return max(1, min(lengths, default=1))


def _sentences(case: Case, pair: Answers, rank: int, params: FilledParams) -> Answers:
    """The sentences with the words of that rank, as if they had been written."""

    def sentence(answer: Response) -> Response:
        if not isinstance(answer, Fills):
            return unusable(answer, "words")
        word = answer.words[rank] if answer.words else ""
        text = f"{one_text(case.input)} {word}{params.after}" if word else ""
        return Generated(text, 1, True)

    target, base = pair
    return sentence(target), None if base is None else sentence(base)
