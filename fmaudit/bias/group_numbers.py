"""The number that a model predicts for the people of each group, beside the true one."""

from __future__ import annotations

from collections.abc import Sequence

from fmaudit.engine.asks import ask
from fmaudit.registry import Context, NoParams, method
from fmaudit.scoring import classification
from fmaudit.types import Asks, Case, Classify, Failure, Response, Row

NO_NUMBER = "the case has no true number, and errors need one"
NO_GROUP = "the case belongs to no group"


@method(
    "group_numbers",
    needs={"target": {"classify"}},
    data={"text", "target", "groups", "number"},
    columns={"number": float, "predicted_number": float},
)
def group_numbers(cases: Sequence[Case], params: NoParams, context: Context) -> Asks[list[Row]]:
    """The predicted and the true number of every case, as places in the model's range.

    Agarwal, Dudík and Wu (2019), https://proceedings.mlr.press/v97/agarwal19d.html.
    """
    responses = yield from ask([Classify(input=case.input) for case in cases])
    return [_row(case, given, context) for case, given in zip(cases, responses, strict=True)]


def _row(case: Case, response: Response, context: Context) -> Row:
    if case.number is None:
        return Row(case, {}, reason=NO_NUMBER)
    if not case.groups:
        return Row(case, {}, reason=NO_GROUP)
    answer = classification(response, context.classes)
    if isinstance(answer, Failure):
        return Row(case, {}, reason=answer.reason, failed=True)
    # The probability of the second class is the predicted number's place in the range.
    return Row(case, {"number": case.number, "predicted_number": answer[1][1]})
