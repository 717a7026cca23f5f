"""Whether the model is surer of the texts that it was trained on than of others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fmaudit.engine.asks import ask
from fmaudit.errors import UnknownName
from fmaudit.privacy import comparison
from fmaudit.privacy.comparison import MembershipParams
from fmaudit.privacy.members import sides
from fmaudit.registry import Context, method
from fmaudit.scoring import classification
from fmaudit.types import Asks, Case, Classify, Failure, Logits, Response, Row

COLUMNS: Mapping[str, Any] = {**comparison.COLUMNS, "loss": float}


@method(
    "membership_loss",
    needs={"target": {"classify"}},
    data={"text", "target", "member"},
    columns=COLUMNS,
    params=MembershipParams,
    whole=True,
)
def membership_loss(
    cases: Sequence[Case], params: MembershipParams, context: Context
) -> Asks[list[Row]]:
    """The probability of the true label on members and on non-members of the training data.

    The loss attack: Yeom et al. (2018), https://arxiv.org/abs/1709.01604. Beside it stands what
    a classifier that never sees the model makes of the same rows (`privacy.blind`).
    """
    found = sides(cases)
    told: Mapping[str, Any] = comparison.common(found, context)
    if few := comparison.too_few(found, params.fewest):
        return [comparison.silent(case, told, found.dropped.get(case.id, few)) for case in cases]
    answers = yield from ask([Classify(input=case.input) for case in found.kept])
    told, apart = comparison.beside(found, told, params, context)
    rows = {
        case.id: score(case, answer, context.classes, apart[case.id])
        for case, answer in zip(found.kept, answers, strict=True)
    }
    return [
        rows[case.id] if case.id in rows else comparison.silent(case, told, found.dropped[case.id])
        for case in cases
    ]


def score(
    case: Case, answer: Response, classes: Sequence[str], told: Mapping[str, Any] | None = None
) -> Row:
    """The row of one labelled case from the model's answer.

    `score`: the natural logarithm of the probability of the true label, at most 0; higher speaks
    for a member. `loss` = −score, in nats. `told` are the columns that the model has no part in
    (see `privacy.comparison`). An answer that cannot be used gives a failed row.

    Raises:
        UnknownName: the target is none of the classes.
    """
    label = str(case.target)
    if label not in classes:
        raise UnknownName("class", label, classes, f"case {case.id}")
    usable = classification(answer, classes)
    if isinstance(usable, Failure):
        fixed = {name: value for name, value in (told or {}).items() if name != "blind"}
        return Row(case, {"member": case.member, **fixed}, reason=usable.reason, failed=True)
    assert isinstance(answer, Logits)
    found = log_probability(answer.values, list(classes).index(label))
    return Row(case, {"member": case.member, "score": found, "loss": -found, **(told or {})})


def log_probability(logits: Sequence[float], label: int) -> float:
    """The log of softmax(logits)[label], to full precision near probability 1, where members lie.

    >>> log_probability((0.0, 40.0), 1) < 0
    True
    """
    ahead = [value - logits[label] for k, value in enumerate(logits) if k != label]
    top = max(ahead, default=0.0)
    if top <= 0:
        return -math.log1p(math.fsum(math.exp(value) for value in ahead))
    return -top - math.log(math.exp(-top) + math.fsum(math.exp(value - top) for value in ahead))
