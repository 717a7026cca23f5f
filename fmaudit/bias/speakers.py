"""Whom a language model expects to say a sentence in the first person: from two words to a row.

A sentence that goes with a stereotype stands in a frame ("…", he said; "…", she said), and the
masculine and the feminine word are compared. `Case.input` is the sentence, a group of the case says
its stereotype. Frames and stereotypes are the card's. What is asked of the model is the methods'
own: `speaker_gender`, `masked_speaker_gender`. Pikuliak, Hrckova, Oresko and Šimko (2024), GEST,
https://arxiv.org/abs/2311.18711.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from fmaudit.bias.preference import Read, Sums
from fmaudit.registry import Context
from fmaudit.types import Asks, Case, Failure, Input, Row

COLUMNS: Mapping[str, Any] = {
    "stereotype": str,
    "about": str,
    "frame": str,
    "masculine": Input,
    "feminine": Input,
    "log_ratio": float,
    "leaning": float,
    "stereotyped": float,
    "base_log_ratio": float,
    "base_stereotyped": float,
    "change": float,
}
"""The columns of a row that `row` makes."""

TEXT = "{text}"
"""Where a frame has the sentence."""

NO_TEXT = "the case is no single text"
UNNAMED = "the case goes with no stereotype that the card names"


class Frame(Struct, frozen=True, forbid_unknown_fields=True):
    """What stands around a sentence, of a man and of a woman who says it.

    `{text}` is the sentence. With a `prompt`, what follows it is compared; without one the two
    whole texts, which differ in one word.
    """

    name: str
    masculine: str
    feminine: str
    prompt: str = ""

    def __post_init__(self) -> None:
        """Refuse a frame that has no place for the sentence, or the same words on both sides."""
        held = [self.prompt] if self.prompt else [self.masculine, self.feminine]
        if not all(text.count(TEXT) == 1 for text in held):
            raise ValueError(f"the frame {self.name!r} needs {TEXT} once in {' and '.join(held)!r}")
        if self.masculine == self.feminine:
            raise ValueError(f"the frame {self.name!r} says the same of a man and a woman")

    def around(self, text: str) -> tuple[str, str, str]:
        """Of a sentence, the prompt, and what is compared of a man and of a woman."""
        parts = (self.prompt, self.masculine, self.feminine)
        prompt, masculine, feminine = (part.replace(TEXT, text) for part in parts)
        return prompt, masculine, feminine


class Stereotype(Struct, frozen=True, forbid_unknown_fields=True):
    """What a stereotype is called, and about whom it is."""

    name: str
    about: Literal["women", "men"]


class SpeakerParams(Struct, frozen=True, forbid_unknown_fields=True):
    """`stereotypes`: value of the cases' group `group` → what it stands for."""

    frames: tuple[Frame, ...]
    stereotypes: Mapping[str, Stereotype]
    group: str = "stereotype"


Framed = tuple[str, tuple[str, str, str]]
"""The role of the model that is asked; the prompt, and the two texts behind it."""

Reader = Callable[[Sequence[Framed]], Asks[list[Read]]]


def speaker_rows(
    cases: Sequence[Case],
    params: SpeakerParams,
    context: Context,
    needed: frozenset[str],
    read: Reader,
) -> Asks[list[Row]]:
    """A row for each case in each frame, read by the target and by the base where there is one."""
    beside = needed <= context.beside.get("base", frozenset())
    roles = ("target", "base") if beside else ("target",)
    fit = [case for case in cases if not unfit(case, params)]
    framed = [frame.around(str(case.input)) for case in fit for frame in params.frames]
    found = iter((yield from read([(role, texts) for role in roles for texts in framed])))
    by_role = [iter([next(found) for _ in framed]) for _ in roles]
    rows: list[Row] = []
    for case in cases:
        why = unfit(case, params)
        if why:
            rows.append(Row(case, {}, reason=why))
            continue
        stereotype = params.stereotypes[case.groups[params.group]]
        rows += [row(case, stereotype, f, *(next(said) for said in by_role)) for f in params.frames]
    return rows


def unfit(case: Case, params: SpeakerParams) -> str:
    """Why there is nothing to ask of a case; "" where there is."""
    if not isinstance(case.input, str) or not case.input.strip():
        return NO_TEXT
    return "" if case.groups.get(params.group) in params.stereotypes else UNNAMED


def row(
    case: Case, stereotype: Stereotype, frame: Frame, target: Read, base: Read | None = None
) -> Row:
    """The row of a sentence in a frame from what the target, and the base, make of it.

    `log_ratio`: the log-probability, to base 10 as the authors' scores are, of the masculine word
    less that of the feminine one. `leaning`: the same towards whom the stereotype is about.
    `stereotyped`: 1 over 0, 0 under 0, a half for a tie. `change`: the leaning less the base's.
    """
    prompt, masculine, feminine = frame.around(str(case.input))
    named: dict[str, Any] = {
        "stereotype": stereotype.name,
        "about": stereotype.about,
        "frame": frame.name,
        "masculine": prompt + masculine,
        "feminine": prompt + feminine,
    }
    if not isinstance(target, Sums):
        return _silent(case, frame, named, target)
    found, leaning, stereotyped = leanings(target, stereotype)
    named |= {"log_ratio": found, "leaning": leaning, "stereotyped": stereotyped}
    if base is None:
        return Row(case, named, variant=frame.name)
    if not isinstance(base, Sums):
        return _silent(case, frame, named, base, "base: ")
    before, was, theirs = leanings(base, stereotype)
    beside = {"base_log_ratio": before, "base_stereotyped": theirs, "change": leaning - was}
    return Row(case, named | beside, variant=frame.name)


def leanings(sums: Sums, stereotype: Stereotype) -> tuple[float, float, float]:
    """Log ratio to base 10, the same towards the stereotype, and whether that is over 0.

    >>> leanings(Sums(-1.0, -1.0, 1, 1), Stereotype("weak", "women"))[1:]
    (-0.0, 0.5)
    """
    found = (sums.more - sums.less) / math.log(10)
    leaning = found if stereotype.about == "men" else -found
    return found, leaning, 0.5 if leaning == 0 else float(leaning > 0)


def _silent(
    case: Case, frame: Frame, values: Mapping[str, Any], why: Failure | str, who: str = ""
) -> Row:
    if isinstance(why, Failure):
        said, failed = why.reason, not why.beyond
    else:
        said, failed = why, False
    return Row(case, values, variant=frame.name, reason=f"{who}{said}", failed=failed)
