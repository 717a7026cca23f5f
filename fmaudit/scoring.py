"""From a classifier's answer to figures: one place for softmax, the predicted class, the row.

The families stand on this, so that performance and bias read one answer in one way, and
published logits can be scored without an engine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fmaudit.errors import UnknownName
from fmaudit.types import Case, Failure, Logits, Response, Row

CLASSIFIED: Mapping[str, Any] = {
    "label": int,
    "predicted": int,
    "probs": list[float],
    "tokens": int,
    "cut": int,
}
"""The columns of a row that `classified` makes."""


def classification(
    response: Response, classes: Sequence[str]
) -> tuple[int, tuple[float, ...]] | Failure:
    """The predicted class and the class probabilities: softmax in float64, summing to 1.

    Of equal logits the first class is predicted. What is no usable answer comes back as a
    `Failure`: a failed request, an answer of another kind, another number of logits than of
    classes, a logit that is not finite.

    >>> classification(Logits((0.0, 0.0)), ("no", "yes"))
    (0, (0.5, 0.5))
    """
    if isinstance(response, Failure):
        return response
    if not isinstance(response, Logits):
        return Failure(f"the model answered with {type(response).__name__}, not with logits")
    if len(response.values) != len(classes):
        return Failure(f"{len(response.values)} logits for {len(classes)} classes")
    if not all(math.isfinite(value) for value in response.values):
        return Failure("a logit is not finite")
    top = max(response.values)
    powers = [math.exp(value - top) for value in response.values]
    total = math.fsum(powers)
    # The logits decide, not the shares: two that differ in the last bits can round to one.
    return response.values.index(top), tuple(power / total for power in powers)


def classified(case: Case, response: Response, classes: Sequence[str]) -> Row:
    """The row of one classified case, with the columns of `CLASSIFIED`.

    `label` and `predicted` index `classes`; `label` is None where the case has no target.
    `tokens` is how many tokens were read, `cut` how many did not fit the model's window.
    An answer that cannot be used gives a failed row with its cause.

    Raises:
        UnknownName: the target is none of the classes.
    """
    label = _label(case, classes)
    answer = classification(response, classes)
    if isinstance(answer, Failure):
        return Row(case, {}, reason=answer.reason, failed=True)
    assert isinstance(response, Logits)
    predicted, probs = answer
    values = {
        "label": label,
        "predicted": predicted,
        "probs": list(probs),
        "tokens": response.tokens,
        "cut": response.cut,
    }
    return Row(case, values)


def _label(case: Case, classes: Sequence[str]) -> int | None:
    if case.target is None:
        return None
    if case.target not in classes:
        raise UnknownName("class", case.target, classes, f"case {case.id}")
    return list(classes).index(case.target)
