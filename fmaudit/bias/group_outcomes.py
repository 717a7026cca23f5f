"""What the model decides for the people of each group: the rows under group fairness."""

from __future__ import annotations

from collections.abc import Sequence

from fmaudit.engine.asks import ask
from fmaudit.registry import Context, NoParams, method
from fmaudit.scoring import CLASSIFIED, classified
from fmaudit.types import Asks, Case, Classify, Response, Row

NO_LABEL = "the case has no label, and error rates need one"
NO_GROUP = "the case belongs to no group"


def score(
    cases: Sequence[Case], responses: Sequence[Response], classes: Sequence[str]
) -> list[Row]:
    """One row a case from the model's answers, in order: columns of `scoring.CLASSIFIED`.

    The figures over these rows compare groups, so a case without a label or without a group
    gives a row without values, with the reason.

    Raises:
        UnknownName: a case's target is none of the classes.
        ValueError: not one response a case.
    """
    return [_row(case, given, classes) for case, given in zip(cases, responses, strict=True)]


@method(
    "group_outcomes",
    needs={"target": {"classify"}},
    data={"text", "target", "groups"},
    columns=CLASSIFIED,
)
def group_outcomes(cases: Sequence[Case], params: NoParams, context: Context) -> Asks[list[Row]]:
    """The predicted and the true class of every case, to be compared between groups.

    Hardt, Price and Srebro (2016), https://arxiv.org/abs/1610.02413.
    """
    responses = yield from ask([Classify(input=case.input) for case in cases])
    return score(cases, responses, context.classes)


def _row(case: Case, response: Response, classes: Sequence[str]) -> Row:
    if case.target is None:
        return Row(case, {}, reason=NO_LABEL)
    if not case.groups:
        return Row(case, {}, reason=NO_GROUP)
    return classified(case, response, classes)
