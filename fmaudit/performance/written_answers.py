"""What a language model writes, held against references: exact match, token F1, ROUGE, chrF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from msgspec import Meta, Struct

from fmaudit.performance.asking import failed, failed_base, rows_of, unusable
from fmaudit.performance.overlap import ROUGE, chrf, normal, rouge, token_f1
from fmaudit.prompts import prompted
from fmaudit.registry import Context, method
from fmaudit.types import Asks, Case, Decoding, Generate, Generated, Input, Response, Row, one_text

COLUMNS: Mapping[str, Any] = {
    "answer": Input,
    "reference": Input,
    "exact": bool,
    "token_f1": float,
    **dict.fromkeys(ROUGE, float),
    "chrf": float,
    "unfinished": bool,
    "written": int,
    "base_answer": Input,
    "base_exact": bool,
    "tokens": int,
    "cut": int,
}

NO_REFERENCES = "the case has no reference to hold an answer against"
BLANK = "a reference of the case is empty"


class AnswerParams(Struct, frozen=True, forbid_unknown_fields=True):
    """How an answer is written, and how it is compared.

    At most `most_tokens` are written, greedily, up to a text in `stop`. `articles`: words that
    exact match and token F1 pass over. `use_stemmer`: ROUGE counts English words by their stem.
    `word_order`: 2 makes chrF chrF++.
    """

    most_tokens: Annotated[int, Meta(ge=1)] = 64
    stop: tuple[Annotated[str, Meta(min_length=1)], ...] = ()
    articles: tuple[str, ...] = ()
    use_stemmer: bool = False
    word_order: Annotated[int, Meta(ge=0)] = 0

    @property
    def decoding(self) -> Decoding:
        """Greedy, and bounded."""
        return Decoding(most_tokens=self.most_tokens, stop=self.stop)


@method(
    "written_answers",
    needs={"target": {"generate"}},
    data={"text", "references"},
    columns=COLUMNS,
    params=AnswerParams,
)
def written_answers(
    cases: Sequence[Case], params: AnswerParams, context: Context
) -> Asks[list[Row]]:
    """What the model writes after each text, and how far it agrees with the references.

    Greedy, so that the same model writes the same again. Rajpurkar et al. (2016),
    https://doi.org/10.18653/v1/D16-1264; the figures are those of `performance.overlap`.
    """
    return (
        yield from rows_of(
            cases,
            context,
            "generate",
            unfit=unfit,
            request=lambda case: Generate(
                input=prompted(one_text(case.input), context), decoding=params.decoding
            ),
            score=partial(score, params),
        )
    )


def unfit(case: Case) -> str:
    """Why there is nothing to hold an answer to a case against; "" where there is."""
    if not case.references:
        return NO_REFERENCES
    return "" if all(text.strip() for text in case.references) else BLANK


def score(params: AnswerParams, case: Case, answer: Response, base: Response | None = None) -> Row:
    """The row of one written answer, and of the base's where there is one.

    `exact`, `token_f1`, `rouge_1`, `rouge_2`, `rouge_l` (0 to 1) and `chrf` (0 to 100), of the
    best of the case's references, higher is better; a ROUGE figure is null where no reference has
    the words for it (pairs of words in a single word). `answer`: what was written; `reference`:
    the reference with the highest token F1. `unfinished`: the most tokens ended it, not the model
    itself or a stop text. `written`: its tokens. `base_exact`: `exact` of the base's answer,
    `base_answer`. `tokens` of the prompt were read, `cut` did not fit the window. An answer that
    cannot be used gives a failed row; the target's columns stand where it is the base's.
    """
    if not isinstance(answer, Generated):
        return failed(case, unusable(answer, "a text"))
    known = [normal(text, params.articles) for text in case.references]
    words = normal(answer.text, params.articles)
    shared = [token_f1(words, reference) for reference in known]
    values: dict[str, Any] = {
        "answer": answer.text,
        "reference": case.references[shared.index(max(shared))],
        "exact": words in known,
        "token_f1": max(shared),
        **rouge(answer.text, case.references, stem=params.use_stemmer),
        "chrf": chrf(answer.text, case.references, word_order=params.word_order),
        "unfinished": not answer.finished,
        "written": answer.written,
        "tokens": answer.prompt_tokens,
        "cut": answer.cut,
    }
    if base is None:
        return Row(case, values)
    if not isinstance(base, Generated):
        return failed_base(case, values, unusable(base, "a text"))
    exact = normal(base.text, params.articles) in known
    return Row(case, values | {"base_answer": base.text, "base_exact": exact})
