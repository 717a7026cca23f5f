"""What a model makes of words: the vectors of each, alone or in sentences, or why it has none.

Byte-level vocabularies hold most words with the space before them, others without. Each language's
words are asked for in both forms, and read in the one in which they take fewer tokens together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from msgspec.structs import replace

from fmaudit.engine.asks import ask
from fmaudit.types import Asks, Case, Embed, Embedding, Failure, Response, one_text

Floats = npt.NDArray[np.float64]

ALONE = "base"
"""The variant of a word that stands in no sentence."""

PLACE = "{word}"
LANGUAGE = "language"

UNKNOWN = "the word is not in the model's vocabulary"
NO_DIRECTION = "the word's vector is 0 and has no direction"


class Reading(Struct, frozen=True, forbid_unknown_fields=True):
    """How words become vectors.

    `layer`, `pool`: as of `Embed`. `templates`: language → name → a sentence with {word} in it;
    without any, words are read alone. `pieces`: what becomes of a word of several tokens, "keep"
    the mean of them or "drop" it. `fewest`: words that each attribute list must have left.
    """

    layer: int = 0
    pool: Literal["mean", "first", "last"] = "mean"
    templates: Mapping[str, Mapping[str, str]] = {}
    pieces: Literal["keep", "drop"] = "keep"
    fewest: int = 5

    def __post_init__(self) -> None:
        for language, sentences in self.templates.items():
            for name, text in sentences.items():
                if text.count(PLACE) != 1:
                    raise ValueError(f"the template {language}/{name} does not have {PLACE} once")


@dataclass(frozen=True)
class Word:
    """A word to a model: variant → its text and vector of length 1, or why it is left out.

    `tokens` that it takes, None where the model could not tell. `failed`: the model could not
    answer; `lost`: variants that it could not.
    """

    tokens: int | None = None
    vectors: Mapping[str, Floats] = field(default_factory=dict)
    reason: str = ""
    failed: bool = False
    lost: Mapping[str, Failure] = field(default_factory=dict)


def words(cases: Sequence[Case], how: Reading, role: str) -> Asks[dict[str, Word]]:
    """Case id → what the model in that role makes of its word."""
    alone = yield from _alone(cases, how, role)
    found = {case.id: _word(alone[_key(case)], how) for case in cases}
    if not how.templates:
        return found
    asked = [
        (case, name, text)
        for case in cases
        if found[case.id].vectors
        for name, text in sentences(case, how).items()
    ]
    answers = yield from ask([Embed(text, how.layer, how.pool, on=role) for _, _, text in asked])
    by_case: dict[str, dict[str, Response]] = {}
    for (case, name, _), answer in zip(asked, answers, strict=True):
        by_case.setdefault(case.id, {})[name] = answer
    for case in cases:
        if found[case.id].vectors:
            language = case.groups.get(LANGUAGE, "")
            said = by_case.get(case.id, {})
            found[case.id] = _in_sentences(found[case.id], said, language)
    return found


def sentences(case: Case, how: Reading) -> dict[str, str]:
    """Variant → the text of a case's word in it; the word itself where there are no templates."""
    word = one_text(case.input)
    if not how.templates:
        return {ALONE: word}
    there = how.templates.get(case.groups.get(LANGUAGE, ""), {})
    return {name: text.replace(PLACE, word) for name, text in there.items()}


def _key(case: Case) -> tuple[str, str]:
    return case.groups.get(LANGUAGE, ""), one_text(case.input)


def _alone(cases: Sequence[Case], how: Reading, role: str) -> Asks[dict[tuple[str, str], Response]]:
    """(language, word) → the answer to the word alone, in its language's form.

    Where words are to stand in sentences, only their tokens are of interest, and layer 0 tells.
    """
    first = Embed("", 0, on=role) if how.templates else Embed("", how.layer, how.pool, on=role)
    keys = list(dict.fromkeys(_key(case) for case in cases))
    forms = [form for _, word in keys for form in (word, f" {word}")]
    answers = yield from ask([replace(first, input=form) for form in forms])
    plain, spaced = (dict(zip(keys, answers[k::2], strict=True)) for k in (0, 1))
    saved: Counter[str] = Counter()
    for key in keys:
        one, other = plain[key], spaced[key]
        if isinstance(one, Embedding) and isinstance(other, Embedding):
            saved[key[0]] += one.tokens - other.tokens
    return {key: (spaced if saved[key[0]] > 0 else plain)[key] for key in keys}


def _word(answer: Response, how: Reading) -> Word:
    if not isinstance(answer, Embedding):
        why = _failure(answer)
        return Word(reason=why.reason, failed=not why.beyond)
    if answer.unknown:
        return Word(answer.tokens, reason=UNKNOWN)
    if answer.tokens > 1 and how.pieces == "drop":
        return Word(answer.tokens, reason="the word takes more than one token")
    vector = unit(answer.vector)
    if vector is None:
        return Word(answer.tokens, reason=NO_DIRECTION)
    return Word(answer.tokens, {ALONE: vector})


def _in_sentences(word: Word, said: Mapping[str, Response], language: str) -> Word:
    """A word by the answers to its sentences."""
    if not said:
        return Word(word.tokens, reason=f"there is no template in the language {language!r}")
    vectors, lost = {}, {}
    for name, answer in said.items():
        vector = unit(answer.vector) if isinstance(answer, Embedding) else None
        if vector is not None:
            vectors[name] = vector
        elif isinstance(answer, Embedding):
            lost[name] = Failure(NO_DIRECTION, beyond=True)
        else:
            lost[name] = _failure(answer)
    return Word(word.tokens, vectors, lost=lost)


def unit(vector: Sequence[float]) -> Floats | None:
    """A vector of length 1 in the same direction; None where it has none."""
    found = np.asarray(vector, dtype=np.float64)
    length = float(np.linalg.norm(found))
    return found / length if length > 0 else None


def _failure(answer: Response) -> Failure:
    if isinstance(answer, Failure):
        return answer
    return Failure(f"the model answered with {type(answer).__name__}, not with a vector")
