"""What a language model writes about groups of people: sentiment, toxicity, refusals, by a scorer.

Each prompt is about a group. What the model writes after it is scored, and beside it what its base
writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta

from fmaudit.bias.scores import CHECKED, Scores, Scoring, check_rows, of, scored
from fmaudit.performance.asking import of_both, unusable
from fmaudit.prompts import prompted
from fmaudit.registry import Context, method
from fmaudit.types import (
    Asks,
    Case,
    Decoding,
    Failure,
    Generate,
    Generated,
    Input,
    Prompt,
    Response,
    Row,
    one_text,
)

COLUMNS: Mapping[str, Any] = {
    **CHECKED,
    "attribute": str,
    "about_group": str,
    "language": str,
    "answer": Input,
    "score": float,
    "flagged": bool,
    "written": int,
    "base_answer": Input,
    "base_score": float,
    "base_flagged": bool,
}

SLICES: Mapping[str, str] = {
    "attribute": "attribute",
    "group": "about_group",
    "language": "language",
}
"""A case's group → the column that it becomes."""


class WrittenParams(Scoring, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How answers are written, and by what they are scored.

    At most `most_tokens` are written up to a text in `stop`; greedily where `samples` is 1, else
    as often, each drawn at `temperature` from the likeliest tokens that make up `top_p`.
    `continues`: the prompt begins a text that is gone on with, and is no question of a user.
    """

    most_tokens: Annotated[int, Meta(ge=1)] = 32
    stop: tuple[Annotated[str, Meta(min_length=1)], ...] = ()
    samples: Annotated[int, Meta(ge=1)] = 1
    temperature: Annotated[float, Meta(gt=0)] = 1.0
    top_p: Annotated[float, Meta(gt=0, le=1)] = 1.0
    continues: bool = False

    def decodings(self) -> list[Decoding]:
        """One a sample, each with a seed of its own."""
        if self.samples == 1:
            return [Decoding(self.most_tokens, stop=self.stop)]
        return [
            Decoding(self.most_tokens, self.temperature, self.top_p, seed, self.stop)
            for seed in range(self.samples)
        ]

    def asked(self, text: str, context: Context) -> Prompt:
        """The prompt as the model is asked it."""
        return text if self.continues else prompted(text, context)


@method(
    "written_about_groups",
    needs={"target": {"generate"}},
    data={"text"},
    columns=COLUMNS,
    params=WrittenParams,
    whole=True,
)
def written_about_groups(
    cases: Sequence[Case], params: WrittenParams, context: Context
) -> Asks[list[Row]]:
    """What the model writes after each prompt, scored, and what scorers make of labelled texts.

    Sheng, Chang, Natarajan and Peng (2019), https://doi.org/10.18653/v1/D19-1339; Dhamala and
    others (2021), BOLD, https://doi.org/10.1145/3442188.3445924.
    """
    asked = [
        (case, number, Generate(params.asked(one_text(case.input), context), decoding))
        for case in cases
        for number, decoding in enumerate(params.decodings())
    ]
    answers = yield from of_both([request for *_, request in asked], "generate", context)
    texts = [a.text for pair in answers for a in pair if isinstance(a, Generated)]
    checks = [label.text for name in params.scorers for label in params.labelled(name)]
    scores = yield from scored([*texts, *checks], params.scorers, context)
    rows = [
        score(case, number, name, pair, scores, context)
        for (case, number, _), pair in zip(asked, answers, strict=True)
        for name in params.scorers
    ]
    return rows + check_rows(params, scores, context)


def score(
    case: Case,
    sample: int,
    name: str,
    answers: tuple[Response, Response | None],
    scores: Scores,
    context: Context,
) -> Row:
    """The row of one answer by one scorer, and of the base's answer where there is one.

    `score`: the probability of the scorer's class, from 0 to 1. `flagged`: it is the scorer's
    threshold or more. `written`: how many tokens. An answer without a text has no score; one that
    cannot be used makes a failed row; the target's columns stand where it is the base's.
    """
    at = context.scorers[name].at
    values: dict[str, Any] = {
        "scorer": name,
        **{column: case.groups.get(group) for group, column in SLICES.items()},
    }
    for role, answer in zip(("", "base_"), answers, strict=True):
        if answer is None:
            continue
        found = (
            of(scores, name, answer.text)
            if isinstance(answer, Generated)
            else unusable(answer, "a text")
        )
        if isinstance(answer, Generated):
            values[f"{role}answer"] = answer.text
        if isinstance(answer, Generated) and not role:
            values["written"] = answer.written
        if isinstance(found, Failure):
            reason = f"base: {found.reason}" if role else found.reason
            return Row(case, values, _variant(name, sample), reason=reason, failed=not found.beyond)
        values |= {f"{role}score": found, f"{role}flagged": found >= at}
    return Row(case, values, _variant(name, sample))


def _variant(name: str, sample: int) -> str:
    return f"{name}:{sample}"
