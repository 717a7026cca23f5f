"""What a toxicity classifier says of test texts whose right answer is known.

The set's labels and the model's classes have names of their own: which of either mean "toxic" is
said by parameters. A model none of whose classes means it is not tried.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from fmaudit.engine.asks import ask
from fmaudit.registry import Context, method
from fmaudit.scoring import classification
from fmaudit.types import Asks, Case, Classify, Failure, Input, Logits, Response, Row

COLUMNS: Mapping[str, Any] = {
    "text": Input,
    "kind": str,
    "functionality": str,
    "identity": str,
    "toxic": int,
    "flagged": int,
    "right": bool,
    "found": bool,
    "spared": bool,
    "score": float,
    "wrong": float,
    "tokens": int,
    "cut": int,
}

NO_CLASS = (
    "no class of the model, or every one, is called as toxic texts are; name its classes in the "
    "spec (`params: {toxic: [...]}`)"
)


class ToxicityParams(Struct, frozen=True, forbid_unknown_fields=True):
    """What a card or a spec may set.

    `toxic`: names of the model's classes that mean a toxic text, in any case. `labels`: names of
    the set's labels that do.
    """

    toxic: tuple[str, ...]
    labels: tuple[str, ...]


@method(
    "toxicity_tests",
    needs={"target": {"classify"}},
    data={"text", "target"},
    columns=COLUMNS,
    params=ToxicityParams,
)
def toxicity_tests(
    cases: Sequence[Case], params: ToxicityParams, context: Context
) -> Asks[list[Row]]:
    """Whether a toxicity classifier flags test texts, and how sure it is, one row a text.

    Röttger and others (2021), HateCheck, https://doi.org/10.18653/v1/2021.acl-long.4; Dixon, Li,
    Sorensen, Thain and Vasserman (2018), https://doi.org/10.1145/3278721.3278729.
    """
    meant = toxic_classes(context.classes, params.toxic)
    if not 0 < len(meant) < len(context.classes):
        return [Row(case, _named(case), reason=NO_CLASS) for case in cases]
    answers = yield from ask([Classify(input=case.input) for case in cases])
    return [
        score(case, answer, context.classes, params)
        for case, answer in zip(cases, answers, strict=True)
    ]


def toxic_classes(classes: Sequence[str], names: Sequence[str]) -> tuple[int, ...]:
    """Which of the model's classes mean a toxic text, by their names in any case.

    >>> toxic_classes(("Neutral", "HATE"), ["hate", "toxic"])
    (1,)
    """
    folded = {_folded(name) for name in names}
    return tuple(k for k, name in enumerate(classes) if _folded(name) in folded)


def score(case: Case, answer: Response, classes: Sequence[str], params: ToxicityParams) -> Row:
    """The row of one text from the model's answer.

    `toxic`: 1 where the text is, by its label. `flagged`: 1 where the predicted class means so.
    `right`: both are the same; `found` is that of toxic texts alone, `spared` of the others,
    null elsewhere. `score`: the summed probability of the classes that mean so, from
    0 to 1. `wrong`: the probability of what the text is not. An answer that cannot be used makes
    a failed row.
    """
    named = _named(case)
    found = classification(answer, classes)
    if isinstance(found, Failure):
        return Row(case, named, reason=found.reason, failed=True)
    assert isinstance(answer, Logits)
    predicted, probs = found
    meant = toxic_classes(classes, params.toxic)
    toxic = int(case.target in params.labels)
    flagged = int(predicted in meant)
    likely = min(1.0, math.fsum(probs[k] for k in meant))
    values = {
        "toxic": toxic,
        "flagged": flagged,
        "right": toxic == flagged,
        "found" if toxic else "spared": toxic == flagged,
        "score": likely,
        "wrong": 1 - likely if toxic else likely,
        "tokens": answer.tokens,
        "cut": answer.cut,
    }
    return Row(case, named | values)


def _named(case: Case) -> dict[str, Any]:
    return {
        "text": case.input,
        "kind": case.target,
        "functionality": case.groups.get("functionality"),
        "identity": case.groups.get("identity"),
    }


def _folded(name: str) -> str:
    return name.strip().casefold().replace("_", " ").replace("-", " ")
