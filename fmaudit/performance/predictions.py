"""What the model predicts for each case: the rows under accuracy, F1, calibration."""

from __future__ import annotations

from collections.abc import Sequence

from fmaudit.engine.asks import ask
from fmaudit.registry import Context, NoParams, method
from fmaudit.scoring import CLASSIFIED, classified
from fmaudit.types import Asks, Case, Classify, Response, Row


def score(
    cases: Sequence[Case], responses: Sequence[Response], classes: Sequence[str]
) -> list[Row]:
    """One row a case from the model's answers, in order: columns of `scoring.CLASSIFIED`.

    `classes` are the class names in the order of the logits.

    Raises:
        UnknownName: a case's target is none of the classes.
        ValueError: not one response a case.
    """
    return [classified(case, given, classes) for case, given in zip(cases, responses, strict=True)]


@method("predictions", needs={"target": {"classify"}}, data={"text"}, columns=CLASSIFIED)
def predictions(cases: Sequence[Case], params: NoParams, context: Context) -> Asks[list[Row]]:
    """The predicted class and the probability of every class, one row a case.

    Standard classification outputs; a case without a target has a null `label`.
    """
    responses = yield from ask([Classify(input=case.input) for case in cases])
    return score(cases, responses, context.classes)
