"""What a change of the input does to a decision, beside what asking the same again does."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from fmaudit.engine.floor import CONDITIONS
from fmaudit.types import Request, Row

R = TypeVar("R", bound=Request)
Values = Mapping[str, Any]


def with_repeats(request: R) -> tuple[R, ...]:
    """A request, and its repeats: those of the noise floor."""
    again = (msgspec.structs.replace(request, **change) for change in CONDITIONS.values())
    return (request, *again)


def unusable(answers: Iterable[tuple[str, Row]]) -> str:
    """Which of the answers, named by what was asked, failed first, and why; "" where none did."""
    return next((f"{what}: {row.reason}" for what, row in answers if row.failed), "")


def compared(base: Values, changed: Values, repeats: Sequence[Values]) -> dict[str, Any]:
    """What a change of the input changed, of rows that `scoring.classified` made of one case.

    `flip`: the predicted class differs from the base's; `repeat_flip`: the share of repeats for
    which it does, 0 to 1. `correct`, `noisy_correct`, `repeat_correct`: the predicted class is
    the label's (the share of repeats), null without a label. `distance`: half the summed absolute
    change of all class probabilities (total variation), 0 to 1.
    """
    label = base["label"]
    moved = zip(changed["probs"], base["probs"], strict=True)
    flips = [row["predicted"] != base["predicted"] for row in repeats]
    values: dict[str, Any] = {
        "flip": changed["predicted"] != base["predicted"],
        "repeat_flip": sum(flips) / len(flips),
        "correct": None if label is None else base["predicted"] == label,
        "noisy_correct": None if label is None else changed["predicted"] == label,
        "distance": math.fsum(abs(a - b) for a, b in moved) / 2,
    }
    if label is not None:
        values["repeat_correct"] = sum(row["predicted"] == label for row in repeats) / len(repeats)
    return values
